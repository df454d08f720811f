//! The founding, accounts, roles and delegation.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;
use sogoc_domain::roles::Role;
use sogoc_domain::values::AccountId;

use crate::fixture::*;

fn role(account: &str, role: &str) -> Value {
    json!({"account": account, "role": role})
}

fn roles(s: &Season, account: &str) -> Vec<Role> {
    s.world.accounts[account].roles(None, s.now).collect()
}

#[test]
fn nothing_is_done_before_the_founding_and_it_happens_once() {
    let mut s = Season::empty();
    s.by("admin").refused("register-agency", json!({"agency": "so-a", "name": {"vi": "Sở A"}}), Code::NotFounded);
    s.by("chair").refused("found-register", founding(), Code::Invalid);
    s.by("admin").on_behalf_of("chair").refused("found-register", founding(), Code::Invalid);
    let mut alone = founding();
    alone["approver"]["account"] = "admin".into();
    s.by("admin").refused("found-register", alone, Code::Invalid);
    let mut weak = founding();
    weak["approver_role"] = "inspector".into();
    s.by("admin").refused("found-register", weak, Code::Invalid);
    let decision = s.by("admin").does("found-register", founding());
    assert_eq!(decision.role, None, "there was nobody to give a role");
    assert_eq!((roles(&s, "admin"), roles(&s, "chair")), (vec![Role::Administrator], vec![Role::CouncilChair]));
    s.by("admin").refused("found-register", founding(), Code::AlreadyFounded);
}

#[test]
fn an_account_that_is_unknown_or_closed_acts_no_more() {
    let mut s = Season::founded();
    let new = json!({"agency": "so-x", "name": {"vi": "Sở X"}});
    s.by("nobody").refused("register-agency", new.clone(), Code::AccountInactive);
    s.by("admin").does("close-account", json!({"account": "admin-2", "reason": "Nghỉ hưu theo chế độ"}));
    s.by("admin-2").refused("register-agency", new, Code::AccountInactive);
    let again = json!({"account": "admin-2", "reason": "Nghỉ hưu"});
    s.by("admin").refused("close-account", again, Code::NothingToDo);
    s.by("admin").refused("grant-role", role("admin-2", "inspector"), Code::AccountInactive);
    s.by("admin").refused("close-account", json!({"account": "idle", "reason": ""}), Code::ReasonRequired);
}

#[test]
fn an_account_is_opened_once_at_a_living_agency() {
    let mut s = Season::founded();
    let open = |agency: &str, name: &str| json!({"account": {"account": "moi", "agency": agency, "name": name}});
    s.by("admin").refused("open-account", open("so-x", "Chuyên viên"), Code::Unknown);
    s.by("admin").refused("open-account", open("so-y-te", " "), Code::Missing);
    s.by("secretary").refused("open-account", open("so-y-te", "Chuyên viên"), Code::RoleMissing);
    s.by("admin").does("open-account", open("so-y-te", "Chuyên viên"));
    s.by("admin").refused("open-account", open("so-y-te", "Chuyên viên"), Code::AlreadyExists);
}

#[test]
fn roles_that_decide_on_results_or_roles_take_two_persons() {
    let mut s = Season::founded();
    for heavy in ["council-member", "council-chair", "secretariat", "administrator"] {
        s.by("admin").refused("grant-role", role("idle", heavy), Code::NeedsTwo);
        s.by("chair").refused("approve-role", role("idle", heavy), Code::Unknown);
        s.by("admin").does("propose-role", role("idle", heavy));
        s.by("admin").refused("propose-role", role("idle", heavy), Code::NothingToDo);
        let refusal = s.by("admin").refused("approve-role", role("idle", heavy), Code::SecondPerson);
        assert_eq!(refusal.values["first"], "admin");
        s.by("chair").does("approve-role", role("idle", heavy));
        s.by("admin").refused("propose-role", role("idle", heavy), Code::NothingToDo);
    }
    s.by("admin").refused("propose-role", role("idle", "inspector"), Code::Invalid);
}

#[test]
fn linked_accounts_are_one_person_for_roles_too() {
    let mut s = Season::founded();
    s.by("admin").does("propose-role", role("idle", "secretariat"));
    s.link("admin", "idle-ub");
    s.link("idle-ub", "admin-2");
    s.by("admin-2").refused("approve-role", role("idle", "secretariat"), Code::SecondPerson);
    s.by("admin").refused("grant-role", role("admin-2", "inspector"), Code::OwnAccount);
    s.by("admin").refused("link-accounts", json!({"account": "admin", "with": "idle-ub"}), Code::NothingToDo);
    s.by("admin").refused("link-accounts", json!({"account": "admin", "with": "admin"}), Code::Invalid);
    s.by("admin").refused("link-accounts", json!({"account": "admin", "with": "nobody"}), Code::Unknown);
    s.by("chair").does("approve-role", role("idle", "secretariat"));
}

#[test]
fn nobody_gives_a_role_to_itself() {
    let mut s = Season::founded();
    s.by("admin").refused("grant-role", role("admin", "inspector"), Code::OwnAccount);
    s.by("admin").refused("propose-role", role("admin", "secretariat"), Code::OwnAccount);
    s.by("admin").does("propose-role", role("admin-2", "secretariat"));
    s.by("admin-2").refused("approve-role", role("admin-2", "secretariat"), Code::OwnAccount);
}

