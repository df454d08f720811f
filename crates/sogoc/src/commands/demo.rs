//! `sogoc demo`: Hà Nam's 2022 season, from the data in the binary to traced rankings; or a small live season to act in.

use serde_json::json;
use sogoc_app::import::embedded::HANAM_2022;
use sogoc_app::import::{Claim, Plan, PlannedCommand};
use sogoc_app::{App, BundleError, Files, Texts};
use sogoc_domain::values::{PhaseId, SeasonId, Timestamp};
use sogoc_register::bundle::Depth;
use sogoc_report::{Labels, Shown};

use super::import::{counts_json, counts_text, failed, run_plan};
use super::reading::{ranking_text, trace_text};
use super::reconcile;
use super::{bundle, evidence};
use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::lang::Lang;
use crate::output::Output;
use crate::{Ended, keys, open};

/// The figure whose trace is shown.
const TRACED: &str = "departments/so-xay-dung/leaf/1.5/appraised_points";
/// The figure that is proved, and the file that proves it.
const PROVED: &str = "departments/so-xay-dung/index";
const PROVED_FILE: &str = "so-xay-dung-index.bundle";
/// Nodes that a shortened trace is made of at most.
const TRACED_NODES: usize = 500;

pub(crate) async fn run(global: &Global, output: &Output) -> Ended {
    let app = open::to_write(global, output).await?;
    let ended = load(&app, global, output).await;
    app.close().await;
    ended
}

pub(crate) async fn run_live(global: &Global, output: &Output) -> Ended {
    let app = open::to_write(global, output).await?;
    let ended = load_live(&app, output).await;
    app.close().await;
    ended
}

async fn load_live(app: &App, output: &Output) -> Ended {
    let plan = app.plan_live_sample();
    let is_others = |first: &PlannedCommand| {
        let register = app.register();
        register.world().is_founded() && !register.world().accounts.contains_key(&first.envelope.account)
    };
    if plan.commands.first().is_some_and(is_others) {
        let lang = output.lang;
        return Err(Failure::Input {
            message: lang
                .pick("sổ này không phải sổ thử nghiệm", "this register is none to try things out in")
                .to_owned(),
            remedy: Remedy {
                vi: "nạp vào một sổ riêng: sogoc --store sqlite:thu-nghiem.db demo --live",
                en: "give the sample a register of its own: sogoc --store sqlite:sample.db demo --live",
            },
        });
    }
    let outcome = run_plan(app, output, &plan, None).await?;
    let [lodged, decided] = ["appeal", "appeal-decision"].map(|phase| ends(app, &plan.season, phase));
    let mut document = counts_json(app, output, &outcome).await?;
    document["season"] = json!(plan.season);
    document["appeals_until"] = json!(lodged);
    document["decisions_until"] = json!(decided);
    let ranking = ranking_text(app, output, &plan.season, None)?;
    output.answer(&document, || {
        let counts = counts_text(&outcome, output);
        let time = |time: Option<Timestamp>| time.map_or_else(|| "–".to_owned(), |time| time.to_string());
        counts + &live_text(output.lang, app.log().store(), &ranking, &time(lodged), &time(decided))
    })
}

fn ends(app: &App, season: &SeasonId, phase: &str) -> Option<Timestamp> {
    app.register().world().seasons.get(season)?.end_of(&PhaseId::try_new(phase).ok()?, None, None)
}

async fn load(app: &App, global: &Global, output: &Output) -> Ended {
    let plan = app.plan_season(&HANAM_2022).await.map_err(failed)?;
    app.store_files(&HANAM_2022, &plan).await.map_err(failed)?;
    let outcome = run_plan(app, output, &plan, None).await?;
    if output.json {
        return output.document(&counts_json(app, output, &outcome).await?);
    }
    let text = text(app, global, output, &plan, &counts_text(&outcome, output)).await?;
    output.text(&text)
}

async fn text(app: &App, global: &Global, output: &Output, plan: &Plan, counts: &str) -> Result<String, Failure> {
    let (lang, season) = (output.lang, &plan.season);
    let heading = |vi: &str, en: &str| format!("\n── {} ──\n\n", lang.pick(vi, en));
    let mut text = counts.to_owned();
    text.push_str(&heading("Xếp hạng", "Ranking"));
    text.push_str(&ranking_text(app, output, season, None)?);
    text.push_str(&heading("Số liệu theo khối", "Figures of the groups"));
    text.push_str(&group_figures(app, output, season)?);
    text.push_str(&heading("Một số liệu và các mục làm nên nó", "One figure, and the entries behind it"));
    text.push_str(&traced(app, output, season).await?);
    text.push_str(&heading("Tài liệu kiểm chứng và chữ ký số", "Evidence, and what its signatures are worth"));
    text.push_str(&evidence::examined_text(app, output, season).await?);
    text.push_str(&heading("Đối chiếu với báo cáo đã in", "Reconciliation with the printed report"));
    text.push_str(&reconciled(app, output, season, &plan.claims)?);
    text.push_str(&heading(
        "Chứng minh một số liệu cho người không tin mình",
        "Proving a figure to somebody who does not trust us",
    ));
    text.push_str(&proved(app, global, output, season).await?);
    text.push_str(&heading("Xem tiếp", "What to try next"));
    text.push_str(&next(app.log().store(), season, lang));
    Ok(text)
}

fn group_figures(app: &App, output: &Output, season: &SeasonId) -> Result<String, Failure> {
    let register = app.register();
    let figures = register.figures(season.as_str(), None, register.now())?;
    let labels = Labels::new(register.world(), season.as_str(), output.lang.language());
    Ok(sogoc_report::group_figures(season.as_str(), &figures, &labels, output.style))
}

