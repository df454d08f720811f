//! API tokens: what they are for, how long they hold, who makes and revokes them.

use std::collections::BTreeSet;

use serde_json::json;
use sogoc_domain::refusal::Code;
use sogoc_domain::values::Timestamp;

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, bearer, code_of, id};
use crate::access::tokens::NewToken;
use crate::access::{Caller, Denied, Scope, Via};

const HOUR: i64 = 3_600_000_000;

fn scopes(words: &[&str]) -> BTreeSet<Scope> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

impl Stage {
    async fn token(&self, caller: &Caller, words: &[&str], micros: i64) -> Result<NewToken, Denied> {
        let expires = Timestamp::from_micros(self.app.now().micros() + micros);
        self.access.create_token(caller, "Cổng báo cáo", &scopes(words), expires).await
    }
}

async fn a_token_may_what_it_was_made_for(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let made = stage.token(&officer, &["read", "command:record-self-score"], HOUR).await.unwrap();
    assert!(made.secret.starts_with("sogoc_") && made.secret.len() == 49, "{}", made.secret);
    let caller = stage.by_bearer(&made.secret).await.unwrap();
    assert_eq!((&caller.account, &caller.via), (&Some(id("officer")), &Via::Token(made.id.clone())));
    caller.may_read().unwrap();
    caller.may_command("record-self-score").unwrap();
    assert_eq!(code_of(caller.may_command("submit-scorecard")), Code::ScopeMissing);
    let made = stage.token(&officer, &["command"], HOUR).await.unwrap();
    let caller = stage.by_bearer(&made.secret).await.unwrap();
    caller.may_command("submit-scorecard").unwrap();
    assert_eq!(code_of(caller.may_read()), Code::ScopeMissing);
    assert_eq!(stage.by_cookie(&made.secret).await.unwrap(), Caller::nobody(), "a cookie holds a session");
    assert!("command:no-such-command".parse::<Scope>().is_err());
}

async fn a_token_is_over_when_it_expires_or_is_revoked(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let made = stage.token(&officer, &["read"], 60_000_000).await.unwrap();
    stage.by_bearer(&made.secret).await.unwrap();
    stage.pass(59);
    stage.by_bearer(&made.secret).await.unwrap();
    stage.pass(1);
    assert_eq!(code_of(stage.by_bearer(&made.secret).await), Code::TokenOver);

    let made = stage.token(&officer, &["read"], HOUR).await.unwrap();
    let (app, other) = stage.another_node().await;
    other.caller(&bearer(&made.secret)).await.unwrap();
    stage.access.revoke_token(&officer, &made.id).await.unwrap();
    assert_eq!(code_of(stage.by_bearer(&made.secret).await), Code::TokenOver);
    stage.pass(1);
    assert_eq!(code_of(other.caller(&bearer(&made.secret)).await), Code::TokenOver);
    assert_eq!(code_of(stage.access.revoke_token(&officer, &made.id).await), Code::NothingToDo);
    let token =
        |change: &str| json!({"credential": "token", "change": change, "by": {"account": "officer"}, "token": made.id});
    let entries: Vec<_> = stage.entries("officer").await.into_iter().map(|entry| entry.1).collect();
    assert_eq!(entries[entries.len() - 2..], [token("set"), token("removed")]);
    app.close().await;
}

async fn a_token_that_is_used_is_marked_with_when_it_was(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let secrets = [
        stage.token(&officer, &["read"], HOUR).await.unwrap().secret,
        stage.token(&officer, &["read"], HOUR).await.unwrap().secret,
    ];
    let marks = async || {
        stage.access.mark_used().await.unwrap();
        let listed = stage.access.list_tokens(&officer, &id("officer")).await.unwrap();
        listed.into_iter().map(|token| token.used_at).collect::<Vec<_>>()
    };
    assert_eq!(marks().await, [None, None]);
    let first = stage.app.now();
    stage.by_bearer(&secrets[0]).await.unwrap();
    assert!(marks().await.contains(&Some(first)), "{first}");
    stage.pass(59);
    stage.by_bearer(&secrets[0]).await.unwrap();
    assert!(marks().await.contains(&Some(first)), "once a minute is enough");
    stage.pass(1);
    let second = stage.app.now();
    for secret in &secrets {
        stage.by_bearer(secret).await.unwrap();
    }
    assert_eq!(marks().await, [Some(second); 2]);
}

async fn a_token_lives_for_a_minute_to_a_leap_year(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    for (micros, taken) in
        [(-1, false), (59_999_999, false), (60_000_000, true), (366 * 24 * HOUR, true), (366 * 24 * HOUR + 1, false)]
    {
        let made = stage.token(&officer, &["read"], micros).await;
        match made {
            Ok(_) => assert!(taken, "{micros}"),
            refused => assert_eq!((code_of(refused), taken), (Code::Invalid, false), "{micros}"),
        }
    }
    assert_eq!(code_of(stage.token(&officer, &[], HOUR).await), Code::Missing);
}

