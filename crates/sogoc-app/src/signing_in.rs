//! What an inspector must be able to see about how accounts sign in, recorded beside the commands: locks, and changes of
//! passwords, second factors, subjects and tokens. No secret, no address of a machine, no name.
//!
//! There is no command behind such an entry that could be sent again: each is recorded once, when it happens.

use sha2::{Digest as _, Sha256};
use sogoc_domain::event::{CredentialSet, Event, Hand, SignInEvent, SignInUnlocked};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::AccountId;
use sogoc_log::{Actor, Append, Draft, LogError, Uuid, Version};

use crate::drafting::{log_time, stream_id};
use crate::open::App;

/// Times that an entry is tried again because others were recorded for the same account.
const TRIES_MAX: u32 = 50;
/// Namespace of the ids under which sign-in is recorded: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x3d5b_07c1_9e42_5a86_b1f0_4c7d_2a68_e913);
/// What stands for an account, and ties entries together, where whoever has the store did it.
const CONSOLE: &str = "console";

impl App {
    /// 32 bytes that nobody can guess, from where the salts come from.
    #[must_use]
    pub fn random(&self) -> [u8; 32] {
        self.shared.entropy.salt()
    }

    /// Records what happened to how an account signs in. When it returns, the entry is durable and in the register.
    ///
    /// # Errors
    /// [`LogError`] when it is not recorded, or when it is not known whether it is.
    pub async fn record_sign_in(&self, account: &AccountId, event: SignInEvent) -> Result<(), LogError> {
        let stream = Stream::SignIn(account.clone());
        // Drawn once: a conflict recorded nothing, so that the next try is the same act.
        let name = self.random();
        let (actor, correlation) = match &event {
            // In its name it was tried; by whom, nobody knows.
            SignInEvent::SignInLocked(_) => (account.to_string(), None),
            SignInEvent::SignInUnlocked(SignInUnlocked { by })
            | SignInEvent::CredentialSet(CredentialSet { by, .. }) => match by {
                Hand::Account(by) => (by.to_string(), None),
                Hand::Console => (CONSOLE.to_owned(), Some(CONSOLE.to_owned())),
            },
        };
        let agency_of = match &event {
            SignInEvent::SignInLocked(_) => Some(account),
            SignInEvent::SignInUnlocked(SignInUnlocked { by })
            | SignInEvent::CredentialSet(CredentialSet { by, .. }) => by.account(),
        };
        let agency = agency_of.and_then(|id| self.register().world().accounts.get(id)?.agency.clone());
        let event = Event::from(event);
        let mut tries = 0;
        loop {
            let data = event.data();
            let version = self.register().stream_version(&stream);
            let append = Append {
                command: Uuid::new_v5(&NAMESPACE, &name),
                command_digest: Sha256::digest(&data).into(),
                correlation: correlation.clone(),
                actor: Actor {
                    account: actor.clone(),
                    agency: agency.as_ref().map(ToString::to_string),
                    ..Actor::default()
                },
                received: log_time(self.now()),
                occurred: None,
                instrument: None,
                drafts: vec![Draft {
                    stream: stream_id(&stream),
                    kind: event.kind().to_owned(),
                    kind_version: event.kind_version(),
                    data,
                    causation: None,
                }],
                expected: vec![(stream_id(&stream), Version(version))],
                sealed: Vec::new(),
                erases: Vec::new(),
                unmoved: Vec::new(),
            };
            match self.log().append(append).await {
                Ok(receipt) => {
                    return match receipt.positions.last() {
                        Some(last) => self.reach(last.0).await,
                        None => Ok(()),
                    };
                }
                Err(LogError::Conflict { .. }) if tries < TRIES_MAX => {
                    tries += 1;
                    self.catch_up().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
