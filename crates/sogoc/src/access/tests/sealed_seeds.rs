//! Seeds of second factors in the store: sealed where there is a key, and never passed over where they cannot be read.

use sogoc_domain::refusal::Code;
use sogoc_evidence::EncryptionKey;
use sogoc_log::LogError;

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, code_of, id, settings};
use crate::access::{Access, Denied, Settings};

fn key(byte: &str) -> EncryptionKey {
    EncryptionKey::parse(&byte.repeat(32)).unwrap()
}

/// Sign-in with this key.
fn with(stage: &Stage, key: Option<EncryptionKey>) -> Access {
    stage.with(Settings { key, ..settings() })
}

/// The stage with the key 07, and the officer's seed sealed under it.
async fn sealed(mut stage: Stage) -> (Stage, Vec<u8>) {
    stage.access = with(&stage, Some(key("07")));
    let (_, _, seed) = stage.signed_in_twice("officer").await;
    (stage, seed)
}

/// That sign-in with the right password and code says that it does not work now, and nothing of why.
async fn does_not_work(stage: &Stage, access: &Access, seed: &[u8]) {
    let code = stage.code(seed);
    match access.sign_in(&id("officer"), PASSWORD, Some(&code), None).await.map(|_| ()) {
        Err(Denied::Log(LogError::Unavailable { why, .. })) => assert!(!why.contains("key"), "{why}"),
        other => panic!("{other:?}"),
    }
    // Nor by any other code, or none.
    for code in [None, Some("000000")] {
        assert!(access.sign_in(&id("officer"), PASSWORD, code, None).await.is_err());
    }
}

async fn with_a_key_the_store_holds_no_seed(stage: Stage) {
    let (stage, seed) = sealed(stage).await;
    assert!(!stage.stored_seed("officer").await.contains(&hex::encode(&seed)));
    stage.access.sign_in(&id("officer"), PASSWORD, Some(&stage.code(&seed)), None).await.unwrap();
    stage.access.look_at_seeds().await.unwrap();
}

async fn a_sealed_seed_without_its_key_lets_nobody_in(stage: Stage) {
    let (stage, seed) = sealed(stage).await;
    for other in [None, Some(key("08"))] {
        let access = with(&stage, other);
        does_not_work(&stage, &access, &seed).await;
        stage.access.unlock_on_console(&id("officer")).await.unwrap();
    }
    // The password alone tells nothing.
    let wrong = with(&stage, None).sign_in(&id("officer"), "sai mật khẩu rồi", None, None).await;
    assert_eq!(code_of(wrong), Code::SignInFailed);
    stage.access.sign_in(&id("officer"), PASSWORD, Some(&stage.code(&seed)), None).await.unwrap();
}

async fn tries_at_what_cannot_be_read_lock_too_and_the_lock_is_an_entry(stage: Stage) {
    let (stage, _) = sealed(stage).await;
    let access = with(&stage, None);
    for _ in 0..5 {
        assert!(matches!(access.sign_in(&id("officer"), PASSWORD, None, None).await, Err(Denied::Log(_))));
    }
    assert_eq!(code_of(access.sign_in(&id("officer"), PASSWORD, None, None).await), Code::SignInFailed);
    assert_eq!(stage.entries("officer").await.pop().unwrap().0, "sign-in-locked");
}

async fn a_seed_that_was_altered_or_is_another_accounts_lets_nobody_in(stage: Stage) {
    let (stage, seed) = sealed(stage).await;
    stage.signed_in_twice("other").await;
    let (own, others) = (stage.stored_seed("officer").await, stage.stored_seed("other").await);
    let last = if own.ends_with('0') { '1' } else { '0' };
    let altered = format!("{}{last}", &own[..own.len() - 1]);
    for stored in [&altered, &others, &own[..40].to_owned()] {
        let bytes = match stage.app.log().pool() {
            sogoc_log::Pool::Sqlite(_) => format!("x'{stored}'"),
            sogoc_log::Pool::Postgres(_) => format!("'\\x{stored}'::bytea"),
        };
        stage.tamper(&format!("update sign_in set totp = {bytes} where account = 'officer'")).await;
        does_not_work(&stage, &stage.access, &seed).await;
        stage.access.unlock_on_console(&id("officer")).await.unwrap();
    }
}

async fn a_seed_in_the_clear_is_sealed_when_a_code_of_it_is_shown(stage: Stage) {
    let (_, _, seed) = stage.signed_in_twice("officer").await;
    assert_eq!(stage.stored_seed("officer").await, hex::encode(&seed));
    let access = with(&stage, Some(key("07")));
    assert_eq!(code_of(access.sign_in(&id("officer"), PASSWORD, Some("000000"), None).await), Code::SignInFailed);
    assert_eq!(stage.stored_seed("officer").await, hex::encode(&seed), "nobody has shown that it is theirs");
    access.sign_in(&id("officer"), PASSWORD, Some(&stage.code(&seed)), None).await.unwrap();
    let sealed = stage.stored_seed("officer").await;
    assert!(!sealed.contains(&hex::encode(&seed)));
    stage.pass(30);
    access.sign_in(&id("officer"), PASSWORD, Some(&stage.code(&seed)), None).await.unwrap();
    assert_eq!(stage.stored_seed("officer").await, sealed, "once");
}

async fn seeds_are_sealed_anew_under_another_key(stage: Stage) {
    let (_, _, bare) = stage.signed_in_twice("other").await;
    let (stage, seed) = sealed(stage).await;
    let (old, new) = (key("07"), key("08"));
    let lacking = stage.access.reseal(&new, None).await.unwrap();
    assert_eq!((lacking.sealed, lacking.unchanged), (1, 0), "the one in the clear");
    assert_eq!(lacking.unreadable, ["officer"]);
    let done = stage.access.reseal(&new, Some(&old)).await.unwrap();
    assert_eq!((done.sealed, done.unchanged, done.unreadable.len()), (1, 1, 0));
    does_not_work(&stage, &stage.access, &seed).await;
    stage.access.unlock_on_console(&id("officer")).await.unwrap();
    let access = with(&stage, Some(new));
    access.sign_in(&id("officer"), PASSWORD, Some(&stage.code(&seed)), None).await.unwrap();
    access.sign_in(&id("other"), PASSWORD, Some(&stage.code(&bare)), None).await.unwrap();
}

async fn who_lost_device_or_key_begins_anew_on_the_console(stage: Stage) {
    let (stage, _) = sealed(stage).await;
    let access = with(&stage, None);
    access.remove_totp_on_console(&id("officer")).await.unwrap();
    assert!(!access.sign_in(&id("officer"), PASSWORD, None, None).await.unwrap().second_factor);
    let removed = serde_json::json!({"credential": "second-factor", "change": "removed", "by": "console"});
    assert_eq!(stage.entries("officer").await.pop().unwrap().1, removed);
    assert_eq!(code_of(access.remove_totp_on_console(&id("officer")).await), Code::NothingToDo);
}

on_both_stores!(
    with_a_key_the_store_holds_no_seed,
    a_sealed_seed_without_its_key_lets_nobody_in,
    tries_at_what_cannot_be_read_lock_too_and_the_lock_is_an_entry,
    a_seed_that_was_altered_or_is_another_accounts_lets_nobody_in,
    a_seed_in_the_clear_is_sealed_when_a_code_of_it_is_shown,
    seeds_are_sealed_anew_under_another_key,
    who_lost_device_or_key_begins_anew_on_the_console,
);
