//! The aggregates as [`cqrs_es::Aggregate`], so that each runs under `CqrsFramework` and its `TestFramework`.
//!
//! The framework commits one aggregate at a time: a command that leads to entries in several streams is refused here and
//! goes through `sogoc-app`, which appends them together.

use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;

use crate::command::Envelope;
use crate::decide::{Context, Record, decide};
use crate::event::{
    AccountEvent, AgencyEvent, CouncilEvent, CriteriaEvent, Event, InstrumentEvent, ResultsEvent, ScorecardEvent,
    SeasonEvent, SurveyEvent,
};
use crate::evidence::Found;
use crate::refusal::{Refusal, refuse};
use crate::stream::Stream;
use crate::values::{Sealer, Timestamp};
use crate::world::World;

/// What an aggregate is decided among: the rest of the world, the instant, the salts.
#[derive(Clone)]
pub struct Surroundings {
    /// Everything else that is recorded. The aggregate itself comes from its own events, whatever is here.
    pub world: Arc<World>,
    /// The stream of the aggregate.
    pub stream: Stream,
    /// What the register knows.
    pub record: Arc<dyn Record>,
    /// When commands are taken in.
    pub received: Timestamp,
    /// Turns texts into commitments.
    pub sealer: Arc<dyn Sealer>,
    /// What was found out about the files that commands name.
    pub found: Arc<Found>,
}

macro_rules! aggregate {
    ($aggregate:ty, $kind:literal, $events:ident, $event:pat => $take:expr, |$world:ident, $own:ident| $stream:pat => $put:expr) => {
        impl Aggregate for $aggregate {
            const TYPE: &'static str = $kind;
            type Command = Envelope;
            type Event = $events;
            type Error = Refusal;
            type Services = Surroundings;

            async fn handle(
                &mut self,
                command: Envelope,
                services: &Surroundings,
                sink: &EventSink<Self>,
            ) -> Result<(), Refusal> {
                let mut world = World::clone(&services.world);
                if *self != Self::default()
                    && let $stream = &services.stream
                {
                    let ($world, $own) = (&mut world, Arc::new(self.clone()));
                    $put;
                }
                let context = Context {
                    world: &world,
                    record: services.record.as_ref(),
                    received: services.received,
                    sealer: services.sealer.as_ref(),
                    found: services.found.as_ref(),
                };
                let decision = decide(&command, &context)?;
                if let Some((other, _)) = decision.events.iter().find(|(stream, _)| *stream != services.stream) {
                    let why = "the command writes another stream: send it through the app, which appends them together";
                    return Err(refuse!(Invalid, field = "stream", value = other, why = why));
                }
                for (_, event) in decision.events {
                    if let $event = event {
                        sink.write($take, self).await;
                    }
                }
                Ok(())
            }

            fn apply(&mut self, event: $events) {
                Self::apply(self, &event);
            }
        }
    };
}

aggregate!(crate::agency::Agency, "agency", AgencyEvent, Event::Agency(e) => e,
    |world, own| Stream::Agency(id) => world.agencies.insert(id.clone(), own));
aggregate!(crate::instrument::Instrument, "instrument", InstrumentEvent, Event::Instrument(e) => e,
    |world, own| Stream::Instrument(id) => world.instruments.insert(id.clone(), own));
aggregate!(crate::account::Account, "account", AccountEvent, Event::Account(e) => e,
    |world, own| Stream::Account(id) => world.accounts.insert(id.clone(), own));
aggregate!(crate::criteria::CriteriaSet, "criteria", CriteriaEvent, Event::Criteria(e) => e,
    |world, own| Stream::Criteria(id) => world.sets.insert(id.clone(), own));
aggregate!(crate::season::Season, "season", SeasonEvent, Event::Season(e) => e,
    |world, own| Stream::Season(id) => world.seasons.insert(id.clone(), own));
aggregate!(crate::scorecard::Scorecard, "scorecard", ScorecardEvent, Event::Scorecard(e) => *e,
    |world, own| Stream::Scorecard(season, agency) =>
        world.scorecards.entry(season.clone()).or_default().insert(agency, own));
aggregate!(crate::survey::Survey, "survey", SurveyEvent, Event::Survey(e) => e,
    |world, own| Stream::Survey(id) => world.surveys.insert(id.clone(), own));
aggregate!(crate::council::Council, "council", CouncilEvent, Event::Council(e) => e,
    |world, own| Stream::Council(id) => world.councils.insert(id.clone(), own));
