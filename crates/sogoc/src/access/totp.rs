//! The second factor: codes that a device computes from a seed and the time (RFC 6238).
//!
//! SHA-1, six digits, thirty seconds: what every authenticator app knows. A code of the step before or after fits too, for
//! clocks differ; each works once.

use sogoc_domain::event::{Credential, CredentialChange, Hand};
use sogoc_domain::refusal::{Code, Refusal, Said};
use sogoc_domain::values::AccountId;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::seeds::SEED_BYTES;
use super::store::{self, Change, Credentials, Step};
use super::{Access, Caller, Denied, SECOND_US};

const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;
/// Steps before and after that fit too.
const SKEW_STEPS: u16 = 1;

/// A second factor to be taken over into a device.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Enrolment {
    /// The seed in base32, to be typed.
    pub(crate) secret: String,
    /// The same as a link or QR code.
    pub(crate) url: String,
}

/// The codes of a seed; none for what is not one.
pub(super) fn totp(seed: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW_STEPS)
        .with_step_duration(STEP_SECONDS)
        .with_secret(Secret::from(seed))
        .build()
        .ok()
}

/// The time step whose code was given, where one fits.
pub(super) fn step_of(seed: &[u8], code: &str, now_us: i64) -> Option<Step> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).take(usize::from(DIGITS) + 1).collect();
    if digits.len() != usize::from(DIGITS) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now_us / SECOND_US).ok()?;
    let step = totp(seed)?.check(&digits, seconds)?;
    Step::try_from(step).ok()
}

impl Access {
    /// Begins to set up a second factor: it counts once a code of it was shown ([`Access::confirm_totp`]).
    ///
    /// # Errors
    /// `nothing-to-do` where there is one, which is removed first; `not-signed-in`, `scope-missing`, an unavailable store.
    pub(crate) async fn enrol_totp(&self, caller: &Caller) -> Result<Enrolment, Denied> {
        let account = caller.in_person()?;
        let seed = &self.inner.app.random()[..SEED_BYTES];
        let stored = self.stored_seed(account, seed);
        if !store::enrol_totp(self.pool(), account, &stored, self.now_us()).await? {
            let why = Said::new(
                "a second factor is set up; remove it first, with a code of it",
                "đã bật xác thực hai lớp; hãy gỡ trước bằng một mã của thiết bị cũ",
            );
            return Err(Refusal::new(Code::NothingToDo).with_said("why", &why).into());
        }
        let secret = Secret::from(seed).to_base32();
        let log = self.inner.app.log().name();
        let issuer = format!("sogoc {log}");
        let url = format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            issuer = super::pages::encoded(&issuer),
        );
        Ok(Enrolment { secret, url })
    }

    /// Makes the second factor count, by a code that shows that the device has it. Ends all sessions, this one too: the next
    /// sign-in shows it.
    ///
    /// # Errors
    /// `code-unfit`, `nothing-to-do`, `not-signed-in`, `scope-missing`, what cannot be recorded.
    pub(crate) async fn confirm_totp(&self, caller: &Caller, code: &str) -> Result<(), Denied> {
        let account = caller.in_person()?;
        let credentials = store::credentials(self.pool(), account).await?;
        let Some((stored, credentials)) = credentials.and_then(|c| Some((c.totp.clone()?, c))) else {
            return Err(self.no_enrolment());
        };
        if credentials.totp_confirmed == 1 {
            return Err(self.no_enrolment());
        }
        let seed = self.seed(account, &stored)?;
        let step = step_of(&seed, code, self.now_us()).ok_or_else(|| Denied::code(Code::CodeUnfit))?;
        let by = Hand::Account(account.clone());
        self.record(account, Credential::SecondFactor, CredentialChange::Set, by, None).await?;
        let change = Change::ConfirmTotp(&stored, step);
        if !store::change(self.pool(), account, Some(credentials.changes), change, self.now_us()).await? {
            return Err(Denied::code(Code::CodeUnfit));
        }
        self.forget_found();
        Ok(())
    }

    fn no_enrolment(&self) -> Denied {
        let why = Said::new("no second factor waits to be confirmed", "không có xác thực hai lớp nào chờ xác nhận");
        Refusal::new(Code::NothingToDo).with_said("why", &why).into()
    }

    /// Removes a second factor on the console: its device is lost, or the key under which its seed is sealed.
    ///
    /// # Errors
    /// `nothing-to-do`, `account-inactive`, what cannot be recorded.
    pub(crate) async fn remove_totp_on_console(&self, account: &AccountId) -> Result<(), Denied> {
        self.must_be_open(account)?;
        let credentials = self.with_second_factor(account).await?;
        self.forget_totp(account, &credentials, Hand::Console).await
    }

    /// Removes the second factor: one's own with a code of it, or another's by an administrator. Ends all its sessions.
    ///
    /// # Errors
    /// `code-unfit`, `nothing-to-do`, `console-only` for an account whose role nobody gives alone, `role-missing`,
    /// `second-factor-required`, what cannot be recorded.
    pub(crate) async fn remove_totp(&self, by: &Caller, account: &AccountId, code: Option<&str>) -> Result<(), Denied> {
        let own = by.in_person()? == account;
        if !own {
            self.administers_credentials(by, account, "remove-second-factor")?;
        }
        let mut credentials = self.with_second_factor(account).await?;
        if own {
            credentials = self.show_code(account, code.unwrap_or_default()).await?;
        }
        self.forget_totp(account, &credentials, Hand::Account(by.signed_in()?.clone())).await
    }

    async fn with_second_factor(&self, account: &AccountId) -> Result<Credentials, Denied> {
        let credentials = store::credentials(self.pool(), account).await?;
        credentials.filter(|credentials| credentials.second_factor().is_some()).ok_or_else(|| {
            let why = Said::new("there is no second factor", "chưa bật xác thực hai lớp");
            Refusal::new(Code::NothingToDo).with_said("why", &why).into()
        })
    }

    async fn forget_totp(&self, account: &AccountId, seen: &Credentials, hand: Hand) -> Result<(), Denied> {
        self.record(account, Credential::SecondFactor, CredentialChange::Removed, hand, None).await?;
        self.change(account, Some(seen.changes), Change::RemoveTotp).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the eight digits there end in these six.
    #[test]
    fn codes_are_those_of_the_specification() {
        let seed = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step_of(seed, code, seconds * SECOND_US), Some(seconds / 30), "{code}");
            assert_eq!(
                step_of(seed, &format!("{} {}", &code[..3], &code[3..]), seconds * SECOND_US),
                Some(seconds / 30)
            );
        }
    }

    #[test]
    fn a_code_fits_one_step_before_and_after_and_no_further() {
        let seed = b"12345678901234567890";
        let at = |seconds: i64| step_of(seed, "081804", seconds * SECOND_US);
        let step = 1_111_111_109 / 30;
        assert_eq!(at(step * 30 - 30), Some(step));
        assert_eq!(at(step * 30 + 59), Some(step));
        assert_eq!(at(step * 30 - 31), None);
        assert_eq!(at(step * 30 + 60), None);
        for bad in ["", "08180", "0818044", "08180x", "０８１８０４"] {
            assert_eq!(step_of(seed, bad, step * 30 * SECOND_US), None, "{bad}");
        }
    }
}
