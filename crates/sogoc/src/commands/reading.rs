//! Questions to the register: ranking, figures, traces, histories, contributions.

use serde_json::{Value, json};
use sogoc_app::App;
use sogoc_domain::values::{AgencyId, GroupId, SeasonId, Timestamp};
use sogoc_register::{AsOf, Cut, FigureValue, HistoryItem, QueryError, Register, TRACE_NODES_MAX, Trace, Why};
use sogoc_report::{Labels, Shown};

use super::evidence::reason_text;
use crate::cli::{AsOfArg, Global};
use crate::failure::Failure;
use crate::output::Output;
use crate::{Ended, open};

/// As of when a command reads. `season` is the one whose own time axis `--as-of-occurred` goes by.
pub(crate) fn cut(global: &Global, register: &Register, season: &str) -> Result<Cut, Failure> {
    let as_of = match (global.as_of, global.as_of_occurred) {
        (_, Some(time)) => occurred(season, time)?,
        (Some(AsOfArg::Position(position)), None) => AsOf::Position(position),
        (Some(AsOfArg::Instant(time)), None) => AsOf::Instant(time),
        (None, None) => AsOf::Head,
    };
    Ok(register.cut(&as_of).map_err(QueryError::from)?)
}

fn occurred(season: &str, time: Timestamp) -> Result<AsOf, Failure> {
    match season.parse::<SeasonId>() {
        Ok(season) => Ok(AsOf::Occurred(season, time)),
        Err(error) => Err(Failure::input(error.to_string())),
    }
}

/// Opens the register, asks it once, and closes it.
async fn ask<T>(
    global: &Global,
    output: &Output,
    question: impl FnOnce(&Register) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let app = open::to_read(global, output).await?;
    let answer = question(&app.register());
    app.close().await;
    answer
}

pub(crate) async fn ranking(global: &Global, output: &Output, season: &SeasonId, group: Option<&GroupId>) -> Ended {
    let (rows, text) = ask(global, output, |register| {
        let cut = cut(global, register, season.as_str())?;
        let rows = register.ranking(season.as_str(), group.map(GroupId::as_str), cut)?;
        let labels = Labels::new(register.world(), season.as_str(), output.lang.language());
        let text = sogoc_report::ranking(&rows, &labels, output.style);
        Ok((rows, text))
    })
    .await?;
    output.answer(&rows, || text)
}

/// The tables of a season that was just loaded.
pub(crate) fn ranking_text(
    app: &App,
    output: &Output,
    season: &SeasonId,
    group: Option<&GroupId>,
) -> Result<String, Failure> {
    let register = app.register();
    let rows = register.ranking(season.as_str(), group.map(GroupId::as_str), register.now())?;
    let labels = Labels::new(register.world(), season.as_str(), output.lang.language());
    Ok(sogoc_report::ranking(&rows, &labels, output.style))
}

pub(crate) async fn figure(global: &Global, output: &Output, address: &str) -> Ended {
    let season = season_of(address);
    let (document, text) = ask(global, output, |register| {
        let cut = cut(global, register, season)?;
        let figure = register.value(address, cut)?;
        let labels = Labels::new(register.world(), season, output.lang.language());
        let text = sogoc_report::figure(&figure, position(cut), &labels);
        Ok((figure_json(&figure, cut), text))
    })
    .await?;
    output.answer(&document, || text)
}

pub(crate) async fn figures(global: &Global, output: &Output, season: &SeasonId, under: Option<&str>) -> Ended {
    let (documents, text) = ask(global, output, |register| {
        let cut = cut(global, register, season.as_str())?;
        let figures = register.figures(season.as_str(), under, cut)?;
        let labels = Labels::new(register.world(), season.as_str(), output.lang.language());
        let text = if output.json { String::new() } else { sogoc_report::figures(&figures, &labels, output.style) };
        Ok((figures.iter().map(|figure| figure_json(figure, cut)).collect::<Vec<_>>(), text))
    })
    .await?;
    output.answer(&documents, || text)
}

/// A figure as the contract writes it, with the position that it is of.
fn figure_json(figure: &FigureValue, cut: Cut) -> Value {
    let mut document = json!(figure);
    document["as_of"] = json!(cut.position());
    document
}

fn position(cut: Cut) -> u64 {
    cut.position().unwrap_or(0)
}

/// The season of an address: its first part.
pub(crate) fn season_of(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

pub(crate) async fn trace(global: &Global, output: &Output, address: &str, depth: Option<usize>) -> Ended {
    let app = open::to_read(global, output).await?;
    let traced = traced(&app, global, address).await;
    let text = traced
        .as_ref()
        .ok()
        .filter(|_| !output.json)
        .map(|trace| trace_text(&app, output, trace, Shown { depth, inputs: None }));
    app.close().await;
    output.answer(&traced?, || text.unwrap_or_default())
}

async fn traced(app: &App, global: &Global, address: &str) -> Result<Trace, Failure> {
    let mut trace = {
        let register = app.register();
        let cut = cut(global, &register, season_of(address))?;
        register.trace(address, cut, TRACE_NODES_MAX)?
    };
    app.fill_trace(&mut trace).await?;
    Ok(trace)
}

/// A trace for people.
pub(crate) fn trace_text(app: &App, output: &Output, trace: &Trace, shown: Shown) -> String {
    let register = app.register();
    let labels = Labels::new(register.world(), season_of(&trace.figure.address), output.lang.language())
        .with_reasons(reason_text);
    sogoc_report::trace(trace, &labels, shown)
}

pub(crate) async fn history(
    global: &Global,
    output: &Output,
    season: &SeasonId,
    agency: &AgencyId,
    leaf: Option<&str>,
) -> Ended {
    let app = open::to_read(global, output).await?;
    let items = items(&app, global, season, agency, leaf).await;
    let text = items.as_ref().ok().map(|items| {
        let register = app.register();
        let labels = Labels::new(register.world(), season.as_str(), output.lang.language());
        sogoc_report::history(items, &labels, output.style)
    });
    app.close().await;
    output.answer(&items?, || text.unwrap_or_default())
}

async fn items(
    app: &App,
    global: &Global,
    season: &SeasonId,
    agency: &AgencyId,
    leaf: Option<&str>,
) -> Result<Vec<HistoryItem>, Failure> {
    let mut items = {
        let register = app.register();
        let cut = cut(global, &register, season.as_str())?;
        register.history(season.as_str(), agency.as_str(), leaf, cut)?
    };
    app.fill_entries(items.iter_mut().map(|item| &mut item.entry)).await?;
    Ok(items)
}

pub(crate) async fn why(global: &Global, output: &Output, address: &str, from: u64, to: u64) -> Ended {
    let app = open::to_read(global, output).await?;
    let why = explained(&app, address, from, to).await;
    let text = why.as_ref().ok().map(|why| {
        let register = app.register();
        let labels = Labels::new(register.world(), season_of(address), output.lang.language());
        sogoc_report::why(why, &labels, output.style)
    });
    app.close().await;
    output.answer(&why?, || text.unwrap_or_default())
}

async fn explained(app: &App, address: &str, from: u64, to: u64) -> Result<Why, Failure> {
    let mut why = {
        let register = app.register();
        let cut = |position| register.cut(&AsOf::Position(position)).map_err(QueryError::from);
        register.why(address, cut(from)?, cut(to)?)?
    };
    app.fill_entries(why.contributions.iter_mut().map(|contribution| &mut contribution.entry)).await?;
    Ok(why)
}
