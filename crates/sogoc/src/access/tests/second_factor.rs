//! The second factor: set up, shown, used once, demanded.

use futures_util::future::join_all;
use serde_json::json;
use sogoc_domain::refusal::Code;

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, code_of, id, settings};
use crate::access::{SecondFactor, Settings, totp::totp};

async fn once_set_up_it_is_shown_at_every_sign_in_and_each_code_works_once(stage: Stage) {
    let (caller, _, seed) = stage.signed_in_twice("officer").await;
    assert!(caller.second_factor);
    let sign_in = async |code: Option<&str>| stage.access.sign_in(&id("officer"), PASSWORD, code, None).await;
    assert_eq!(code_of(sign_in(None).await), Code::SignInFailed);
    assert_eq!(code_of(sign_in(Some("000000")).await), Code::SignInFailed);
    let code = stage.code(&seed);
    assert!(sign_in(Some(&code)).await.unwrap().second_factor);
    assert_eq!(code_of(sign_in(Some(&code)).await), Code::SignInFailed, "replayed");
    // Nor one of an earlier step, which would fit by the clock.
    let earlier = totp(&seed).unwrap().generate(u64::try_from(stage.app.now().micros() / 1_000_000 - 30).unwrap());
    assert_eq!(code_of(sign_in(Some(&earlier.to_string())).await), Code::SignInFailed);
    stage.pass(30);
    sign_in(Some(&stage.code(&seed))).await.unwrap();
}

async fn of_several_who_use_one_code_at_once_one_is_let_in(stage: Stage) {
    let (_, _, seed) = stage.signed_in_twice("officer").await;
    let (app, other) = stage.another_node().await;
    let (code, officer) = (stage.code(&seed), id("officer"));
    let tries = (0..4).map(|n| {
        let access = if n % 2 == 0 { &stage.access } else { &other };
        access.sign_in(&officer, PASSWORD, Some(&code), None)
    });
    let let_in = join_all(tries).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(let_in, 1);
    app.close().await;
}

async fn a_code_is_used_up_only_beside_the_password(stage: Stage) {
    let (_, _, seed) = stage.signed_in_twice("officer").await;
    let code = stage.code(&seed);
    let wrong = stage.access.sign_in(&id("officer"), "sai mật khẩu rồi", Some(&code), None).await;
    assert_eq!(code_of(wrong), Code::SignInFailed);
    stage.access.sign_in(&id("officer"), PASSWORD, Some(&code), None).await.unwrap();
}

async fn setting_it_up_needs_a_code_ends_sessions_and_is_an_entry(stage: Stage) {
    let caller = stage.signed_in("officer").await;
    assert_eq!(code_of(stage.access.confirm_totp(&caller, "000000").await), Code::NothingToDo);
    let first = stage.access.enrol_totp(&caller).await.unwrap();
    let second = stage.access.enrol_totp(&caller).await.unwrap();
    assert_ne!(first.secret, second.secret);
    assert!(second.url.starts_with("otpauth://totp/sogoc%20sogoc.local%2Fregister:officer?secret="), "{}", second.url);
    let seed = totp_rs::Secret::try_from_base32(&second.secret).unwrap().as_bytes().to_vec();
    let stale = totp_rs::Secret::try_from_base32(&first.secret).unwrap().as_bytes().to_vec();
    assert_eq!(code_of(stage.access.confirm_totp(&caller, &stage.code(&stale)).await), Code::CodeUnfit);
    // Until it is confirmed, the password alone does.
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    let code = stage.code(&seed);
    stage.access.confirm_totp(&caller, &code).await.unwrap();
    assert!(stage.access.list_sessions(&caller).await.unwrap().is_empty());
    let replayed = stage.access.sign_in(&id("officer"), PASSWORD, Some(&code), None).await;
    assert_eq!(code_of(replayed), Code::SignInFailed, "the code that confirmed it is used up");
    let set = json!({"credential": "second-factor", "change": "set", "by": {"account": "officer"}});
    let last = stage.entries("officer").await.pop().unwrap();
    assert_eq!(last, ("credential-set".to_owned(), set, "officer".to_owned()));
}

async fn it_is_removed_with_a_code_of_it_or_by_an_administrator(stage: Stage) {
    let (officer, _, seed) = stage.signed_in_twice("officer").await;
    assert_eq!(code_of(stage.access.enrol_totp(&officer).await.map(|_| ())), Code::NothingToDo);
    let remove = async |code: Option<&str>| stage.access.remove_totp(&officer, &id("officer"), code).await;
    assert_eq!(code_of(remove(None).await), Code::CodeUnfit);
    remove(Some(&stage.code(&seed))).await.unwrap();
    assert!(!stage.try_sign_in("officer", PASSWORD).await.unwrap().second_factor);
    assert_eq!(code_of(remove(Some(&stage.code(&seed))).await), Code::NothingToDo);

    stage.pass(30);
    let (other, _, _) = stage.signed_in_twice("other").await;
    let (admin, _, _) = stage.signed_in_twice("admin").await;
    assert_eq!(code_of(stage.access.remove_totp(&other, &id("officer"), None).await), Code::RoleMissing);
    stage.access.remove_totp(&admin, &id("other"), None).await.unwrap();
    let removed = json!({"credential": "second-factor", "change": "removed", "by": {"account": "admin"}});
    let last = stage.entries("other").await.pop().unwrap();
    assert_eq!(last, ("credential-set".to_owned(), removed, "admin".to_owned()));
}

