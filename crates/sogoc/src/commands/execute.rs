//! `sogoc execute`: commands as JSON lines, answers as JSON lines.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use sogoc_app::{App, ExecuteError, Origin, Receipt};

use crate::cli::Global;
use crate::failure::{Failure, refusal_json};
use crate::lang::Lang;
use crate::lines::Lines;
use crate::output::Output;
use crate::{Ended, open};

/// How its entries say by what way they came.
const ORIGIN: Origin<'_> = Origin { correlation: Some("cli") };

pub(crate) async fn execute(global: &Global, output: &Output, file: Option<&Path>) -> Ended {
    let mut lines = Lines::new(reader(file)?);
    let app = open::to_write(global, output).await?;
    let ended = answer_lines(&app, output, &mut lines, file).await;
    app.close().await;
    ended
}

async fn answer_lines(
    app: &App,
    output: &Output,
    lines: &mut Lines<Box<dyn BufRead + Send>>,
    file: Option<&Path>,
) -> Ended {
    let mut refused = false;
    loop {
        let line = lines.next().map_err(|error| Failure::file(file.unwrap_or(Path::new("stdin")), &error))?;
        let Some(line) = line else { break };
        let answer = match line {
            Ok(envelope) => match app.execute(&envelope, ORIGIN).await {
                Ok(receipt) => receipt_json(&receipt, output.lang),
                Err(ExecuteError::Refusal(refusal)) => {
                    refused = true;
                    json!({ "refusal": refusal_json(&refusal, output.lang) })
                }
                Err(ExecuteError::Log(error)) => return Err(error.into()),
            },
            Err(refusal) => {
                refused = true;
                json!({ "refusal": refusal_json(&refusal, output.lang) })
            }
        };
        output.document(&answer)?;
    }
    if refused { Err(Failure::Short) } else { Ok(()) }
}

/// Where lines come from: a file, or stdin for `-` or nothing.
pub(crate) fn reader(file: Option<&Path>) -> Result<Box<dyn BufRead + Send>, Failure> {
    match file {
        Some(path) if path != Path::new("-") => {
            let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
            Ok(Box::new(BufReader::new(file)))
        }
        Some(_) | None => Ok(Box::new(BufReader::new(std::io::stdin()))),
    }
}

/// A receipt as the contract writes it. What a bulk command left out stands beside the positions.
pub(crate) fn receipt_json(receipt: &Receipt, lang: Lang) -> Value {
    let mut document = json!({
        "command_id": receipt.command_id,
        "positions": receipt.positions,
        "at": receipt.at,
    });
    if receipt.repeated {
        document["repeated"] = true.into();
    }
    if !receipt.failures.is_empty() {
        let failures = receipt
            .failures
            .iter()
            .map(|failure| json!({ "item": failure.item, "refusal": refusal_json(&failure.refusal, lang) }));
        document["failures"] = failures.collect();
    }
    json!({ "receipt": document })
}
