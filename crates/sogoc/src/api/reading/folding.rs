//! Aggregates as they stood: the entries of a few streams, applied up to a cut.
//!
//! The register keeps versions by position of what figures read, and of all else only what stands now. What is asked as of
//! an earlier position is folded anew from the log: a scorecard, a survey or a season is some hundred to some thousand
//! entries, and it is asked for rarely.

use sogoc_domain::World;
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_log::{LogError, StreamId, Version};
use sogoc_register::{Cut, Register, decode};

use crate::api::Api;
use crate::api::error::Fault;

/// The aggregates of these streams as they stand, where the cut is now; none where they must be folded.
///
/// # Errors
/// `stream-stopped`.
pub(super) fn standing(register: &Register, streams: &[Stream], cut: Cut) -> Result<Option<World>, Fault> {
    if cut != register.now() {
        return Ok(None);
    }
    let world = register.world();
    streams.iter().try_for_each(|stream| world.not_stopped(stream))?;
    Ok(Some(world.of_streams(streams)))
}

/// The aggregates of these streams as of a cut: what [`standing`] found, or folded from the log.
///
/// # Errors
/// `stream-stopped` at an entry that this version cannot read; as the log.
pub(super) async fn as_of(api: &Api, standing: Option<World>, streams: &[Stream], cut: Cut) -> Result<World, Fault> {
    if let Some(world) = standing {
        return Ok(world);
    }
    let mut world = World::default();
    for stream in streams {
        let id = StreamId::try_new(stream.to_string())?;
        for stored in api.app().log().read_stream(&id, Version(1)).await? {
            if stored.position.0 >= cut.entries() {
                break;
            }
            let corrupt = |what: String| LogError::Corrupt { position: Some(stored.position), what };
            let entry = stored.parse().map_err(|why| corrupt(why.to_string()))?;
            let event = decode(&entry)
                .map_err(|why| Refusal::new(Code::StreamStopped).with("stream", stream).with("why", why.to_string()))?;
            world.apply(stream, &event);
        }
    }
    Ok(world)
}