#[test]
fn scoring_roles_are_for_agencies_and_survey_roles_for_bodies() {
    let mut s = Season::founded();
    s.by("admin").refused("grant-role", role("idle-ub", "agency-leader"), Code::BodyNotAppraised);
    s.by("admin").refused("grant-role", role("idle", "survey-operator"), Code::BodyRequired);
    let into = |account: &str, agency: &str| json!({"account": account, "agency": agency});
    s.by("admin").refused("transfer-account", into("operator", "so-y-te"), Code::BodyRequired);
    s.by("admin").refused("transfer-account", into("officer-yt", "ubnd-tinh"), Code::BodyNotAppraised);
}

#[test]
fn a_revoked_role_is_held_no_more_and_the_last_administrator_stays() {
    let mut s = Season::founded();
    let revoke =
        |account: &str, role: &str| json!({"account": account, "role": role, "reason": "Chuyển công tác khác"});
    s.by("admin").refused("revoke-role", revoke("idle", "inspector"), Code::NothingToDo);
    s.by("admin").does("revoke-role", revoke("inspector", "inspector"));
    assert!(roles(&s, "inspector").is_empty());
    s.by("admin").does("revoke-role", revoke("admin-2", "administrator"));
    s.by("admin").refused("revoke-role", revoke("admin", "administrator"), Code::LastAdministrator);
    let close = json!({"account": "admin", "reason": "Nghỉ hưu"});
    s.by("admin").refused("close-account", close, Code::LastAdministrator);
}

#[test]
fn a_role_is_held_in_its_season_and_time() {
    let mut s = Season::founded();
    let start = s.now;
    s.give_role("idle", "secretariat", json!({"season": SEASON, "from": day(0), "until": day(2)}));
    let open = |season: &str| json!({"season": season, "year": 2026, "title": "Đợt đánh giá"});
    s.by("idle").refused("open-season", open(SEASON), Code::RoleMissing);
    s.now = day(1);
    s.by("idle").refused("open-season", open("s-khac"), Code::RoleMissing);
    s.by("idle").does("open-season", open(SEASON));
    s.now = day(2);
    s.by("idle").refused("set-season-policy", json!({"policy": policy()}), Code::RoleMissing);
    s.now = start;
    let empty = json!({"account": "idle", "role": "inspector", "scope": {"from": day(1), "until": day(1)}});
    s.by("admin").refused("grant-role", empty, Code::Invalid);
}

#[test]
fn a_delegate_acts_by_the_delegators_roles_while_the_delegation_holds() {
    let mut s = Season::running();
    let score = || self_score("so-y-te", "1.1.1", json!({"yes_no": true}));
    s.by("idle").refused("record-self-score", score(), Code::RoleMissing);
    s.by("idle").on_behalf_of("officer-yt").refused("record-self-score", score(), Code::NoDelegation);
    s.delegate("officer-yt", "idle");
    s.by("idle").refused("record-self-score", score(), Code::RoleMissing);
    s.by("idle").on_behalf_of("officer-yt").does("record-self-score", score());
    let acted: Vec<_> = s.card("so-y-te").acted.iter().map(AccountId::as_str).collect();
    assert_eq!(acted, ["idle", "officer-yt"], "both are bound");
    s.by("officer-yt").does("revoke-delegation", json!({"to": "idle"}));
    s.by("officer-yt").refused("revoke-delegation", json!({"to": "idle"}), Code::NothingToDo);
    s.by("idle").on_behalf_of("officer-yt").refused("record-self-score", score(), Code::NoDelegation);
    s.by("idle").on_behalf_of("idle").refused("record-self-score", score(), Code::Invalid);
}

#[test]
fn a_delegation_is_of_ones_own_roles_for_at_most_a_year() {
    let mut s = Season::founded();
    let to = |account: &str, from: i64, until: i64| json!({"to": account, "from": day(from), "until": day(until), "reason": "Nghỉ phép"});
    s.by("officer-yt").refused("delegate", to("officer-yt", 0, 9), Code::Invalid);
    s.by("officer-yt").refused("delegate", to("nobody", 0, 9), Code::Unknown);
    s.by("officer-yt").refused("delegate", to("idle", 9, 9), Code::Invalid);
    s.by("officer-yt").refused("delegate", to("idle", 0, 367), Code::Invalid);
    s.by("idle").refused("delegate", to("idle-ub", 0, 9), Code::RoleMissing);
    s.by("officer-yt").does("delegate", to("idle", -40, 366 - 40));
    s.by("officer-yt").refused("delegate", to("idle", 0, 9), Code::NothingToDo);
    s.by("idle").on_behalf_of("officer-yt").refused("delegate", to("idle-ub", 0, 9), Code::Invalid);
}

#[test]
fn a_transfer_is_by_somebody_else_and_in_order() {
    let mut s = Season::founded();
    let into = |account: &str, agency: &str| json!({"account": account, "agency": agency});
    s.by("admin").refused("transfer-account", into("admin", "so-y-te"), Code::OwnAccount);
    s.by("admin").refused("transfer-account", into("officer-yt", "so-y-te"), Code::NothingToDo);
    s.by("admin").refused("transfer-account", into("officer-yt", "so-x"), Code::Unknown);
    s.by("admin").does("transfer-account", into("officer-yt", "ly-nhan"));
    let turn = s.by("admin").occurred(day(-40));
    turn.refused("transfer-account", into("officer-yt", "so-y-te"), Code::Invalid);
}

#[test]
fn what_occurred_lies_not_in_the_future() {
    let mut s = Season::founded();
    let turn = s.by("admin").occurred(day(-29));
    turn.refused("register-agency", json!({"agency": "so-x", "name": {"vi": "Sở X"}}), Code::OccurredInFuture);
    s.by("admin").occurred(day(-30)).does("register-agency", json!({"agency": "so-x", "name": {"vi": "Sở X"}}));
}
