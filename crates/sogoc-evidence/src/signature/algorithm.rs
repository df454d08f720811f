//! Digests and signature values: what is judged, what is too weak, and what is not judged here.
//!
//! RSA by PKCS #1 is verified by `ring`, which takes a twentieth of the time, and there is a lot of it: certificates, lists,
//! answers and time stamps. PSS is verified by `rsa`, for a signature may declare any length of salt, and some signers take
//! the longest; so is a value over a digest alone, which `ring` does not take. Nothing here has a private key, so that the
//! timing of `rsa` (RUSTSEC-2023-0071) does not come into it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::Digest as _;

use super::tlv::{BIT_STRING, Items, Malformed, OID, SEQUENCE, Tlv};

/// RSA keys with fewer bits are too weak.
const RSA_BITS_MIN: usize = 2048;
/// Larger ones are not calculated with.
const RSA_BITS_MAX: usize = 8192;
/// Signature values that are verified for one file.
const VERIFICATIONS_MAX: u32 = 600;
/// Bytes of certificates and lists that are hashed for one file.
const HASHED_BYTES_MAX: usize = 512 << 20;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05];
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];

/// Why a signature value does not hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Flaw {
    /// It does not verify.
    Wrong,
    /// SHA-1, MD5, or a key that is too short.
    Weak,
    /// Not judged here.
    Unsupported,
    /// More of them than are judged for one file.
    TooMany,
}

impl From<Malformed> for Flaw {
    fn from(_: Malformed) -> Self {
        Self::Wrong
    }
}

/// A digest that is judged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A digest being made.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Hash::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Hash::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Hash {
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest that an algorithm names.
    pub(super) fn named(algorithm: &Algorithm<'_>) -> Result<Self, Flaw> {
        match algorithm.oid.strip_prefix(SHA2) {
            Some([1]) => Ok(Self::Sha256),
            Some([2]) => Ok(Self::Sha384),
            Some([3]) => Ok(Self::Sha512),
            _ if matches!(algorithm.oid, SHA1 | MD5) => Err(Flaw::Weak),
            _ => Err(Flaw::Unsupported),
        }
    }

    fn ring(self) -> &'static ring::signature::RsaParameters {
        match self {
            Self::Sha256 => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Sha384 => &ring::signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Sha512 => &ring::signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }

    fn pkcs1(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha256 => Pkcs1v15Sign::new::<rsa::sha2::Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<rsa::sha2::Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<rsa::sha2::Sha512>(),
        }
    }

    fn pss(self, salt: usize) -> Pss {
        match self {
            Self::Sha256 => Pss::new_with_salt::<rsa::sha2::Sha256>(salt),
            Self::Sha384 => Pss::new_with_salt::<rsa::sha2::Sha384>(salt),
            Self::Sha512 => Pss::new_with_salt::<rsa::sha2::Sha512>(salt),
        }
    }
}

/// An algorithm as it is named: the bytes of its identifier, and its parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Algorithm<'a> {
    pub(super) oid: &'a [u8],
    pub(super) parameters: Option<Tlv<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(items: &mut Items<'a>) -> Result<Self, Malformed> {
        let mut fields = items.enter(SEQUENCE)?;
        Self::fields(&mut fields)
    }

    pub(super) fn fields(fields: &mut Items<'a>) -> Result<Self, Malformed> {
        let oid = fields.expect(OID)?;
        let parameters = if fields.is_empty() { None } else { Some(fields.next()?) };
        if fields.is_empty() { Ok(Self { oid, parameters }) } else { Err(Malformed) }
    }
}

/// How a value was made over a digest.
enum Scheme {
    Pkcs1,
    Pss { salt: usize },
    Ecdsa,
}