async fn tokens_and_sessions_of_others_are_an_administrators(stage: Stage) {
    let (officer, other) = (stage.signed_in("officer").await, stage.signed_in("other").await);
    let made = stage.token(&officer, &["read"], HOUR).await.unwrap();
    assert_eq!(code_of(stage.access.list_tokens(&other, &id("officer")).await), Code::RoleMissing);
    assert_eq!(code_of(stage.access.end_sessions(&other, &id("officer")).await), Code::RoleMissing);
    // That there is such a token is not told.
    assert_eq!(code_of(stage.access.revoke_token(&other, &made.id).await), Code::Unknown);
    assert_eq!(code_of(stage.access.revoke_token(&other, "tok-0").await), Code::Unknown);
    let (admin, _, _) = stage.signed_in_twice("admin").await;
    let listed = stage.access.list_tokens(&admin, &id("officer")).await.unwrap();
    assert_eq!(listed.iter().map(|token| token.id.as_str()).collect::<Vec<_>>(), [made.id.as_str()]);
    stage.access.revoke_token(&admin, &made.id).await.unwrap();
    assert_eq!(code_of(stage.by_bearer(&made.secret).await), Code::TokenOver);
    assert!(stage.access.list_tokens(&officer, &id("officer")).await.unwrap()[0].revoked_at.is_some());
    assert_eq!(stage.access.end_sessions(&admin, &id("officer")).await.unwrap(), 1);
}

async fn a_token_changes_nothing_that_its_account_signs_in_with(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let made = stage.token(&officer, &["read", "command"], HOUR).await.unwrap();
    let token = stage.by_bearer(&made.secret).await.unwrap();
    let access = &stage.access;
    let own = id("officer");
    assert_eq!(code_of(access.set_password(&token, &own, Some(PASSWORD), PASSWORD).await), Code::ScopeMissing);
    assert_eq!(code_of(access.enrol_totp(&token).await.map(|_| ())), Code::ScopeMissing);
    assert_eq!(code_of(access.remove_totp(&token, &own, None).await), Code::ScopeMissing);
    assert_eq!(code_of(stage.token(&token, &["read"], HOUR).await), Code::ScopeMissing);
    assert_eq!(code_of(access.list_tokens(&token, &own).await), Code::ScopeMissing);
    assert_eq!(code_of(access.list_sessions(&token).await), Code::ScopeMissing);
    assert_eq!(code_of(access.end_sessions(&token, &own).await), Code::ScopeMissing);
    assert_eq!(code_of(access.sign_out(&token).await), Code::ScopeMissing);
    // It may take itself away, as who finds one should.
    access.revoke_token(&token, &made.id).await.unwrap();
}

async fn a_token_for_commands_of_a_weighty_role_is_made_under_a_second_factor(stage: Stage) {
    let plain = stage.signed_in("chair").await;
    assert_eq!(code_of(stage.token(&plain, &["command"], HOUR).await), Code::SecondFactorRequired);
    assert_eq!(code_of(stage.token(&plain, &["command:delegate"], HOUR).await), Code::SecondFactorRequired);
    stage.token(&plain, &["read"], HOUR).await.unwrap();
    let (chair, _, _) = stage.signed_in_twice("chair").await;
    let made = stage.token(&chair, &["command:delegate"], HOUR).await.unwrap();
    let caller = stage.by_bearer(&made.secret).await.unwrap();
    caller.may_command("delegate").unwrap();
    assert_eq!(code_of(caller.may_command("publish-edition")), Code::ScopeMissing);

    // Made before the role was granted, it was made without, and does not count as one afterwards.
    let inspector = stage.signed_in("inspector").await;
    let made = stage.token(&inspector, &["command"], HOUR).await.unwrap();
    stage.by_bearer(&made.secret).await.unwrap().may_command("delegate").unwrap();
    let role = |kind: &str| json!({"type": kind, "account": "inspector", "role": "administrator"});
    stage.does("admin", role("propose-role")).await;
    stage.does("chair", role("approve-role")).await;
    let caller = stage.by_bearer(&made.secret).await.unwrap();
    assert_eq!(code_of(caller.may_command("delegate")), Code::SecondFactorRequired);
}

async fn a_token_of_the_console_says_so_in_its_entry(stage: Stage) {
    let expires = Timestamp::from_micros(stage.app.now().micros() + HOUR);
    let make = async |account: &str| {
        stage.access.create_token_on_console(&id(account), "Cổng báo cáo", &scopes(&["command"]), expires).await
    };
    let made = make("chair").await.unwrap();
    stage.by_bearer(&made.secret).await.unwrap().may_command("delegate").unwrap();
    let entry = json!({"credential": "token", "change": "set", "by": "console", "token": made.id});
    assert_eq!(stage.entries("chair").await.pop().unwrap().1, entry);
    assert_eq!(code_of(make("nobody").await), Code::AccountInactive);
}

async fn an_account_has_so_many_tokens_and_no_more(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    for _ in 0..50 {
        stage.token(&officer, &["read"], HOUR).await.unwrap();
    }
    assert_eq!(code_of(stage.token(&officer, &["read"], HOUR).await), Code::TooMany);
}

on_both_stores!(
    a_token_may_what_it_was_made_for,
    a_token_is_over_when_it_expires_or_is_revoked,
    a_token_that_is_used_is_marked_with_when_it_was,
    a_token_lives_for_a_minute_to_a_leap_year,
    tokens_and_sessions_of_others_are_an_administrators,
    a_token_changes_nothing_that_its_account_signs_in_with,
    a_token_for_commands_of_a_weighty_role_is_made_under_a_second_factor,
    a_token_of_the_console_says_so_in_its_entry,
    an_account_has_so_many_tokens_and_no_more,
);
