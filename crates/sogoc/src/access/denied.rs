//! Why somebody is not let in, or may not do something here.

use sogoc_domain::refusal::{Code, Refusal};
use sogoc_log::LogError;

/// A rule says no, or the store does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Denied {
    /// A rule says no.
    #[error(transparent)]
    Refusal(Box<Refusal>),
    /// The store or the log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Denied {
    /// A refusal whose text names no values.
    pub(super) fn code(code: Code) -> Self {
        Refusal::new(code).into()
    }

    pub(super) fn not_signed_in() -> Self {
        Self::code(Code::NotSignedIn)
    }

    /// The answer to every sign-in that fails.
    pub(super) fn failed() -> Self {
        Self::code(Code::SignInFailed)
    }

    /// What this node cannot do now. The reason is for the operator's log.
    pub(super) fn unavailable(why: &str) -> Self {
        Self::Log(LogError::Unavailable { retry_after_ms: 1_000, why: why.to_owned() })
    }

    pub(super) fn too_many(retry_seconds: u64) -> Self {
        Refusal::new(Code::TooManyAttempts).with("retry_seconds", retry_seconds).into()
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

impl From<sqlx::Error> for Denied {
    fn from(error: sqlx::Error) -> Self {
        // What the database says may hold values: it goes to the trace's reader and not into an answer.
        tracing::warn!(error = &error as &dyn std::error::Error, "the tables of sign-in do not answer");
        Self::unavailable("the tables of sign-in do not answer")
    }
}
