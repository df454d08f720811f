//! Changes of what an account signs in with: by whom, what they end, and that each is an entry first.

use serde_json::{Value, json};
use sogoc_domain::refusal::Code;
use sogoc_log::{Mode, Position, Step};

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, code_of, id};
use crate::access::{Caller, Denied};

const NEW: &str = "một mật khẩu khác hẳn";

async fn a_new_password_takes_the_present_one_and_ends_all_sessions(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    let session = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    let set = async |current: Option<&str>, new: &str| {
        stage.access.set_password(&officer, &id("officer"), current, new).await
    };
    assert_eq!(code_of(set(None, NEW).await), Code::Missing);
    assert_eq!(code_of(set(Some(PASSWORD), "ngắn").await), Code::PasswordTooWeak);
    assert_eq!(code_of(set(Some("sai mật khẩu rồi"), NEW).await), Code::SignInFailed);
    let before = stage.entries("officer").await.len();
    set(Some(PASSWORD), NEW).await.unwrap();
    assert_eq!(stage.by_cookie(&session.token).await.unwrap(), Caller::nobody());
    assert_eq!(code_of(stage.try_sign_in("officer", PASSWORD).await), Code::SignInFailed);
    stage.try_sign_in("officer", NEW).await.unwrap();
    let entries = stage.entries("officer").await;
    assert_eq!(entries.len(), before + 1, "what was refused is none");
    let entry = json!({"credential": "password", "change": "set", "by": {"account": "officer"}});
    assert_eq!(entries.last().unwrap().1, entry);
}

async fn guessing_at_the_present_password_locks(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    for _ in 0..5 {
        let guess = stage.access.set_password(&officer, &id("officer"), Some("sai mật khẩu rồi"), NEW).await;
        assert_eq!(code_of(guess), Code::SignInFailed);
    }
    let right = stage.access.set_password(&officer, &id("officer"), Some(PASSWORD), NEW).await;
    assert_eq!(code_of(right), Code::SignInFailed);
    assert_eq!(stage.entries("officer").await.pop().unwrap().0, "sign-in-locked");
}

async fn an_administrator_sets_it_for_others_and_never_alone_for_roles_that_need_two(stage: Stage) {
    let plain = stage.signed_in("admin").await;
    let set = async |by: &Caller, account: &str| stage.access.set_password(by, &id(account), None, NEW).await;
    assert_eq!(code_of(set(&plain, "officer").await), Code::SecondFactorRequired);
    let (admin, _, _) = stage.signed_in_twice("admin").await;
    set(&admin, "officer").await.unwrap();
    stage.try_sign_in("officer", NEW).await.unwrap();
    assert_eq!(stage.entries("officer").await.pop().unwrap().1["by"], json!({"account": "admin"}));
    assert_eq!(code_of(set(&admin, "nobody").await), Code::AccountInactive);

    // Whoever sets the chair's password could act as the chair.
    assert_eq!(code_of(set(&admin, "chair").await), Code::ConsoleOnly);
    assert_eq!(code_of(stage.access.remove_totp(&admin, &id("chair"), None).await), Code::ConsoleOnly);
    let link = stage.access.link_subject(&admin, &id("chair"), "https://sso.example", "sub-1").await;
    assert_eq!(code_of(link), Code::ConsoleOnly);
    assert!(stage.entries("chair").await.is_empty());
    stage.access.set_password_on_console(&id("chair"), NEW).await.unwrap();
    let (kind, data, actor) = stage.entries("chair").await.pop().unwrap();
    assert_eq!((kind.as_str(), &data["by"], actor.as_str()), ("credential-set", &json!("console"), "console"));

    let officer = stage.try_sign_in("officer", NEW).await.unwrap();
    let officer = stage.by_cookie(&officer.token).await.unwrap();
    assert_eq!(code_of(set(&officer, "other").await), Code::RoleMissing);
}