async fn traced(app: &App, output: &Output, season: &SeasonId) -> Result<String, Failure> {
    let mut trace = {
        let register = app.register();
        register.trace(&format!("{season}/{TRACED}"), register.now(), TRACED_NODES)?
    };
    app.fill_trace(&mut trace).await?;
    Ok(trace_text(app, output, &trace, Shown::default()))
}

fn reconciled(app: &App, output: &Output, season: &SeasonId, claims: &[Claim]) -> Result<String, Failure> {
    let verdicts = reconcile::verdicts(app, season, claims)?;
    Ok(reconcile::summary_text(&verdicts, output))
}

/// A bundle written to a file, and what verifying that file says.
async fn proved(app: &App, global: &Global, output: &Output, season: &SeasonId) -> Result<String, Failure> {
    let Some(key) = keys::find(global, output, app.log())? else {
        return Ok(output
            .lang
            .pick("sổ chưa có khóa: chạy `sogoc log key --new`\n", "the log has no key: run `sogoc log key --new`\n")
            .to_owned());
    };
    app.sign().await?;
    let address = format!("{season}/{PROVED}");
    let plan = {
        let register = app.register();
        register.bundle(&address, register.bundle_cut(&address), Depth::Table).map_err(BundleError::from)?
    };
    let bundle = app.bundle(&plan, Texts::Sealed, Files::LeftOut).await?;
    let file = keys::key_path(global, app.log()).with_file_name(PROVED_FILE);
    std::fs::write(&file, &bundle).map_err(|error| Failure::file(&file, &error))?;
    let (file, vkey) = (file.display(), key.verifier().to_string());
    let commands = format!("$ sogoc proof figure {address} -o {file}\n$ sogoc verify {file} --log-key {vkey}\n\n");
    Ok(commands + &bundle::verified_text(&bundle, &vkey, output)?)
}

fn next(store: &str, season: &SeasonId, lang: Lang) -> String {
    match lang {
        Lang::Vi => format!(
            "Sổ nằm tại {store}\n
  sogoc trace {season}/departments/so-noi-vu/index        số liệu do đâu mà có
  sogoc ranking {season} --as-of-occurred 2022-12-06T00:00:00+07:00   bảng trước khi giải quyết kiến nghị
  sogoc history {season} so-xay-dung                      ai đã đổi gì, khi nào, vì sao
  sogoc log verify                                            kiểm tra từng byte
  sogoc --help                                                mọi lệnh, kèm ví dụ\n"
        ),
        Lang::En => format!(
            "The register is at {store}\n
  sogoc trace {season}/departments/so-noi-vu/index        where a figure comes from
  sogoc ranking {season} --as-of-occurred 2022-12-06T00:00:00+07:00   the table before the appeals were decided
  sogoc history {season} so-xay-dung                      who changed what, when and why
  sogoc log verify                                            check every byte
  sogoc --help                                                every command, with examples\n"
        ),
    }
}

/// Who appeals in the live sample season and who decides: what README.md's example does, step by step.
fn live_text(lang: Lang, store: &str, ranking: &str, lodged: &str, decided: &str) -> String {
    const LODGE: &str = "  LEADER=$(sogoc account token acc-so-y-te-leader-1 --name appeal --scope read --scope command:lodge-appeal)
  SECRETARY=$(sogoc account token acc-so-noi-vu-secretariat-1 --name decide --scope read --scope command:decide-appeal)
  sogoc serve &
  SOGOC_TOKEN=$LEADER clients/curl.sh http://127.0.0.1:8080 pilot-2026 so-y-te kn-1 1.1.1 1 'Tài liệu đã nộp đúng hạn' &";
    const DECIDE: &str = r#"  curl http://127.0.0.1:8080/v1/commands/decide-appeal -H "Authorization: Bearer $SECRETARY" \
    -H 'Content-Type: application/json' -d '{"command_id":"0193a8e0-0000-7000-8000-000000000001",
      "season":"pilot-2026","agency":"so-y-te","appeal":"kn-1","decisions":[{"item":1,"outcome":"upheld",
        "sets":{"points":{"override":"1"}},"reason_code":"appeal_upheld","reason":"Đã đối chiếu hồ sơ"}],
      "voters":["acc-so-noi-vu-council-1","acc-so-tu-phap-council-1"]}'"#;
    match lang {
        Lang::Vi => format!(
            "\
DỮ LIỆU MẪU: đợt pilot-2026 đang chạy trong sổ tại {store}
Kết quả đã công bố tạm thời. Nhận kiến nghị đến trước {lodged}, giải quyết đến trước {decided}.

{ranking}
── Xem tiếp ──

Sở Y tế bị trừ điểm ở 1.1.1 và 2.3. Giám đốc Sở gửi kiến nghị và theo dõi:

{LODGE}

Hai ủy viên Hội đồng biểu quyết, Tổ thư ký nhập; người theo dõi thấy quyết định:

{DECIDE}\n"
        ),
        Lang::En => format!(
            "\
SAMPLE DATA: season pilot-2026 is live, in the register at {store}
Its results are published provisionally. Appeals are taken before {lodged} and decided before {decided}.

{ranking}
── What to try next ──

The Department of Health lost points at 1.1.1 and 2.3. Its leader appeals and watches:

{LODGE}

Two members of the council vote, the secretariat enters it, and the watcher sees the decision:

{DECIDE}\n"
        ),
    }
}
