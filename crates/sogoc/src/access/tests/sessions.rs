//! Sessions: how long they hold, and what ends them.

use http::header::{COOKIE, HeaderName};
use serde_json::json;
use sogoc_domain::refusal::Code;

use super::on_both_stores;
use super::stage::{PASSWORD, Stage, bearer, code_of, cookie, headers, id, settings};
use crate::access::{Caller, SESSION_COOKIE, Settings, Via};

async fn a_session_ends_when_it_is_not_used_and_after_its_longest_life(stage: Stage) {
    stage.set_password("officer").await;
    let used = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    let idle = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    stage.pass(59 * 60);
    assert!(stage.by_cookie(&used.token).await.unwrap().account.is_some());
    stage.pass(60);
    assert_eq!(stage.by_cookie(&idle.token).await.unwrap(), Caller::nobody());
    assert_eq!(code_of(stage.by_bearer(&idle.token).await), Code::TokenOver);
    // Used every half an hour, it lasts for twelve hours and no longer.
    for _ in 0..21 {
        stage.pass(30 * 60);
        assert!(stage.by_cookie(&used.token).await.unwrap().account.is_some());
    }
    stage.pass(29 * 60);
    assert!(stage.by_cookie(&used.token).await.unwrap().account.is_some());
    stage.pass(60);
    assert_eq!(stage.by_cookie(&used.token).await.unwrap(), Caller::nobody());
    assert_eq!(used.expires_at.to_string(), "2026-11-28T14:00:00.000000Z");
}

async fn what_is_over_is_swept_away(stage: Stage) {
    let officer = stage.signed_in("officer").await;
    stage.signed_in("other").await;
    stage.does("admin", json!({"type": "close-account", "account": "other", "reason": "Nghỉ hưu"})).await;
    assert_eq!(stage.access.sweep().await.unwrap(), 1);
    assert_eq!(stage.access.list_sessions(&officer).await.unwrap().len(), 1);
    stage.pass(60 * 60);
    assert_eq!(stage.access.sweep().await.unwrap(), 1);
    assert_eq!(stage.access.sweep().await.unwrap(), 0);
}

async fn signing_out_ends_one_session_and_ending_all_ends_all_on_every_node(stage: Stage) {
    stage.set_password("officer").await;
    let [one, two, three] = [(); 3].map(|()| stage.try_sign_in("officer", PASSWORD));
    let (one, two, three) = (one.await.unwrap(), two.await.unwrap(), three.await.unwrap());
    let (app, other) = stage.another_node().await;
    assert!(other.caller(&cookie(&two.token)).await.unwrap().account.is_some());
    let caller = stage.by_cookie(&one.token).await.unwrap();
    let listed = stage.access.list_sessions(&caller).await.unwrap();
    assert_eq!((listed.len(), listed.iter().filter(|session| session.current).count()), (3, 1));
    stage.access.sign_out(&caller).await.unwrap();
    assert_eq!(stage.by_cookie(&one.token).await.unwrap(), Caller::nobody());
    let caller = stage.by_cookie(&three.token).await.unwrap();
    assert_eq!(stage.access.end_sessions(&caller, &id("officer")).await.unwrap(), 2);
    assert_eq!(stage.by_cookie(&two.token).await.unwrap(), Caller::nobody());
    // Another node takes what it found for a second.
    stage.pass(1);
    assert_eq!(other.caller(&cookie(&two.token)).await.unwrap(), Caller::nobody());
    app.close().await;
}

async fn a_closed_account_is_nobody(stage: Stage) {
    stage.set_password("officer").await;
    let session = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    stage.by_cookie(&session.token).await.unwrap();
    stage.does("admin", json!({"type": "close-account", "account": "officer", "reason": "Nghỉ hưu"})).await;
    // At once, although it was found a moment ago.
    assert_eq!(stage.by_cookie(&session.token).await.unwrap(), Caller::nobody());
    assert_eq!(code_of(stage.by_bearer(&session.token).await), Code::AccountInactive);
}

async fn a_request_without_anything_is_from_nobody_and_what_is_wrong_is_said(stage: Stage) {
    assert_eq!(stage.access.caller(&headers(&[])).await.unwrap(), Caller::nobody());
    assert_eq!(stage.by_cookie("nonsense").await.unwrap(), Caller::nobody());
    for wrong in ["", "nonsense", "sogoc_nonsense", &"x".repeat(10_000)] {
        assert_eq!(code_of(stage.by_bearer(wrong).await), Code::TokenOver, "{wrong}");
    }
    let basic = headers(&[(http::header::AUTHORIZATION, "Basic YTpi")]);
    assert_eq!(code_of(stage.access.caller(&basic).await), Code::TokenOver);
    assert_eq!(code_of(Caller::nobody().may_command("record-self-score")), Code::NotSignedIn);
    Caller::nobody().may_read().unwrap();
}

async fn a_cookie_counts_only_for_our_own_pages(stage: Stage) {
    stage.set_password("officer").await;
    let session = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    for (site, known) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
        let cookie = format!("{SESSION_COOKIE}={}", session.token);
        let headers = headers(&[(COOKIE, &cookie), (HeaderName::from_static("sec-fetch-site"), site)]);
        assert_eq!(stage.access.caller(&headers).await.unwrap().account.is_some(), known, "{site}");
    }
    // A bearer is sent by nobody who does not have it.
    let mut headers = bearer(&session.token);
    headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert!(matches!(stage.access.caller(&headers).await.unwrap().via, Via::Session(_)));
}

async fn cookies_go_over_tls_but_on_ones_own_machine(stage: Stage) {
    stage.set_password("officer").await;
    let session = stage.try_sign_in("officer", PASSWORD).await.unwrap();
    for (url, secure) in [
        (None, false),
        (Some("http://127.0.0.1:8080"), false),
        (Some("http://localhost:8080/"), false),
        (Some("http://[::1]:8080"), false),
        (Some("https://sogoc.example"), true),
        (Some("https://127.0.0.1"), true),
        (Some("http://sogoc.example"), true),
        (Some("http://localhost.evil.example"), true),
        (Some("http://127.0.0.1.evil.example:80"), true),
    ] {
        let access = stage.with(Settings { public_url: url.map(str::to_owned), ..settings() });
        let cookie = access.session_cookie(&session);
        assert_eq!(cookie.ends_with("; Secure"), secure, "{url:?}");
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    }
}

on_both_stores!(
    a_session_ends_when_it_is_not_used_and_after_its_longest_life,
    what_is_over_is_swept_away,
    signing_out_ends_one_session_and_ending_all_ends_all_on_every_node,
    a_closed_account_is_nobody,
    a_request_without_anything_is_from_nobody_and_what_is_wrong_is_said,
    a_cookie_counts_only_for_our_own_pages,
    cookies_go_over_tls_but_on_ones_own_machine,
);