async fn a_change_that_cannot_be_recorded_is_not_made(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    stage.faulty.fail_next(Step::Insert, Mode::Failed);
    let refused = stage.access.set_password(&officer, &id("officer"), Some(PASSWORD), NEW).await;
    assert!(matches!(refused, Err(Denied::Log(_))));
    assert!(stage.faulty.is_spent());
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    // The other way round the entry stands, and whoever made the change makes it again.
    stage.faulty.fail_next(Step::Commit, Mode::PersistedButFailed);
    let refused = stage.access.set_password(&officer, &id("officer"), Some(PASSWORD), NEW).await;
    assert!(matches!(refused, Err(Denied::Log(_))));
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    assert_eq!(stage.entries("officer").await.len(), 2);
    stage.access.set_password(&officer, &id("officer"), Some(PASSWORD), NEW).await.unwrap();
    stage.try_sign_in("officer", NEW).await.unwrap();
}

async fn a_subject_belongs_to_one_account(stage: Stage) {
    let (admin, _, _) = stage.signed_in_twice("admin").await;
    let link = async |account: &str, subject: &str| {
        stage.access.link_subject(&admin, &id(account), "https://sso.example", subject).await
    };
    link("officer", "sub-1").await.unwrap();
    assert_eq!(code_of(link("officer", "sub-1").await), Code::NothingToDo);
    assert_eq!(code_of(link("other", "sub-1").await), Code::AlreadyExists);
    for bad in ["", "a\nb", &"x".repeat(256)] {
        assert!(matches!(code_of(link("other", bad).await), Code::Missing | Code::Invalid), "{bad}");
    }
    assert!(stage.entries("other").await.is_empty());
    link("officer", "sub-2").await.unwrap();
    link("other", "sub-1").await.unwrap();
    stage.access.unlink_subject(&admin, &id("officer")).await.unwrap();
    assert_eq!(code_of(stage.access.unlink_subject(&admin, &id("officer")).await), Code::NothingToDo);
    let entries = stage.entries("officer").await;
    let changes: Vec<_> = entries.iter().map(|entry| &entry.1["change"]).collect();
    assert_eq!(changes, ["set", "set", "removed"]);
}

async fn entries_hold_no_secret_and_name_nobody(stage: Stage) {
    let (officer, token, seed) = stage.signed_in_twice("officer").await;
    let from = Some("192.0.2.77".parse().unwrap());
    for _ in 0..5 {
        stage.access.sign_in(&id("officer"), "một lần thử sai", None, from).await.map(|_| ()).unwrap_err();
    }
    stage.access.link_subject_on_console(&id("officer"), "https://sso.example", "nguyen.van.a").await.unwrap();
    let scopes = ["read".parse().unwrap()].into();
    let expires = sogoc_domain::values::Timestamp::from_micros(stage.app.now().micros() + 86_400_000_000);
    let made = stage.access.create_token(&officer, "Cổng báo cáo của A", &scopes, expires).await.unwrap();
    let code = stage.code(&seed);
    let seed = totp_rs::Secret::from(seed).to_base32();
    for stored in stage.app.log().read(Position(0), 1_000).await.unwrap() {
        let text = stored.bytes;
        let entry: Value = serde_json::from_str(&text).unwrap();
        if !entry["stream"].as_str().unwrap().starts_with("sign-in/") {
            continue;
        }
        let secrets = [PASSWORD, "một lần thử sai", &token, &made.secret, &made.secret[6..], &seed, &code];
        for hidden in secrets.into_iter().chain(["192.0.2.77", "nguyen.van.a", "sso.example", "Cổng", "argon2"]) {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

on_both_stores!(
    a_new_password_takes_the_present_one_and_ends_all_sessions,
    guessing_at_the_present_password_locks,
    an_administrator_sets_it_for_others_and_never_alone_for_roles_that_need_two,
    a_change_that_cannot_be_recorded_is_not_made,
    a_subject_belongs_to_one_account,
    entries_hold_no_secret_and_name_nobody,
);
