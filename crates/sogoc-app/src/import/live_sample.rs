//! The small live season that the binary carries (`data/pilot-2026/`), for trying out what only a live season admits: results
//! that were just announced, and appeals against them.
//!
//! Its file holds commands as `sogoc execute` takes them, which are decided as anybody's are. Its phases begin on the day on
//! which the season is set up: they are moved by whole days.

use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::season::Season;
use sogoc_domain::values::{SeasonId, Timestamp};

use super::{Plan, PlannedCommand};

const FILE: &str = "commands.jsonl";
const COMMANDS: &str = include_str!("../../../../data/pilot-2026/commands.jsonl");
/// When every phase begins in the file.
const BEGINS: &str = "2026-01-01T00:00:00+07:00";
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// The sample's season.
pub(crate) fn season() -> SeasonId {
    SeasonId::try_new("pilot-2026").expect("an id")
}

/// The commands. `standing` is the season as the register holds it: what was cut short goes on with the days that it began
/// with, and does not set the register up again, in which roles may have been revoked since.
pub(crate) fn plan(standing: Option<&Season>, now: Timestamp) -> Plan {
    let begins = Timestamp::parse(BEGINS).expect("a time").micros();
    let day = standing.and_then(Season::begins).unwrap_or(now);
    let moved = (day.micros() - begins).div_euclid(DAY_US) * DAY_US;
    let commands = COMMANDS.lines().zip(1..).map(|(line, number)| planned(line, number, moved));
    let commands = commands.filter(|command| standing.is_none() || !command.optional).collect();
    Plan { season: season(), commands, claims: Vec::new(), files: Vec::new() }
}

fn planned(line: &str, number: u32, moved_us: i64) -> PlannedCommand {
    let mut envelope: Envelope = serde_json::from_str(line).expect("the file is part of the binary, and tests read it");
    if let Command::SchedulePhase(phase) = &mut envelope.command {
        phase.start = phase.start.plus_micros(moved_us);
        phase.end = phase.end.plus_micros(moved_us);
    }
    // The register may have been set up by Hà Nam's season, which has the same agencies and accounts.
    let optional = matches!(
        envelope.command,
        Command::FoundRegister(_)
            | Command::RegisterAgency(_)
            | Command::OpenAccount(_)
            | Command::GrantRole(_)
            | Command::ProposeRole(_)
            | Command::ApproveRole(_)
    );
    PlannedCommand { envelope, made_up_time: false, row: format!("{FILE}:{number}"), optional }
}

#[cfg(test)]
mod tests {
    use sogoc_domain::command::SchedulePhase;
    use sogoc_domain::season::Phase;

    use super::*;

    fn phases(standing: Option<&Season>, now: &str) -> Vec<SchedulePhase> {
        let plan = plan(standing, Timestamp::parse(now).unwrap());
        let phase = |command: PlannedCommand| {
            if let Command::SchedulePhase(phase) = command.envelope.command { Some(phase) } else { None }
        };
        plan.commands.into_iter().filter_map(phase).collect()
    }

    #[test]
    fn every_phase_begins_on_the_day_on_which_the_season_is_set_up() {
        // A day begins at 17:00 UTC, which is midnight in Viet Nam.
        for (now, day) in [("2031-05-10T16:59:59Z", "2031-05-09"), ("2031-05-10T17:00:00Z", "2031-05-10")] {
            let phases = phases(None, now);
            assert_eq!(phases.len(), 5);
            for phase in phases {
                assert_eq!(phase.start, Timestamp::parse(&format!("{day}T17:00:00Z")).unwrap());
                assert!(phase.end.micros() - phase.start.micros() >= 30 * DAY_US, "{}", phase.phase);
            }
        }
    }

    #[test]
    fn a_season_that_was_begun_goes_on_with_its_own_days() {
        let begun = phases(None, "2031-05-10T12:00:00Z");
        let SchedulePhase { phase, name, start, end, .. } = begun[0].clone();
        let mut season = Season::default();
        season.phases.insert(phase, Phase { name, start, end, admits: Default::default() });
        assert_eq!(phases(Some(&season), "2031-05-12T12:00:00Z"), begun);
    }
}
