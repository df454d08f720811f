//! `sogoc what-if FILE`.

use std::path::Path;

use serde_json::json;
use sogoc_domain::command::Envelope;
use sogoc_report::Table;

use super::execute::reader;
use crate::cli::Global;
use crate::failure::Failure;
use crate::lines::Lines;
use crate::output::Output;
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, file: &Path) -> Ended {
    let commands = commands(file, output)?;
    let app = open::to_read_files(global, output).await?;
    let changed = app.what_if(&commands).await;
    app.close().await;
    let changed = changed.map_err(|refused| {
        output.say(&format!("{} {}:", output.lang.pick("lệnh thứ", "command"), refused.number));
        Failure::Refused(*refused.refusal)
    })?;
    output.answer(&json!({ "changed": changed }), || {
        if changed.is_empty() {
            return output.lang.pick("Không số liệu nào thay đổi.\n", "No figure would change.\n").to_owned();
        }
        let mut table = Table::new()
            .text(output.lang.pick("Số liệu", "Figure"))
            .number(output.lang.pick("Hiện tại", "Before"))
            .number(output.lang.pick("Sẽ là", "After"));
        let cell = |value: &sogoc_register::Value| value.text().unwrap_or_else(|| "–".to_owned());
        for figure in &changed {
            table.row([figure.address.clone(), cell(&figure.before), cell(&figure.after)]);
        }
        table.render(output.style)
    })
}

/// All commands of a file; here one bad line refuses the whole, for figures of the rest would mislead.
fn commands(file: &Path, output: &Output) -> Result<Vec<Envelope>, Failure> {
    let mut lines = Lines::new(reader(Some(file))?);
    let mut commands = Vec::new();
    loop {
        match lines.next().map_err(|error| Failure::file(file, &error))? {
            None => return Ok(commands),
            Some(Ok(envelope)) => commands.push(envelope),
            Some(Err(refusal)) => {
                let number = commands.len() + 1;
                output.say(&format!("{} {number}:", output.lang.pick("lệnh thứ", "command")));
                return Err(refusal.into());
            }
        }
    }
}