/// The digest that a signature algorithm is over; none where it leaves it to the digest algorithm beside it.
fn scheme(algorithm: &Algorithm<'_>) -> Result<(Scheme, Option<Hash>), Flaw> {
    if let Some(rest) = algorithm.oid.strip_prefix(RSA) {
        return match rest {
            [1] => Ok((Scheme::Pkcs1, None)),
            [11] => Ok((Scheme::Pkcs1, Some(Hash::Sha256))),
            [12] => Ok((Scheme::Pkcs1, Some(Hash::Sha384))),
            [13] => Ok((Scheme::Pkcs1, Some(Hash::Sha512))),
            [2..=5] => Err(Flaw::Weak),
            [10] => pss(algorithm),
            _ => Err(Flaw::Unsupported),
        };
    }
    match algorithm.oid.strip_prefix(ECDSA) {
        Some([1]) => Err(Flaw::Weak),
        Some([3, 2]) => Ok((Scheme::Ecdsa, Some(Hash::Sha256))),
        Some([3, 3]) => Ok((Scheme::Ecdsa, Some(Hash::Sha384))),
        Some([3, 4]) => Ok((Scheme::Ecdsa, Some(Hash::Sha512))),
        _ => Err(Flaw::Unsupported),
    }
}

/// RFC 4055 §3.1. What is left out means SHA-1, which is too weak.
fn pss(algorithm: &Algorithm<'_>) -> Result<(Scheme, Option<Hash>), Flaw> {
    let mut fields = algorithm.parameters.ok_or(Flaw::Weak)?.items(SEQUENCE)?;
    let hash = fields.optional(0xa0)?.ok_or(Flaw::Weak)?;
    let hash = Hash::named(&Algorithm::read(&mut Items(hash.value))?)?;
    let mask = fields.optional(0xa1)?.ok_or(Flaw::Weak)?;
    let mask = Algorithm::read(&mut Items(mask.value))?;
    let masked = Hash::named(&Algorithm::fields(&mut mask.parameters.ok_or(Flaw::Wrong)?.items(SEQUENCE)?)?)?;
    // Two digests in one signature are allowed, and met nowhere.
    if mask.oid != MGF1 || masked != hash {
        return Err(Flaw::Unsupported);
    }
    let salt = match fields.optional(0xa2)? {
        None => 20,
        Some(salt) => match Tlv::only(salt.value)?.value {
            [short] => usize::from(*short),
            [high, low] => usize::from(*high) << 8 | usize::from(*low),
            _ => return Err(Flaw::Wrong),
        },
    };
    if salt > RSA_BITS_MAX / 8 {
        return Err(Flaw::Wrong);
    }
    Ok((Scheme::Pss { salt }, Some(hash)))
}

/// How much is calculated for one file: a bound on what a hostile one may ask for. What was verified once is remembered, for
/// the same authority and the same list are met many times in one file.
pub(crate) struct Effort {
    verifications: Cell<u32>,
    bytes: Cell<usize>,
    known: RefCell<HashMap<[u8; 32], Result<(), Flaw>>>,
}

impl Effort {
    pub(super) fn new() -> Self {
        let (verifications, bytes) = (Cell::new(VERIFICATIONS_MAX), Cell::new(HASHED_BYTES_MAX));
        Self { verifications, bytes, known: RefCell::default() }
    }

    /// Whether the limit was reached.
    pub(super) fn is_spent(&self) -> bool {
        self.verifications.get() == 0 || self.bytes.get() == 0
    }

    /// Accounts for bytes that are hashed, or read again.
    pub(super) fn hash(&self, bytes: usize) -> Result<(), Flaw> {
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Flaw::TooMany)
    }

    fn verified(&self, question: [&[u8]; 5], answer: impl FnOnce() -> Result<(), Flaw>) -> Result<(), Flaw> {
        let mut key = sha2::Sha256::new();
        for part in question {
            key.update(part.len().to_be_bytes());
            key.update(part);
        }
        let key = <[u8; 32]>::from(key.finalize());
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let left = self.verifications.get().checked_sub(1).ok_or(Flaw::TooMany)?;
        self.verifications.set(left);
        let answer = answer();
        self.known.borrow_mut().insert(key, answer);
        answer
    }
}

/// What was signed.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    Bytes(&'a [u8]),
    /// Only its digest, by the algorithm that is named beside the signature's.
    Digest(&'a [u8]),
}

