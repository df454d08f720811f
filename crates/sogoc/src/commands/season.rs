//! `sogoc season …`.

use std::path::Path;

use serde_json::{Value, json};
use sogoc_app::import::{Folder, Source, season_folder};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::season::Season;
use sogoc_domain::values::SeasonId;
use sogoc_domain::{World, policy::Mode};
use sogoc_report::Table;

use super::import::{counts_json, counts_text, failed, run_plan};
use crate::cli::{Global, SeasonCommand};
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, command: &SeasonCommand) -> Ended {
    match command {
        SeasonCommand::Import { dir } => import(global, output, dir).await,
        SeasonCommand::Show { season } => show(global, output, season).await,
    }
}

async fn import(global: &Global, output: &Output, dir: &Path) -> Ended {
    if !dir.is_dir() {
        return Err(Failure::Input {
            message: format!("{}: not a folder", dir.display()),
            remedy: Remedy {
                vi: "cho đường dẫn thư mục của đợt đánh giá", en: "give the path of a season folder"
            },
        });
    }
    let folder = Folder::new(dir);
    // Read once before the store is touched: a folder that cannot be read makes no store.
    season_folder::plan(&folder, &season_folder::Founding::ByThisImport)
        .map_err(|error| Failure::input(error.to_string()))?;
    let app = open::to_write(global, output).await?;
    let ended = load(&app, output, &folder).await;
    app.close().await;
    let (document, text) = ended?;
    output.answer(&document, || text)
}

async fn load(app: &sogoc_app::App, output: &Output, source: &(dyn Source + Sync)) -> Result<(Value, String), Failure> {
    let plan = app.plan_season(source).await.map_err(failed)?;
    app.store_files(source, &plan).await.map_err(failed)?;
    let outcome = run_plan(app, output, &plan, None).await?;
    let next = match output.lang {
        crate::lang::Lang::Vi => format!("Xem tiếp: sogoc ranking {}\n", plan.season),
        crate::lang::Lang::En => format!("Next: sogoc ranking {}\n", plan.season),
    };
    Ok((counts_json(app, output, &outcome).await?, format!("{}{next}", counts_text(&outcome, output))))
}

async fn show(global: &Global, output: &Output, id: &SeasonId) -> Ended {
    let app = open::to_read(global, output).await?;
    let shown = {
        let register = app.register();
        match register.world().seasons.get(id) {
            Some(season) => {
                let document = document(register.world(), id, season);
                Ok((text(&document, output), document))
            }
            None => Err(unknown_season(register.world(), id)),
        }
    };
    app.close().await;
    let (text, document) = shown?;
    output.answer(&document, || text)
}

/// That a season is not in the register, and which are.
pub(crate) fn unknown_season(world: &World, id: &SeasonId) -> Failure {
    if world.seasons.is_empty() {
        return Failure::Input {
            message: "the register holds no season yet / sổ chưa có đợt đánh giá nào".to_owned(),
            remedy: Remedy {
                vi: "chạy `sogoc demo` để nạp dữ liệu mẫu, hoặc `sogoc season import THƯ-MỤC`",
                en: "run `sogoc demo` to load the sample season, or `sogoc season import DIR`",
            },
        };
    }
    Refusal::new(Code::Unknown).with("what", "season").with("id", id).into()
}

fn document(world: &World, id: &SeasonId, season: &Season) -> Value {
    let results = world.results.get(id);
    let groups: Vec<Value> = season
        .groups
        .iter()
        .map(|(group, g)| {
            let agencies = season.agencies.values().filter(|m| m.group == *group).count();
            json!({ "group": group, "name": g.name.vi, "set": g.set, "set_version": g.set_version, "agencies": agencies })
        })
        .collect();
    let mut phases: Vec<_> = season.phases.iter().collect();
    phases.sort_by_key(|(phase, p)| (p.start, p.end, (*phase).clone()));
    let phases: Vec<Value> = phases
        .into_iter()
        .map(|(phase, p)| {
            json!({
                "phase": phase, "name": p.name.vi, "start": p.start,
                "end": season.end_of(phase, None, None).unwrap_or(p.end), "admits": p.admits,
            })
        })
        .collect();
    let editions: Vec<Value> = results
        .map_or(&[][..], |r| &r.editions)
        .iter()
        .zip(1_u32..)
        .map(|(e, number)| {
            json!({
                "edition": number, "kind": e.kind, "announcement": e.announcement, "as_of": e.as_of,
                "instrument": e.instrument, "annulled": e.annulled,
            })
        })
        .collect();
    let state = if season.is_active() { "active" } else { "in-preparation" };
    json!({
        "season": id, "year": season.year, "title": season.title, "title_en": season.title_en,
        "mode": if season.mode == Mode::Imported { "imported" } else { "live" }, "state": state,
        "rules_version": season.rules_version, "comparison": season.comparison,
        "groups": groups, "phases": phases, "editions": editions,
        "announcements": results.map_or(0, |r| r.announcements.len()),
    })
}

fn text(document: &Value, output: &Output) -> String {
    let lang = output.lang;
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let mut groups = Table::new()
        .text(lang.pick("Khối", "Group"))
        .text(lang.pick("Tên", "Name"))
        .text(lang.pick("Bộ tiêu chí", "Criteria set"))
        .number(lang.pick("Cơ quan", "Agencies"));
    for g in list("groups") {
        groups.row([cell(&g["group"]), cell(&g["name"]), cell(&g["set"]), cell(&g["agencies"])]);
    }
    let mut phases = Table::new()
        .text(lang.pick("Giai đoạn", "Phase"))
        .text(lang.pick("Từ", "From"))
        .text(lang.pick("Đến trước", "Until"))
        .prose(lang.pick("Tên", "Name"));
    for p in list("phases") {
        phases.row([cell(&p["phase"]), cell(&p["start"]), cell(&p["end"]), cell(&p["name"])]);
    }
    let mut editions = Table::new()
        .number(lang.pick("Lần", "Edition"))
        .text(lang.pick("Loại", "Kind"))
        .number(lang.pick("Tại vị trí", "As of"))
        .text(lang.pick("Văn bản", "Instrument"))
        .text(lang.pick("Đã hủy", "Annulled"));
    for e in list("editions") {
        editions.row([
            cell(&e["edition"]),
            cell(&e["kind"]),
            cell(&e["as_of"]),
            cell(&e["instrument"]),
            cell(&e["annulled"]),
        ]);
    }
    let mut text = format!(
        "{} · {} · {} · {}\n{}\n\n",
        cell(&document["season"]),
        cell(&document["year"]),
        cell(&document["mode"]),
        cell(&document["state"]),
        cell(&document["title"]),
    );
    for table in [groups, phases, editions] {
        if !table.is_empty() {
            text.push_str(&table.render(output.style));
            text.push('\n');
        }
    }
    text
}
