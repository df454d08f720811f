//! *What if*: commands decided on a copy of the register. Nothing is recorded, refusals neither.

use std::collections::BTreeMap;

use sogoc_domain::command::Envelope;
use sogoc_domain::evidence::Found;
use sogoc_domain::refusal::Refusal;
use sogoc_domain::{Context, decide};
use sogoc_register::{ChangedFigure, VirtualAct, changed_figures};

use crate::open::App;
use crate::sealing::Sealing;

/// The first of several commands that would be refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("command {number}: {refusal}")]
pub struct WouldBeRefused {
    /// Which of them, from 1.
    pub number: usize,
    /// Why.
    pub refusal: Box<Refusal>,
}

impl App {
    /// Which figures commands would change, each decided on what those before it led to.
    ///
    /// # Errors
    /// The first command that would be refused.
    pub async fn what_if(&self, commands: &[Envelope]) -> Result<Vec<ChangedFigure>, WouldBeRefused> {
        let mut anchors = BTreeMap::new();
        // Copies share everything until one of them moves on, and nobody waits for this one.
        let register = self.register().overlay();
        let mut overlay = register.overlay();
        for (number, envelope) in (1..).zip(commands) {
            let refused = |refusal| WouldBeRefused { number, refusal: Box::new(refusal) };
            let received = self.now();
            // A file that cannot be looked at is as one that is not stored, and the refusal says so.
            let found = self.found_with(envelope, &mut anchors).await.unwrap_or(Found::Nothing);
            let decision = {
                let sealing = Sealing::new(self.shared.entropy.as_ref());
                let context =
                    Context { world: overlay.world(), record: &overlay, received, sealer: &sealing, found: &found };
                decide(envelope, &context).map_err(refused)?
            };
            let act = VirtualAct {
                account: envelope.account.clone(),
                on_behalf_of: envelope.on_behalf_of.clone(),
                role: decision.role,
                agency: overlay.world().accounts.get(&envelope.account).and_then(|account| account.agency.clone()),
                at: received,
                occurred: envelope.occurred,
                instrument: envelope.instrument.as_ref().map(|instrument| instrument.id.clone()),
            };
            overlay.apply_virtual(&act, &decision.events);
        }
        Ok(changed_figures(&register, &overlay))
    }
}
