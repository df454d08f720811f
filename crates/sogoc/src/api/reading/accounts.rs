//! Accounts with their roles, and the refusals that were recorded of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sogoc_domain::account::Account;
use sogoc_domain::authority::{Reading, Subject};
use sogoc_domain::event::{Event, RefusalsEvent};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, Sealed};
use sogoc_log::{LogError, StreamId, Version};
use sogoc_register::{Fetched, decode};

use super::entries::fetched;
use super::{Page, unknown};
use crate::api::ask::Ask;
use crate::api::error::Fault;
use crate::api::sight::Sight;
use crate::api::{Api, Call};

/// The caller's account; what else is told of the caller is for who knows how it signed in.
pub(super) async fn me(api: &Api, call: &Call) -> Result<Value, Fault> {
    let id = call.account().ok_or_else(|| Refusal::new(Code::NotSignedIn))?;
    let scopes = crate::api::accounts::words(&call.caller.scopes);
    Ok(json!({ "account": one(api, call, id).await?, "second_factor": call.caller.second_factor, "scopes": scopes }))
}

pub(super) async fn get(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let id: AccountId = ask.must("account")?;
    Ok(json!({ "account": one(api, call, &id).await? }))
}

async fn one(api: &Api, call: &Call, id: &AccountId) -> Result<Value, Fault> {
    let (account, name) = {
        let register = api.app().register();
        let world = register.world();
        let sight = Sight::new(world, call.account(), api.app().now());
        // Who may not read accounts does not learn either which there are.
        sight.must(&Reading { account: Some(id), ..Reading::of(Subject::AccountDirectory) })?;
        let account = world.accounts.get(id).ok_or_else(|| unknown("account", id))?;
        (Arc::clone(account), account.name.filter(|_| sight.of_account(Subject::AccountName, id)))
    };
    let names = fetched(api, name.into_iter().collect()).await?;
    Ok(account_json(id, &account, name, &names))
}

pub(super) async fn list(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let agency: Option<AgencyId> = ask.parsed("agency")?;
    let page = Page::of(ask, &format!("accounts {agency:?}"))?;
    let (accounts, next) = {
        let register = api.app().register();
        let world = register.world();
        if let Some(agency) = &agency
            && !world.agencies.contains_key(agency)
        {
            return Err(unknown("agency", agency));
        }
        let sight = Sight::new(world, call.account(), api.app().now());
        let seen = world
            .accounts
            .iter()
            .filter(|(_, account)| agency.is_none() || account.agency == agency)
            .filter(|(id, _)| sight.of_account(Subject::AccountDirectory, id))
            .map(|(id, account)| {
                (id.clone(), Arc::clone(account), account.name.filter(|_| sight.of_account(Subject::AccountName, id)))
            });
        page.take(seen, |(id, ..)| id.to_string())
    };
    let names = fetched(api, accounts.iter().filter_map(|(.., name)| *name).collect()).await?;
    let accounts: Vec<_> =
        accounts.iter().map(|(id, account, name)| account_json(id, account, *name, &names)).collect();
    Ok(json!({ "accounts": accounts, "next_page_token": next }))
}

fn account_json(id: &AccountId, account: &Account, name: Option<Sealed>, names: &HashMap<Sealed, Fetched>) -> Value {
    let name = name.and_then(|name| match names.get(&name)? {
        Fetched::Text(text) => Some(text),
        Fetched::Erased => None,
    });
    let proposals = account.proposals.iter();
    json!({
        "account": id, "agency": account.agency, "name": name, "closed": account.closed,
        "roles": account.grants,
        "proposals": proposals
            .map(|proposal| json!({ "role": proposal.role, "scope": proposal.scope, "by": proposal.by.account }))
            .collect::<Vec<_>>(),
        "delegations": account.delegations, "linked": account.linked,
    })
}

pub(super) async fn refusals(api: &Api, call: &Call, ask: &Ask) -> Result<Value, Fault> {
    let id: AccountId = ask.must("account")?;
    let page = Page::of(ask, &format!("refusals {id}"))?;
    let stream = Stream::Refusals(id.clone());
    {
        let register = api.app().register();
        let sight = Sight::new(register.world(), call.account(), api.app().now());
        sight.must(&Reading { account: Some(&id), ..Reading::of(Subject::Refusals) })?;
        if !register.world().accounts.contains_key(&id) {
            return Err(unknown("account", &id));
        }
        register.world().not_stopped(&stream)?;
    }
    let from = u64::try_from(page.from).unwrap_or(u64::MAX);
    let name = StreamId::try_new(stream.to_string())?;
    let entries = match from.checked_add(1).filter(|version| *version < sogoc_log::NUMBER_LIMIT) {
        Some(version) => api.app().log().read_stream(&name, Version(version)).await?,
        None => Vec::new(),
    };
    let more = entries.len() > page.size;
    let mut refusals = Vec::new();
    for stored in entries.into_iter().take(page.size) {
        let corrupt = |what: String| LogError::Corrupt { position: Some(stored.position), what };
        let entry = stored.parse().map_err(|why| corrupt(why.to_string()))?;
        let event = decode(&entry)
            .map_err(|why| Refusal::new(Code::StreamStopped).with("stream", &stream).with("why", why.to_string()))?;
        if let Event::Refusals(RefusalsEvent::RefusalRecorded(refused)) = event {
            let at = sogoc_domain::values::Timestamp::from_micros(entry.at.micros());
            refusals.push(json!({
                "position": stored.position.0, "at": at, "code": refused.code, "command": refused.command,
                "target": refused.target, "uncounted": refused.uncounted,
            }));
        }
    }
    let next = page.next(refusals.len(), more, None);
    Ok(json!({ "refusals": refusals, "next_page_token": next }))
}
