//! Entries as histories, traces and appeals show them: what may be seen of each, and the texts that go with it.

use std::collections::HashMap;

use serde_json::{Value, json};
use sogoc_domain::authority::Subject;
use sogoc_domain::values::{AgencyId, Sealed, SeasonId};
use sogoc_register::{EntryView, Fetched, TextOf};

use crate::api::Api;
use crate::api::error::Fault;
use crate::api::sight::Sight;

/// Entries of an answer: gathered while the register is read, told once their texts are fetched.
#[derive(Default)]
pub(super) struct Entries {
    views: Vec<Seen>,
    wanted: Vec<Sealed>,
}

/// An entry, or its position where it is withheld.
enum Seen {
    Whole(Box<EntryView>),
    Withheld(u64),
}

impl Entries {
    /// Adds an entry; whether it may be seen.
    pub(super) fn push(&mut self, sight: &Sight<'_>, mut view: EntryView) -> bool {
        if !sight.entry(&view.stream, view.position) {
            self.views.push(Seen::Withheld(view.position));
            return false;
        }
        prepare(sight, &mut view, &mut self.wanted);
        self.views.push(Seen::Whole(Box::new(view)));
        true
    }

    /// The entries in the order in which they were added, as the schema has them.
    pub(super) async fn told(self, api: &Api) -> Result<Vec<Value>, Fault> {
        let texts = fetched(api, self.wanted).await?;
        let told = self.views.into_iter().map(|seen| match seen {
            Seen::Whole(mut view) => {
                view.fill(|commitment| texts.get(commitment).cloned());
                entry_json(&view)
            }
            Seen::Withheld(position) => withheld(position),
        });
        Ok(told.collect())
    }
}

/// Leaves out of an entry what its reader may not see, and notes the texts that it may.
pub(super) fn prepare(sight: &Sight<'_>, view: &mut EntryView, wanted: &mut Vec<Sealed>) {
    wanted.extend(
        view.texts.iter().filter(|text| sight.text(&view.stream, &view.kind, text.of)).map(|text| text.commitment),
    );
    let Some(evidence) = &mut view.evidence else { return };
    // Where else a file is attached is told of scorecards that the reader may see.
    evidence.also.retain(|other| match (other.season.parse::<SeasonId>(), other.agency.parse::<AgencyId>()) {
        (Ok(season), Ok(agency)) => sight.of_agency(Subject::Scorecard, &season, &agency),
        _ => false,
    });
    if let Some(verdict) = &evidence.verdict
        && sight.text(&view.stream, &view.kind, TextOf::Signer)
    {
        wanted.extend(verdict.signatures.iter().filter_map(|signature| signature.commitment));
    }
}

/// The texts behind commitments.
pub(super) async fn fetched(api: &Api, mut wanted: Vec<Sealed>) -> Result<HashMap<Sealed, Fetched>, Fault> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(api.app().texts(&wanted).await?)
}

/// An entry as the schema has it.
pub(super) fn entry_json(view: &EntryView) -> Value {
    serde_json::to_value(view).expect("answers have text keys and no floats")
}

/// An entry of which no more may be known than that it is there.
pub(super) fn withheld(position: u64) -> Value {
    json!({ "position": position, "withheld": true })
}
