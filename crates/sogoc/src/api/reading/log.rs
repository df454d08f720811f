//! The log: entries, the tree over them, proofs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sogoc_app::{BundleError, Files, Texts};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_log::{Position, StoredEntry};
use sogoc_proof::{Hash, TILE_WIDTH, Tile, leaf_hash};
use sogoc_register::bundle::{BundlePlan, BundleRefused, Depth};

use super::{Page, aside, figures, known_season, unknown};
use crate::api::ask::{Ask, invalid};
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

/// Bytes of entries after which a page ends: an entry has 65,535 at most.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// Positions that may lie between two entries that are read at once: reading them costs less than asking twice.
const GAP_MAX: u64 = 16;

pub(super) async fn head(api: &Api) -> Result<Value, Fault> {
    let head = api.app().log().head().await?;
    Ok(json!({
        "log": head.log, "size": head.size, "root": head.root.to_hex(), "at": head.at.map(|at| at.to_string()),
    }))
}

pub(super) async fn entries(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let from = ask.number("from").unwrap_or(0);
    let stream = match ask.text("stream") {
        Some(name) => Some(
            Stream::parse(name)
                .map_err(|_| invalid("stream", name, "it is not a stream, such as scorecard/hanam-2022/so-noi-vu"))?,
        ),
        None => None,
    };
    let page = Page::of(ask, &format!("entries {from} {stream:?}"))?;
    // A token of this list goes on at a position.
    let from = from.max(u64::try_from(page.from).unwrap_or(u64::MAX));
    let (size, wanted) = {
        let register = api.app().register();
        let wanted = stream.map(|stream| {
            let positions = register.stream_positions(&stream);
            let first = positions.partition_point(|position| *position < from);
            positions[first..].iter().take(page.size.saturating_add(1)).copied().collect::<Vec<_>>()
        });
        (register.size(), wanted)
    };
    let more = page.size.saturating_add(1);
    let mut stored = match &wanted {
        None if from >= size => Vec::new(),
        None => api.app().log().read(Position(from), more).await?,
        Some(positions) => scattered(api, positions).await?,
    };
    // What the register has not folded yet cannot be judged.
    stored.retain(|entry| entry.position.0 < size);
    let (mut bytes, mut taken) = (0, 0);
    for entry in stored.iter().take(page.size) {
        bytes += entry.bytes.len();
        if taken > 0 && bytes > PAGE_BYTES_MAX {
            break;
        }
        taken += 1;
    }
    let next = stored.get(taken).map(|entry| entry.position.0);
    stored.truncate(taken);
    let register = api.app().register();
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let entries: Vec<_> = stored.into_iter().map(|entry| log_entry(&sight, entry)).collect();
    let next =
        next.and_then(|next| usize::try_from(next).ok()).map(|next| page.token(next, None, "")).unwrap_or_default();
    Ok(json!({ "entries": entries, "next_page_token": next }))
}

/// An entry of the log as the schema has it: its bytes where the caller may read them, else its place and leaf hash.
pub(in crate::api) fn log_entry(sight: &Sight<'_>, entry: StoredEntry) -> Value {
    let seen = entry.parse().is_ok_and(|parsed| sight.entry(parsed.stream, entry.position.0));
    let leaf_hash = leaf_hash(entry.bytes.as_bytes()).to_hex();
    let bytes = seen.then_some(entry.bytes);
    json!({ "position": entry.position.0, "leaf_hash": leaf_hash, "entry": bytes, "withheld": !seen })
}

/// Entries of a stream, by ascending positions: those close together are read at once, with what lies between them.
async fn scattered(api: &Api, positions: &[u64]) -> Result<Vec<StoredEntry>, Fault> {
    let mut found = Vec::with_capacity(positions.len());
    for run in positions.chunk_by(|a, b| b - a <= GAP_MAX) {
        let (first, last) = (run[0], run[run.len() - 1]);
        let length = usize::try_from(last - first + 1).map_err(Fault::internal)?;
        let read = api.app().log().read(Position(first), length).await?;
        found.extend(read.into_iter().filter(|entry| run.binary_search(&entry.position.0).is_ok()));
    }
    Ok(found)
}

pub(super) async fn checkpoint(api: &Api) -> Result<Value, Fault> {
    let signed = api.app().log().latest_checkpoint().await?;
    let signed = signed.ok_or_else(|| unknown("checkpoint", api.app().log().name()))?;
    Ok(json!({ "checkpoint": signed.cosigned_note().to_string(), "size": signed.size() }))
}