aggregate!(crate::results::Results, "results", ResultsEvent, Event::Results(e) => e,
    |world, own| Stream::Results(id) => world.results.insert(id.clone(), own));

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;
    use serde_json::json;

    use crate::account::Account;
    use crate::account::trial::{Trial, day, seal};
    use crate::agency::Agency;
    use crate::event::{
        AccountOpened, AgencyMerged, AgencyRegistered, AgencyRenamed, DelegationGranted, Name, RoleGranted,
        RoleProposed,
    };
    use crate::refusal::Code;
    use crate::roles::{By, Role, Scope};
    use crate::values::Text;

    use super::*;

    fn name(vi: &str) -> Name {
        Name { vi: Text::try_new(vi).unwrap(), ..Name::default() }
    }

    fn registered() -> AgencyEvent {
        AgencyRegistered { name: name("Sở A"), body: false }.into()
    }

    fn admin() -> By {
        By { account: "admin".parse().unwrap(), on_behalf_of: None }
    }

    fn opened() -> AccountEvent {
        AccountOpened { agency: "so-it".parse().unwrap(), name: seal("Chuyên viên") }.into()
    }

    #[test]
    fn an_agency_is_renamed_on_an_instrument() {
        let t = Trial::founded();
        let command = json!({"type": "rename-agency", "agency": "so-a", "name": {"vi": "Sở Mới"}, "from": day(3)});
        TestFramework::<Agency>::with(t.surroundings("agency/so-a"))
            .given(vec![registered()])
            .when(t.envelope_on_instrument("admin", command))
            .then_expect_events(vec![AgencyRenamed { name: name("Sở Mới"), from: day(3) }.into()]);
    }

    #[test]
    fn an_agency_that_was_merged_is_not_dissolved() {
        let t = Trial::founded();
        let merged = AgencyMerged { into: "so-it".parse().unwrap(), from: day(1) };
        let refused = TestFramework::<Agency>::with(t.surroundings("agency/so-a"))
            .given(vec![registered(), merged.into()])
            .when(
                t.envelope_on_instrument("admin", json!({"type": "dissolve-agency", "agency": "so-a", "from": day(2)})),
            )
            .inspect_result();
        assert_eq!(refused.unwrap_err().code, Code::AgencyEnded);
    }

    #[test]
    fn a_light_role_is_granted_and_a_heavy_one_proposed() {
        let t = Trial::founded();
        let grant =
            |role: &str, command: &str| t.envelope("admin", json!({"type": command, "account": "acc-1", "role": role}));
        let account = || TestFramework::<Account>::with(t.surroundings("account/acc-1")).given(vec![opened()]);
        account().when(grant("agency-officer", "grant-role")).then_expect_events(vec![
            RoleGranted {
                role: Role::AgencyOfficer,
                scope: Scope::default(),
                by: admin(),
                proposed_by: None,
                founding: false,
            }
            .into(),
        ]);
        let proposed = RoleProposed { role: Role::Secretariat, scope: Scope::default(), by: admin() };
        account().when(grant("secretariat", "propose-role")).then_expect_events(vec![proposed.clone().into()]);
        let approval = t.envelope("chair", json!({"type": "approve-role", "account": "acc-1", "role": "secretariat"}));
        account().and(vec![proposed.into()]).when(approval).then_expect_events(vec![
            RoleGranted {
                role: Role::Secretariat,
                scope: Scope::default(),
                by: By { account: "chair".parse().unwrap(), on_behalf_of: None },
                proposed_by: Some(admin()),
                founding: false,
            }
            .into(),
        ]);
    }

    #[test]
    fn a_delegation_is_recorded_by_the_delegator() {
        let t = Trial::founded();
        let command =
            json!({"type": "delegate", "to": "chair", "from": day(1), "until": day(9), "reason": "Nghỉ phép"});
        let role = RoleGranted {
            role: Role::AgencyLeader,
            scope: Scope::default(),
            by: admin(),
            proposed_by: None,
            founding: false,
        };
        TestFramework::<Account>::with(t.surroundings("account/acc-1"))
            .given(vec![opened(), role.into()])
            .when(t.envelope("acc-1", command))
            .then_expect_events(vec![
                DelegationGranted {
                    to: "chair".parse().unwrap(),
                    from: day(1),
                    until: day(9),
                    reason: seal("Nghỉ phép"),
                }
                .into(),
            ]);
    }

    #[test]
    fn a_command_that_writes_several_streams_goes_through_the_app() {
        let t = Trial::founded();
        let refused = TestFramework::<Account>::with(t.surroundings("account/acc-1"))
            .given(vec![opened()])
            .when(t.envelope("admin", json!({"type": "link-accounts", "account": "acc-1", "with": "chair"})))
            .inspect_result();
        assert_eq!(refused.unwrap_err().code, Code::Invalid);
    }
}
