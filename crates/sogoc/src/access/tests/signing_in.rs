//! Signing in with a password: what fits, what fails and how, what locks.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use serde_json::json;
use sogoc_domain::refusal::{Code, Language};

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, code_of, id, settings};
use crate::access::{Denied, Settings};

async fn who_knows_the_password_is_let_in(stage: Stage) {
    stage.set_password("officer").await;
    let session = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    assert!(!session.second_factor);
    for caller in [stage.by_cookie(&session.token).await, stage.by_bearer(&session.token).await] {
        let caller = caller.unwrap();
        assert_eq!(caller.account, Some(id("officer")));
        caller.may_read().unwrap();
        caller.may_command("record-self-score").unwrap();
    }
}

/// What a failure tells, in whatever language.
fn told(denied: Denied) -> String {
    let Denied::Refusal(refusal) = denied else { panic!("{denied}") };
    let texts = [Language::Vietnamese, Language::English].map(|l| refusal.message(l) + &refusal.remedy(l));
    format!("{:?} {:?} {texts:?}", refusal.code, refusal.values)
}

async fn failures_do_the_same_work_and_tell_nothing(stage: Stage) {
    for account in ["officer", "inspector", "other"] {
        stage.set_password(account).await;
    }
    stage.does("admin", json!({"type": "close-account", "account": "other", "reason": "Nghỉ hưu"})).await;
    let verified = || stage.access.inner.hasher.verified.load(Ordering::Relaxed);
    let mut answers = Vec::new();
    for _ in 0..5 {
        stage.try_sign_in("inspector", "không phải mật khẩu").await.map(|_| ()).unwrap_err();
    }
    // Wrong, unknown, closed, without a password, locked though right.
    for (account, password) in [
        ("officer", "không phải mật khẩu"),
        ("nobody", PASSWORD),
        ("other", PASSWORD),
        ("chair", PASSWORD),
        ("inspector", PASSWORD),
        ("officer", ""),
    ] {
        let before = verified();
        let Err(denied) = stage.try_sign_in(account, password).await else { panic!("{account} is let in") };
        assert_eq!(verified() - before, 1, "{account}");
        answers.push(told(denied));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

async fn failures_in_a_row_lock_and_the_lock_is_an_entry(stage: Stage) {
    stage.set_password("officer").await;
    for _ in 0..4 {
        assert_eq!(code_of(stage.try_sign_in("officer", "sai mật khẩu rồi").await), Code::SignInFailed);
    }
    // One that fits begins the count anew.
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    for _ in 0..5 {
        assert_eq!(code_of(stage.try_sign_in("officer", "sai mật khẩu rồi").await), Code::SignInFailed);
    }
    let locks = |entries: Vec<(String, serde_json::Value, String)>| {
        entries.into_iter().filter(|entry| entry.0 == "sign-in-locked").collect::<Vec<_>>()
    };
    let until = json!({"failures": 5, "until": "2026-11-28T02:15:00.000000Z"});
    assert_eq!(locks(stage.entries("officer").await), [("sign-in-locked".to_owned(), until, "officer".to_owned())]);
    assert_eq!(code_of(stage.try_sign_in("officer", PASSWORD).await), Code::SignInFailed);
    stage.pass(15 * 60 - 1);
    assert_eq!(code_of(stage.try_sign_in("officer", PASSWORD).await), Code::SignInFailed);
    assert_eq!(locks(stage.entries("officer").await).len(), 1, "what is not tried locks no longer");
    stage.pass(1);
    // After it a new count begins.
    assert_eq!(code_of(stage.try_sign_in("officer", "sai mật khẩu rồi").await), Code::SignInFailed);
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    assert_eq!(locks(stage.entries("officer").await).len(), 1);
}

async fn tries_at_once_on_two_nodes_are_no_more_than_one_after_the_other(stage: Stage) {
    stage.set_password("officer").await;
    let (app, other) = stage.another_node().await;
    let officer = id("officer");
    let tries = (0..30).map(|n| {
        let access = if n % 2 == 0 { &stage.access } else { &other };
        access.sign_in(&officer, "sai mật khẩu rồi", None, None)
    });
    for answer in join_all(tries).await {
        assert_eq!(code_of(answer), Code::SignInFailed);
    }
    let locks = stage.entries("officer").await.into_iter().filter(|e| e.0 == "sign-in-locked").collect::<Vec<_>>();
    assert_eq!(locks.len(), 1);
    assert_eq!(locks[0].1["failures"], 5);
    assert_eq!(code_of(other.sign_in(&officer, PASSWORD, None, None).await), Code::SignInFailed);
    app.close().await;
}

async fn a_lock_is_lifted_on_the_console_and_that_is_an_entry(stage: Stage) {
    stage.set_password("officer").await;
    assert!(!stage.access.unlock_on_console(&id("officer")).await.unwrap());
    for _ in 0..5 {
        stage.try_sign_in("officer", "sai mật khẩu rồi").await.map(|_| ()).unwrap_err();
    }
    assert!(stage.access.unlock_on_console(&id("officer")).await.unwrap());
    stage.try_sign_in("officer", PASSWORD).await.unwrap();
    let last = stage.entries("officer").await.pop().unwrap();
    assert_eq!(last, ("sign-in-unlocked".to_owned(), json!({"by": "console"}), "console".to_owned()));
    assert_eq!(code_of(stage.access.unlock_on_console(&id("nobody")).await), Code::AccountInactive);
}

async fn a_source_that_keeps_failing_waits(stage: Stage) {
    stage.set_password("officer").await;
    let access = stage.with(Settings { source_failures: 3, ..settings() });
    let from = Some("192.0.2.7".parse().unwrap());
    for n in 0..3 {
        let nobody = id(&format!("nobody-{n}"));
        assert_eq!(code_of(access.sign_in(&nobody, PASSWORD, None, from).await), Code::SignInFailed);
    }
    let Err(Denied::Refusal(refusal)) = access.sign_in(&id("officer"), PASSWORD, None, from).await else {
        panic!("not refused")
    };
    assert_eq!((refusal.code, refusal.values["retry_seconds"].as_str()), (Code::TooManyAttempts, "20"));
    access.sign_in(&id("officer"), PASSWORD, None, Some("192.0.2.8".parse().unwrap())).await.unwrap();
    stage.pass(20);
    access.sign_in(&id("officer"), PASSWORD, None, from).await.unwrap();
}

async fn that_a_lock_cannot_be_recorded_changes_no_answer(stage: Stage) {
    stage.set_password("officer").await;
    for _ in 0..4 {
        stage.try_sign_in("officer", "sai mật khẩu rồi").await.map(|_| ()).unwrap_err();
    }
    stage.faulty.fail_next(sogoc_log::Step::Insert, sogoc_log::Mode::Failed);
    assert_eq!(code_of(stage.try_sign_in("officer", "sai mật khẩu rồi").await), Code::SignInFailed);
    assert!(stage.faulty.is_spent());
    assert_eq!(code_of(stage.try_sign_in("officer", PASSWORD).await), Code::SignInFailed, "it holds all the same");
}

on_both_stores!(
    who_knows_the_password_is_let_in,
    failures_do_the_same_work_and_tell_nothing,
    failures_in_a_row_lock_and_the_lock_is_an_entry,
    tries_at_once_on_two_nodes_are_no_more_than_one_after_the_other,
    a_lock_is_lifted_on_the_console_and_that_is_an_entry,
    a_source_that_keeps_failing_waits,
    that_a_lock_cannot_be_recorded_changes_no_answer,
);