/// Whether `signature` is one over `message` under the key in `spki`. `beside` is the digest algorithm named beside it,
/// which must be the same where the signature algorithm names one itself.
pub(super) fn verify(
    effort: &Effort,
    algorithm: &Algorithm<'_>,
    spki: &[u8],
    message: Message<'_>,
    signature: &[u8],
    beside: Option<Hash>,
) -> Result<(), Flaw> {
    let (scheme, hash) = scheme(algorithm)?;
    let hash = match (hash, beside) {
        (Some(hash), Some(beside)) if hash != beside => return Err(Flaw::Wrong),
        (Some(hash), _) | (None, Some(hash)) => hash,
        (None, None) => return Err(Flaw::Unsupported),
    };
    let digest = match message {
        Message::Bytes(bytes) => {
            effort.hash(bytes.len())?;
            hash.of(bytes)
        }
        Message::Digest(digest) => digest.to_vec(),
    };
    let parameters = algorithm.parameters.map_or(&[][..], |parameters| parameters.raw);
    let question = [&digest, algorithm.oid, parameters, spki, signature];
    effort.verified(question, || verify_anew(scheme, hash, spki, message, &digest, signature))
}

fn verify_anew(
    scheme: Scheme,
    hash: Hash,
    spki: &[u8],
    message: Message<'_>,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Flaw> {
    let mut fields = Tlv::only(spki)?.items(SEQUENCE)?;
    let key = Algorithm::read(&mut fields)?;
    let public = fields.next()?;
    match (scheme, message, key.oid.strip_prefix(RSA)) {
        (Scheme::Pkcs1, Message::Bytes(bytes), Some([1])) => {
            rsa_key(public)?;
            let verified =
                ring::signature::UnparsedPublicKey::new(hash.ring(), public.bits()?).verify(bytes, signature);
            verified.map_err(|_| Flaw::Wrong)
        }
        (Scheme::Pkcs1, Message::Digest(_), Some([1])) => {
            rsa_key(public)?.verify(hash.pkcs1(), digest, signature).map_err(|_| Flaw::Wrong)
        }
        // A key may be for PSS only (RSASSA-PSS); then it is not for PKCS #1.
        (Scheme::Pss { salt }, _, Some([1 | 10])) => {
            rsa_key(public)?.verify(hash.pss(salt), digest, signature).map_err(|_| Flaw::Wrong)
        }
        (Scheme::Ecdsa, _, None) if key.oid == EC_KEY => {
            let curve = key.parameters.ok_or(Flaw::Unsupported)?.expect(OID).map_err(|_| Flaw::Unsupported)?;
            match curve {
                P256 => verify_p256(public.bits()?, digest, signature),
                P384 => verify_p384(public.bits()?, digest, signature),
                _ => Err(Flaw::Unsupported),
            }
        }
        _ => Err(Flaw::Wrong),
    }
}

fn verify_p256(point: &[u8], digest: &[u8], signature: &[u8]) -> Result<(), Flaw> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Flaw::Wrong)?;
    let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| Flaw::Wrong)?;
    key.verify_prehash(digest, &signature).map_err(|_| Flaw::Wrong)
}

fn verify_p384(point: &[u8], digest: &[u8], signature: &[u8]) -> Result<(), Flaw> {
    use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Flaw::Wrong)?;
    let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| Flaw::Wrong)?;
    key.verify_prehash(digest, &signature).map_err(|_| Flaw::Wrong)
}

fn rsa_key(public: Tlv<'_>) -> Result<RsaPublicKey, Flaw> {
    let mut numbers = Tlv::only(public.bits()?)?.items(SEQUENCE)?;
    let mut number = || numbers.expect(super::tlv::INTEGER).map(BigUint::from_bytes_be);
    let (modulus, exponent) = (number()?, number()?);
    if modulus.bits() < RSA_BITS_MIN {
        return Err(Flaw::Weak);
    }
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, RSA_BITS_MAX).map_err(|_| Flaw::Unsupported)?;
    debug_assert!(key.size() >= RSA_BITS_MIN / 8, "its size was looked at");
    Ok(key)
}

/// Whether a key is strong enough to be judged: what is signed with it may not be, but what it is in counts.
pub(super) fn key_strength(spki: &[u8]) -> Result<(), Flaw> {
    let mut fields = Tlv::only(spki)?.items(SEQUENCE)?;
    let key = Algorithm::read(&mut fields)?;
    let public = fields.next()?;
    public.expect(BIT_STRING)?;
    match key.oid.strip_prefix(RSA) {
        Some([1 | 10]) => rsa_key(public).map(|_| ()),
        _ => Ok(()),
    }
}
