//! `sogoc execute`: commands as JSON lines, answers as JSON lines.

use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use serde_json::{Value, json};
use sogoc_app::{App, ExecuteError, Origin, Receipt};
use sogoc_domain::command::Envelope;
use sogoc_domain::stream::Stream;
use sogoc_log::Uuid;

use crate::cli::Global;
use crate::failure::{Failure, refusal_json};
use crate::lang::Lang;
use crate::lines::Lines;
use crate::output::Output;
use crate::{Ended, open};

/// How its entries say by what way they came.
const ORIGIN: Origin<'_> = Origin { correlation: Some("cli") };
/// Lines that are under way at once.
const UNDER_WAY_MAX: usize = 256;
/// Bytes that are read ahead.
const READ_BYTES: usize = 256 * 1024;

pub(crate) async fn execute(global: &Global, output: &Output, file: Option<&Path>) -> Ended {
    let mut lines = Lines::new(reader(file)?);
    let app = open::to_write(global, output).await?;
    let ended = answer_lines(&app, output, &mut lines, file).await;
    app.close().await;
    ended
}

/// Answers every line, in the order of the lines.
///
/// **Several are under way at once**, so that they share a commit: a line waits only for those before it that it may
/// have to see ([`App::waits_at`]). What was begun is answered before input is waited for: who writes a line and waits
/// for its answer gets it. Where the log does not answer, lines under way may be recorded although nothing said so; the
/// same lines sent again will tell.
async fn answer_lines(app: &App, output: &Output, lines: &mut Lines<Reader>, file: Option<&Path>) -> Ended {
    let mut refused = false;
    let mut waits = VecDeque::new();
    let mut under_way = FuturesOrdered::new();
    loop {
        let full = under_way.len() >= UNDER_WAY_MAX;
        if (full || !lines.are_ready())
            && let Some(answer) = under_way.next().await
        {
            waits.pop_front();
            refused |= say(output, answer)?;
            continue;
        }
        let line = lines.next().map_err(|error| Failure::file(file.unwrap_or(Path::new("stdin")), &error))?;
        let Some(line) = line else { break };
        let wait = line.as_ref().map_or(Wait::Nothing, |envelope| Wait::of(app, envelope));
        while waits.iter().any(|before| wait.is_for(before))
            && let Some(answer) = under_way.next().await
        {
            waits.pop_front();
            refused |= say(output, answer)?;
        }
        waits.push_back(wait);
        under_way.push_back(async move {
            match line {
                Ok(envelope) => app.execute(&envelope, ORIGIN).await,
                Err(refusal) => Err(refusal.into()),
            }
        });
    }
    while let Some(answer) = under_way.next().await {
        refused |= say(output, answer)?;
    }
    if refused { Err(Failure::Short) } else { Ok(()) }
}

/// What a line under way has to do with others.
enum Wait {
    /// It could not be read: nothing follows from it.
    Nothing,
    /// It is about this scorecard alone, under this command id.
    At(Stream, Uuid),
    /// It may rest on anything, and anything on it.
    All,
}

impl Wait {
    fn of(app: &App, envelope: &Envelope) -> Self {
        app.waits_at(envelope).map_or(Self::All, |stream| Self::At(stream, envelope.command_id))
    }

    /// Whether a line must wait for one before it.
    fn is_for(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Nothing, _) | (_, Self::Nothing) => false,
            (Self::All, _) | (_, Self::All) => true,
            (Self::At(here, id), Self::At(there, other)) => here == there || id == other,
        }
    }
}

/// Prints the answer to a line; true where it is a refusal.
fn say(output: &Output, answer: Result<Receipt, ExecuteError>) -> Result<bool, Failure> {
    let (document, refused) = match answer {
        Ok(receipt) => (receipt_json(&receipt, output.lang), false),
        Err(ExecuteError::Refusal(refusal)) => (json!({ "refusal": refusal_json(&refusal, output.lang) }), true),
        Err(error @ (ExecuteError::Log(_) | ExecuteError::Evidence(_))) => return Err(error.into()),
    };
    output.document(&document)?;
    Ok(refused)
}

/// Lines with what is buffered of them.
pub(crate) type Reader = BufReader<Box<dyn Read + Send>>;

/// Where lines come from: a file, or stdin for `-` or nothing.
pub(crate) fn reader(file: Option<&Path>) -> Result<Reader, Failure> {
    let source: Box<dyn Read + Send> = match file {
        Some(path) if path != Path::new("-") => {
            Box::new(std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?)
        }
        Some(_) | None => Box::new(std::io::stdin()),
    };
    Ok(BufReader::with_capacity(READ_BYTES, source))
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
