//! Methods about sign-in itself: sessions, passwords, second factors, tokens. What they decide is `access`'s.

use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::{Value, json};
use sogoc_domain::values::AccountId;

use super::ask::{Ask, invalid};
use super::error::{Fault, ServiceCode};
use super::schema::Method;
use super::written::written;
use super::{Answer, Api, Call};
use crate::access::{Scope, Scopes};

impl Api {
    /// Answers a method that neither reads nor gives a command.
    pub(super) async fn act(&self, method: &Method, call: &Call, ask: Ask) -> Result<Answer, Fault> {
        let access = &self.inner.access;
        let caller = &call.caller;
        let done = json!({});
        let answer = match method.name.as_str() {
            "WhatIf" => {
                caller.may_read()?;
                super::reading::figures::what_if(self, call, ask).await?
            }
            "Reconcile" => {
                caller.may_read()?;
                super::reading::figures::reconcile(self, call, ask).await?
            }
            "SignIn" => return self.sign_in(call, &ask).await,
            "SignOut" => {
                access.sign_out(caller).await?;
                return with_cookie(&done, access.no_session_cookie());
            }
            "SetPassword" => {
                let (account, new) = (ask.must("account")?, ask.must_text("password")?);
                access.set_password(caller, &account, ask.text("current"), new).await?;
                done
            }
            "EndSessions" => json!({ "ended": access.end_sessions(caller, &ask.must("account")?).await? }),
            "EnrolSecondFactor" => {
                let enrolment = access.enrol_totp(caller).await?;
                json!({ "secret": enrolment.secret, "url": enrolment.url })
            }
            "ConfirmSecondFactor" => {
                access.confirm_totp(caller, ask.must_text("code")?).await?;
                done
            }
            "ShowSecondFactor" => {
                access.show_second_factor(caller, ask.must_text("code")?).await?;
                done
            }
            "RemoveSecondFactor" => {
                access.remove_totp(caller, &ask.must("account")?, ask.text("code")).await?;
                done
            }
            "CreateToken" => self.create_token(call, &ask).await?,
            "RevokeToken" => {
                access.revoke_token(caller, ask.must_text("id")?).await?;
                done
            }
            "LinkSubject" => {
                let (issuer, subject) = (ask.must_text("issuer")?, ask.must_text("subject")?);
                access.link_subject(caller, &ask.must("account")?, issuer, subject).await?;
                done
            }
            "UnlinkSubject" => {
                access.unlink_subject(caller, &ask.must("account")?).await?;
                done
            }
            _ => return Err(Fault::Service(ServiceCode::NoSuchMethod, None)),
        };
        Ok(written(&answer)?.into())
    }

    /// Answers what is asked about sign-in itself; nothing where the method is about something else.
    pub(super) async fn sign_in_reads(&self, method: &Method, call: &Call, ask: &Ask) -> Result<Option<Value>, Fault> {
        let access = &self.inner.access;
        match method.name.as_str() {
            "ListSessions" => {
                let shown = access.list_sessions(&call.caller).await?;
                let session = |s: &crate::access::SessionShown| {
                    json!({
                        "created_at": s.created_at, "seen_at": s.seen_at, "expires_at": s.expires_at,
                        "second_factor": s.second_factor, "current": s.current,
                    })
                };
                Ok(Some(json!({ "sessions": shown.iter().map(session).collect::<Vec<_>>() })))
            }
            "ListTokens" => {
                let account: AccountId = match ask.parsed("account")? {
                    Some(account) => account,
                    None => call.caller.signed_in()?.clone(),
                };
                let shown = access.list_tokens(&call.caller, &account).await?;
                let token = |t: &crate::access::TokenShown| {
                    json!({
                        "id": t.id, "account": account, "name": t.name, "scopes": words(&t.scopes),
                        "created_at": t.created_at, "expires_at": t.expires_at, "used_at": t.used_at,
                        "revoked_at": t.revoked_at,
                    })
                };
                Ok(Some(json!({ "tokens": shown.iter().map(token).collect::<Vec<_>>() })))
            }
            _ => Ok(None),
        }
    }

    async fn sign_in(&self, call: &Call, ask: &Ask) -> Result<Answer, Fault> {
        let (account, password) = (ask.must("account")?, ask.must_text("password")?);
        let access = &self.inner.access;
        let session = access.sign_in(&account, password, ask.text("code"), call.from).await?;
        let answer = json!({
            "session": session.token, "expires_at": session.expires_at, "second_factor": session.second_factor,
        });
        let cookie = access.session_cookie(&session);
        with_cookie(&answer, cookie)
    }

    async fn create_token(&self, call: &Call, ask: &Ask) -> Result<Value, Fault> {
        let name = ask.must_text("name")?;
        let scopes = ask.list("scopes").iter().map(|scope| {
            let scope = scope.as_str().unwrap_or_default();
            scope.parse::<Scope>().map_err(|why| invalid("scopes", scope, why))
        });
        let scopes = scopes.collect::<Result<_, _>>()?;
        let until = ask.instant("expires_at")?.ok_or_else(|| {
            Fault::from(
                sogoc_domain::refusal::Refusal::new(sogoc_domain::refusal::Code::Missing).with("field", "expires_at"),
            )
        })?;
        let made = self.inner.access.create_token(&call.caller, name, &scopes, until).await?;
        let words: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        Ok(json!({
            "token": {
                "id": made.id, "account": call.account(), "name": name, "scopes": words, "expires_at": until,
                "created_at": self.app().now(),
            },
            "secret": made.secret,
        }))
    }
}

/// The words of a token's scopes; none for a session, which may whatever its account may.
pub(super) fn words(scopes: &Scopes) -> Vec<String> {
    match scopes {
        Scopes::All => Vec::new(),
        Scopes::Only(scopes) => scopes.iter().map(ToString::to_string).collect(),
    }
}

fn with_cookie(answer: &Value, cookie: String) -> Result<Answer, Fault> {
    let mut headers = HeaderMap::new();
    match cookie.parse() {
        Ok(cookie) => {
            headers.insert(SET_COOKIE, cookie);
        }
        Err(_) => tracing::error!("a session cookie is no header"),
    }
    Ok(Answer { body: written(answer)?, headers })
}
