//! Where the stream stands, and that it is this log's.

use std::collections::BTreeSet;

use async_nats::Client;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{self, ErrorCode};
use sogoc_log::{Lease, Log, Position};
use sogoc_proof::leaf_hash;

use super::connecting::Place;
use super::definitions::{self, stream_name};
use super::message::{LEAF_HASH, LOG, POSITION};
use super::{Settings, Trouble, in_time};
use crate::failure::Remedy;

/// What the stream and the log have in common.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The first position that the stream does not have.
    pub(crate) next: u64,
}

const OTHER: Remedy = Remedy {
    vi: "tìm hiểu sổ nào đúng trước khi làm gì tiếp: khôi phục bản sao lưu mới hơn của sổ; hoặc, nếu sổ này đúng, xóa luồng (`nats stream rm`) để nó được nạp lại từ vị trí 0, và các nơi nhận phải bắt đầu lại",
    en: "find out first which of them is right: restore a newer backup of the log; or, where the log is right, remove the stream (`nats stream rm`), so that it is filled again from position 0, and have its consumers begin anew",
};

/// Finds the stream or makes it, checks what it is and what it holds, and says where to go on.
///
/// # Errors
/// `Bus`, `Store`; `Refused` where the stream is defined otherwise, lacks messages, or holds other entries than the log.
pub(crate) async fn stand(
    log: &Log,
    client: &Client,
    settings: &Settings,
    lease: &Lease,
    place: &Place,
) -> Result<Standing, Trouble> {
    let context = jetstream::new(client.clone());
    let name = stream_name(&settings.tenant);
    let bus = |error: &dyn std::fmt::Display| Trouble::Bus(format!("{}: stream {name}: {error}", place.shown()));
    let stream = match context.get_stream(&name).await {
        Ok(stream) => stream,
        Err(error) if is_not_found(&error.kind()) => {
            let made = context.create_stream(definitions::stream(&settings.tenant, settings.replicas)).await;
            let made = made.map_err(|error| bus(&error))?;
            tracing::info!(stream.name = name, "the stream was made");
            made
        }
        Err(error) => return Err(bus(&error)),
    };
    let info = stream.cached_info();
    let differences = definitions::differences(&info.config, &settings.tenant, settings.replicas);
    if !differences.is_empty() {
        return Err(Trouble::Refused {
            what: format!("stream {name} is not as it should be: {}", differences.join("; ")),
            remedy: Remedy {
                vi: "sửa luồng (`nats stream edit`) cho khớp deploy/nats/stream.json, hoặc sửa nats.replicas",
                en: "edit the stream (`nats stream edit`) to be as deploy/nats/stream.json says, or change nats.replicas",
            },
        });
    }
    let (state, size) = (&info.state, in_time(log.head()).await?.size);
    let next = state.last_sequence;
    if state.messages != next || (next > 0 && state.first_sequence != 1) {
        return Err(Trouble::Refused {
            what: format!(
                "stream {name} has {} messages, from sequence {} to {next}: some were removed",
                state.messages, state.first_sequence
            ),
            remedy: Remedy {
                vi: "xóa luồng (`nats stream rm`): nó được nạp lại từ vị trí 0, các nơi nhận bỏ qua những gì đã có",
                en: "remove the stream (`nats stream rm`): it is filled again from position 0, and consumers pass over what they have",
            },
        });
    }
    if next > size {
        let what =
            format!("stream {name} holds {next} entries and the log {size}: the log was put back to an older state");
        return Err(Trouble::Refused { what, remedy: OTHER });
    }
    if lease.cursor.0 > size && next > 0 {
        let what = format!(
            "the relay was at position {} and the log has {size} entries: it was put back to an older state",
            lease.cursor
        );
        return Err(Trouble::Refused { what, remedy: OTHER });
    }
    if next < lease.cursor.0 {
        tracing::warn!(
            relay.cursor = lease.cursor.0,
            stream.next = next,
            "the stream is shorter than it was: filled again"
        );
    }
    for position in samples(next) {
        let sequence = position + 1;
        let found = stream.get_raw_message(sequence).await.map_err(|error| bus(&error))?;
        let header = |name: &str| found.headers.get(name).map(|value| value.as_str().to_owned()).unwrap_or_default();
        let entries = in_time(log.read(Position(position), 1)).await?;
        let ours = entries.first().map(|entry| entry.bytes.as_bytes()).unwrap_or_default();
        let leaf = leaf_hash(ours).to_string();
        if found.payload.as_ref() != ours
            || header(LOG) != log.name()
            || header(POSITION) != position.to_string()
            || header(LEAF_HASH) != leaf
        {
            return Err(Trouble::Refused {
                what: format!(
                    "stream {name} holds at sequence {sequence} an entry of log {:?}, position {:?}, leaf {}; position \
                     {position} of log {} has leaf {leaf}",
                    header(LOG),
                    header(POSITION),
                    leaf_hash(&found.payload),
                    log.name()
                ),
                remedy: OTHER,
            });
        }
    }
    Ok(Standing { next })
}

fn is_not_found(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Positions at which stream and log are compared: the first, the last, and some in between that lie closer together the
/// nearer they are to the end, where a log that was put back departs.
fn samples(next: u64) -> BTreeSet<u64> {
    let mut samples = BTreeSet::new();
    if let Some(last) = next.checked_sub(1) {
        samples.extend([0, last]);
        samples.extend((0..63).map_while(|power| last.checked_sub(1 << power)));
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_compared_and_what_lies_between() {
        assert!(samples(0).is_empty());
        assert_eq!(samples(1), BTreeSet::from([0]));
        assert_eq!(samples(10), BTreeSet::from([0, 1, 5, 7, 8, 9]));
        assert!(samples(1 << 40).len() < 45);
    }
}