pub(super) async fn tile(api: &Api, ask: &Ask) -> Result<Value, Fault> {
    let (level, number) = (ask.number("level").unwrap_or(0), ask.number("number").unwrap_or(0));
    let width = match ask.number("width").unwrap_or(0) {
        0 => u64::from(TILE_WIDTH),
        width => width,
    };
    let out = |name: &str, value: u64| invalid(name, &value.to_string(), "no tile is such");
    let level = u8::try_from(level).map_err(|_| out("level", level))?;
    let width = u16::try_from(width).map_err(|_| out("width", width))?;
    let tile = Tile::try_new(level, number, width)
        .map_err(|why| invalid("number", &format!("{level}/{number} ({width})"), why))?;
    let log = api.app().log();
    if !tile.is_within(log.head().await?.size) {
        return Err(unknown("tile", tile.path()));
    }
    let hashes = log.tile(tile).await?;
    let bytes = tile.encode(&hashes).map_err(Fault::internal)?;
    Ok(json!({ "hashes": STANDARD.encode(bytes) }))
}

pub(super) async fn inclusion(api: &Api, ask: &Ask) -> Result<Value, Fault> {
    let position = ask.number("position").unwrap_or(0);
    let log = api.app().log();
    let size = match ask.number("size") {
        Some(size) => {
            check_size("size", size, log.head().await?.size)?;
            size
        }
        None => {
            let signed = log.latest_checkpoint().await?;
            signed.ok_or_else(|| unknown("checkpoint", log.name()))?.size()
        }
    };
    if position >= size {
        return Err(unknown("entry", format!("{position} (of {size})")));
    }
    let proof = log.inclusion_proof(Position(position), size).await?;
    let root = log.root_at(size).await?;
    let entry = log.read(Position(position), 1).await?.pop().ok_or_else(|| unknown("entry", position))?;
    Ok(json!({
        "leaf_hash": leaf_hash(entry.bytes.as_bytes()).to_hex(), "size": size, "root": root.to_hex(),
        "hashes": hexes(&proof),
    }))
}

pub(super) async fn consistency(api: &Api, ask: &Ask) -> Result<Value, Fault> {
    let (size1, size2) = (ask.number("size1").unwrap_or(0), ask.number("size2").unwrap_or(0));
    let log = api.app().log();
    check_size("size2", size2, log.head().await?.size)?;
    if size1 > size2 {
        return Err(invalid("size1", &size1.to_string(), format!("it is the earlier one, and size2 is {size2}")));
    }
    let proof = log.consistency_proof(size1, size2).await?;
    let (root1, root2) = (log.root_at(size1).await?, log.root_at(size2).await?);
    Ok(json!({ "root1": root1.to_hex(), "root2": root2.to_hex(), "hashes": hexes(&proof) }))
}

fn check_size(field: &str, size: u64, head: u64) -> Result<(), Fault> {
    if size <= head {
        return Ok(());
    }
    Err(invalid(field, &size.to_string(), format!("the log has {head} entries")))
}

fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_hex).collect()
}

pub(super) async fn bundle(api: &Api, call: &Call, ask: &Arc<Ask>) -> Result<Value, Fault> {
    let plan = aside(api, call, ask, planned).await?;
    let bundle = api.app().bundle(&plan, Texts::Sealed, Files::LeftOut).await.map_err(no_bundle)?;
    Ok(json!({ "bundle": STANDARD.encode(bundle) }))
}

/// What goes into a bundle. It carries whole entries, and each must be one that the caller may read.
fn planned(api: &Api, call: &Call, ask: &Ask) -> Result<BundlePlan, Fault> {
    let address = ask.must_text("address")?;
    let season = figures::season_of(address)?;
    let register = api.app().register();
    known_season(&register, &season)?;
    let sight = Sight::new(register.world(), call.account(), api.app().now());
    let cut = register.bundle_cut(address);
    sight.figure(address, cut)?;
    let plan = register.bundle(address, cut, Depth::Table).map_err(|refused| no_bundle(refused.into()))?;
    for position in plan.positions() {
        let Some(entry) = register.entry(*position) else { continue };
        if !sight.entry(&entry.stream, *position) {
            let account = call.account().map_or("the public", |account| account.as_str());
            return Err(Refusal::new(Code::MayNotRead)
                .with("account", account)
                .with("what", format!("entry {position} of the bundle"))
                .with("why", "a bundle carries whole entries, and this one is not open to the caller")
                .into());
        }
    }
    Ok(plan)
}

fn no_bundle(error: BundleError) -> Fault {
    match error {
        BundleError::Refused(BundleRefused::Query(error)) => error.into(),
        BundleError::Refused(
            refused @ (BundleRefused::OnlyDeep { .. } | BundleRefused::NoEdition { .. } | BundleRefused::Empty),
        ) => invalid("address", "", refused),
        BundleError::NoCheckpoint { position } => unknown("checkpoint that covers position", position),
        BundleError::TooMuchEvidence { limit } => {
            invalid("address", "", format!("more than {limit} bytes of evidence"))
        }
        BundleError::Evidence(error) => error.into(),
        BundleError::Log(error) => error.into(),
    }
}
