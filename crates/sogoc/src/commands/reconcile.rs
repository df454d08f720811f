//! `sogoc reconcile SEASON FILE`.

use std::path::Path;

use sogoc_app::App;
use sogoc_app::import::{Claim, claims};
use sogoc_domain::values::SeasonId;
use sogoc_register::{Cut, Printed, Reconciled, Register, Verdict};
use sogoc_report::Listed;

use super::import::{name_of, read};
use super::reading::cut;
use crate::cli::Global;
use crate::failure::Failure;
use crate::output::Output;
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, season: &SeasonId, file: &Path, strict: bool) -> Ended {
    let bytes = read(file)?;
    let claims = claims::read(&name_of(file), &bytes).map_err(|error| Failure::input(error.to_string()))?;
    let app = open::to_read(global, output).await?;
    let verdicts = {
        let register = app.register();
        cut(global, &register, season.as_str()).and_then(|cut| judged(&register, season, &claims, cut))
    };
    app.close().await;
    let verdicts = verdicts?;
    output
        .answer(&verdicts, || sogoc_report::reconciled(&verdicts, Listed::All, output.lang.language(), output.style))?;
    let differs = verdicts.iter().any(|v| v.verdict == Verdict::Mismatch);
    if strict && differs { Err(Failure::Short) } else { Ok(()) }
}

/// Printed figures against the register as it stands.
pub(crate) fn verdicts(app: &App, season: &SeasonId, claims: &[Claim]) -> Result<Vec<Reconciled>, Failure> {
    let register = app.register();
    judged(&register, season, claims, register.now())
}

fn judged(register: &Register, season: &SeasonId, claims: &[Claim], cut: Cut) -> Result<Vec<Reconciled>, Failure> {
    let printed: Vec<Printed> = claims
        .iter()
        .map(|claim| Printed {
            claim_id: claim.claim_id.clone(),
            figure: claim.figure.clone(),
            published: claim.published.clone(),
        })
        .collect();
    Ok(register.reconcile(season.as_str(), &printed, cut)?)
}

/// How many agree, and those that do not.
pub(crate) fn summary_text(verdicts: &[Reconciled], output: &Output) -> String {
    sogoc_report::reconciled(verdicts, Listed::Different, output.lang.language(), output.style)
}
