//! `sogoc criteria SET`.

use serde_json::json;
use sogoc_domain::criteria::{CriteriaSet, Node};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::values::SetId;
use sogoc_report::Table;

use crate::cli::Global;
use crate::lang::Lang;
use crate::output::Output;
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, id: &SetId) -> Ended {
    let app = open::to_read(global, output).await?;
    let set = app.register().world().sets.get(id).cloned();
    app.close().await;
    let set = set.ok_or_else(|| Refusal::new(Code::Unknown).with("what", "criteria set").with("id", id))?;
    let domains = domains(&set);
    let document = json!({
        "set": id, "title": set.title, "title_en": set.title_en, "status": set.status,
        "version": set.current_version(), "max_points": set.max_points, "domains": domains,
    });
    output.answer(&document, || {
        let lang = output.lang;
        let mut table = Table::new()
            .text(lang.pick("Mã", "Code"))
            .prose(lang.pick("Tên", "Name"))
            .number(lang.pick("Điểm tối đa", "Max"))
            .text(lang.pick("Cách tính", "Rule"))
            .text(lang.pick("Cơ quan chủ trì", "Lead agency"));
        for domain in domains {
            rows(&mut table, domain, 0, lang);
        }
        format!("{id} v{} · {}\n{}", set.current_version(), set.title, table.render(output.style))
    })
}

/// The domains of the version that holds now; of a draft, as drafted.
fn domains(set: &CriteriaSet) -> &[Node] {
    set.current().map_or(&set.domains, |version| &version.domains)
}

fn rows(table: &mut Table, node: &Node, depth: usize, lang: Lang) {
    let name = match lang {
        Lang::Vi => &node.name,
        Lang::En => node.name_en.as_ref().unwrap_or(&node.name),
    };
    let rule = node.leaf.as_ref().map_or("", |leaf| leaf.rule.name());
    let lead = node.lead_agency.as_ref().map(ToString::to_string).unwrap_or_default();
    table.row([
        format!("{}{}", "  ".repeat(depth), node.code),
        name.to_string(),
        node.max_points.to_string(),
        rule.to_owned(),
        lead,
    ]);
    for child in &node.children {
        rows(table, child, depth + 1, lang);
    }
}