async fn roles_that_publish_or_administer_demand_it_for_commands(stage: Stage) {
    let chair = stage.signed_in("chair").await;
    chair.may_read().unwrap();
    assert_eq!(code_of(chair.may_command("publish-edition")), Code::SecondFactorRequired);
    let (chair, _, _) = stage.signed_in_twice("chair").await;
    chair.may_command("publish-edition").unwrap();
    stage.signed_in("officer").await.may_command("record-self-score").unwrap();
    // For trying things out it can be left to each.
    let access = stage.with(Settings { second_factor: SecondFactor::Optional, ..settings() });
    stage.set_password("admin").await;
    let session = access.sign_in(&id("admin"), PASSWORD, None, None).await.unwrap();
    let admin = access.caller(&super::stage::cookie(&session.token)).await.unwrap();
    admin.may_command("open-account").unwrap();
}

async fn who_acts_for_such_a_role_shows_one_too(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let chair = id("chair");
    stage.access.may_command(&officer, "publish-edition", None).unwrap();
    let delegated = stage.access.may_command(&officer, "publish-edition", Some(&chair));
    assert_eq!(code_of(delegated), Code::SecondFactorRequired);
    let (officer, _, _) = stage.signed_in_twice("officer").await;
    stage.access.may_command(&officer, "publish-edition", Some(&chair)).unwrap();
}

async fn a_role_that_is_granted_or_revoked_counts_at_once(stage: Stage) {
    stage.set_password("chair").await;
    let session = stage.try_sign_in("chair", PASSWORD).await.unwrap();
    let chair = stage.by_cookie(&session.token).await.unwrap();
    assert_eq!(code_of(chair.may_command("delegate")), Code::SecondFactorRequired);
    let revoke = json!({"type": "revoke-role", "account": "chair", "role": "council-chair", "reason": "Thôi giữ chức"});
    stage.does("admin", revoke).await;
    stage.by_cookie(&session.token).await.unwrap().may_command("delegate").unwrap();
}

async fn a_session_shows_a_second_factor_later_and_guesses_lock(stage: Stage) {
    let (_, _, seed) = stage.signed_in_twice("officer").await;
    // As a provider would begin it.
    stage.access.link_subject_on_console(&id("officer"), "https://sso.example", "sub-1").await.unwrap();
    let (token, digest) = stage.access.secret();
    let now_us = stage.app.now().micros();
    let opening = crate::access::store::Opening {
        digest: &digest,
        account: &id("officer"),
        second_factor: false,
        now_us,
        expires_at_us: now_us + 3_600_000_000,
    };
    let key = crate::access::credentials::subject_key("https://sso.example", "sub-1");
    assert!(crate::access::store::open_by_subject(stage.access.pool(), &key, opening).await.unwrap());
    let caller = stage.by_cookie(&token).await.unwrap();
    assert!(!caller.second_factor);
    assert_eq!(code_of(stage.access.show_second_factor(&caller, "000000").await), Code::CodeUnfit);
    stage.access.show_second_factor(&caller, &stage.code(&seed)).await.unwrap();
    assert!(stage.by_cookie(&token).await.unwrap().second_factor);
    for _ in 0..5 {
        assert_eq!(code_of(stage.access.show_second_factor(&caller, "000000").await), Code::CodeUnfit);
    }
    assert_eq!(code_of(stage.access.show_second_factor(&caller, "000000").await), Code::SignInFailed);
    assert_eq!(stage.entries("officer").await.pop().unwrap().0, "sign-in-locked");
}

on_both_stores!(
    once_set_up_it_is_shown_at_every_sign_in_and_each_code_works_once,
    of_several_who_use_one_code_at_once_one_is_let_in,
    a_code_is_used_up_only_beside_the_password,
    setting_it_up_needs_a_code_ends_sessions_and_is_an_entry,
    it_is_removed_with_a_code_of_it_or_by_an_administrator,
    roles_that_publish_or_administer_demand_it_for_commands,
    who_acts_for_such_a_role_shows_one_too,
    a_role_that_is_granted_or_revoked_counts_at_once,
    a_session_shows_a_second_factor_later_and_guesses_lock,
);
