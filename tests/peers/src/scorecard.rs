//! The peer's scorecard: the same leaves, inputs, points and reasons that the register's own commands carry, as a
//! `cqrs-es` aggregate with one view.

use std::collections::{BTreeMap, HashMap};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use serde::{Deserialize, Serialize};

/// Leaves of every scorecard.
pub(crate) const LEAVES: u32 = 60;

/// What an agency declares, from which points follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inputs {
    numerator: u32,
    denominator: u32,
}

/// A leaf's score as it is declared or set; points are exact decimals in text, as in the register's entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    agency: String,
    leaf: String,
    inputs: Inputs,
    points: String,
    reason_code: String,
    reason: String,
}

#[derive(Clone, Debug)]
pub(crate) enum ScoreCommand {
    RecordSelfScore(Score),
    AdjustScore(Score),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ScoreEvent {
    SelfScoreRecorded(Score),
    ScoreAdjusted(Score),
}

impl DomainEvent for ScoreEvent {
    fn event_type(&self) -> String {
        match self {
            Self::SelfScoreRecorded(_) => "SelfScoreRecorded".to_owned(),
            Self::ScoreAdjusted(_) => "ScoreAdjusted".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl ScoreEvent {
    fn score(&self) -> &Score {
        match self {
            Self::SelfScoreRecorded(score) | Self::ScoreAdjusted(score) => score,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ScoreRefusal {
    #[error("leaf {0} is not in the criteria set")]
    UnknownLeaf(String),
    #[error("leaf {0} has no self score to adjust")]
    NotSelfScored(String),
    #[error("leaf {0} has been appraised: its self score is closed")]
    SelfScoreClosed(String),
    #[error("a change of a score needs a reason")]
    ReasonMissing,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct LeafState {
    self_points: Option<String>,
    appraised_points: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Scorecard {
    leaves: BTreeMap<String, LeafState>,
    /// Events applied since the aggregate was made.
    pub(crate) events: u64,
}

impl Aggregate for Scorecard {
    const TYPE: &'static str = "scorecard";
    type Command = ScoreCommand;
    type Event = ScoreEvent;
    type Error = ScoreRefusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: ScoreCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ScoreRefusal> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: ScoreEvent) {
        self.events += 1;
        match event {
            ScoreEvent::SelfScoreRecorded(score) => {
                self.leaves.entry(score.leaf).or_default().self_points = Some(score.points)
            }
            ScoreEvent::ScoreAdjusted(score) => {
                self.leaves.entry(score.leaf).or_default().appraised_points = Some(score.points)
            }
        }
    }
}

impl Scorecard {
    fn decide(&self, command: ScoreCommand) -> Result<ScoreEvent, ScoreRefusal> {
        match command {
            ScoreCommand::RecordSelfScore(score) => {
                if !(0..LEAVES).any(|leaf| leaf_code(leaf) == score.leaf) {
                    return Err(ScoreRefusal::UnknownLeaf(score.leaf));
                }
                if self.leaves.get(&score.leaf).is_some_and(|leaf| leaf.appraised_points.is_some()) {
                    return Err(ScoreRefusal::SelfScoreClosed(score.leaf));
                }
                Ok(ScoreEvent::SelfScoreRecorded(score))
            }
            ScoreCommand::AdjustScore(score) => {
                if score.reason_code.is_empty() || score.reason.is_empty() {
                    return Err(ScoreRefusal::ReasonMissing);
                }
                match self.leaves.get(&score.leaf) {
                    Some(LeafState { self_points: Some(_), .. }) => Ok(ScoreEvent::ScoreAdjusted(score)),
                    _ => Err(ScoreRefusal::NotSelfScored(score.leaf)),
                }
            }
        }
    }
}

/// Current points of every leaf, as a screen would read them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ScorecardView {
    points: BTreeMap<String, String>,
    /// Events that reached the view: fewer than were stored means that updates were lost.
    events: u64,
}

impl View<Scorecard> for ScorecardView {
    fn update(&mut self, event: &EventEnvelope<Scorecard>) {
        let score = event.payload.score();
        self.points.insert(score.leaf.clone(), score.points.clone());
        self.events += 1;
    }
}

/// "1.1.1" to "8.2.4" and beyond: the code of the leaf with this 0-based number.
pub(crate) fn leaf_code(leaf: u32) -> String {
    format!("{}.{}.{}", leaf / 8 + 1, leaf % 8 / 4 + 1, leaf % 4 + 1)
}

/// The command numbered `step` in a scorecard's season: first every leaf is self-scored, then adjusted again and again.
pub(crate) fn command(agency: &str, step: u32) -> ScoreCommand {
    match event(agency, step) {
        ScoreEvent::SelfScoreRecorded(score) => ScoreCommand::RecordSelfScore(score),
        ScoreEvent::ScoreAdjusted(score) => ScoreCommand::AdjustScore(score),
    }
}

/// What [`command`] of the same step records.
pub(crate) fn event(agency: &str, step: u32) -> ScoreEvent {
    let leaf = step % LEAVES;
    let numerator = 100 + (step * 37 + leaf * 11) % 300;
    let score = |reason_code: &str, reason: &str| Score {
        agency: agency.to_owned(),
        leaf: leaf_code(leaf),
        inputs: Inputs { numerator, denominator: 400 },
        points: format!("{}.{:02}", numerator / 200, numerator % 200 / 2),
        reason_code: reason_code.to_owned(),
        reason: reason.to_owned(),
    };
    if step < LEAVES {
        ScoreEvent::SelfScoreRecorded(score(
            "self-declared",
            "Đơn vị tự chấm theo số liệu báo cáo cải cách hành chính năm, có tài liệu kiểm chứng kèm theo.",
        ))
    } else {
        ScoreEvent::ScoreAdjusted(score(
            "inputs-corrected",
            "Đối chiếu hệ thống thông tin giải quyết thủ tục hành chính: số hồ sơ đúng hạn thấp hơn số tự khai; \
             điều chỉnh theo số liệu hệ thống tại thời điểm thẩm định.",
        ))
    }
}

/// What stands beside an event: who, in what role, by which command, and when it was received.
pub(crate) fn metadata(account: &str, role: &str, command_number: u64) -> HashMap<String, String> {
    HashMap::from([
        ("account".to_owned(), account.to_owned()),
        ("role".to_owned(), role.to_owned()),
        ("command".to_owned(), format!("01930000-0000-7000-8000-{command_number:012x}")),
        ("received".to_owned(), "2026-11-23T01:59:59.900000Z".to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_has_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = (0..LEAVES).map(leaf_code).collect();
        assert_eq!(codes.len(), LEAVES as usize);
    }

    #[test]
    fn a_season_of_commands_is_accepted_in_order_and_refused_out_of_it() {
        let mut scorecard = Scorecard::default();
        assert!(scorecard.decide(command("so-noi-vu", LEAVES)).is_err());
        for step in 0..LEAVES * 3 {
            let event = scorecard.decide(command("so-noi-vu", step)).unwrap();
            scorecard.apply(event);
        }
        assert_eq!(scorecard.events, u64::from(LEAVES) * 3);
        assert!(scorecard.decide(command("so-noi-vu", 0)).is_err());
    }
}
