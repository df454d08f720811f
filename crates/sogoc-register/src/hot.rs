//! A quick reading of the most frequent entries of scorecards.
//!
//! Self scores, evidence, appraisals and confirmations are nearly all of a log. Their payloads are canonical JSON of a
//! fixed shape, which is read here without a general parser; ids that come again and again are made once and shared, so
//! that thousands of scorecards name the same leaf by the same memory. Anything that is not exactly of the shape is left
//! to [`ScorecardEvent::decode`], which alone says what an entry means: both give the same event, or this gives none.

use rust_decimal::Decimal;
use sogoc_domain::event::{
    Evidence, EvidenceAttached, EvidencePurpose, LeavesConfirmed, ScoreAccepted, ScoreAdjusted, ScoreChange,
    ScorecardEvent, SelfScored, SignatureState,
};
use sogoc_domain::evidence::{Examined, Outcome, Scan, SignatureVerdict, SignedFor, Verdict};
use sogoc_domain::roles::By;
use sogoc_domain::scoring::Inputs;
use sogoc_domain::values::{AccountId, CaseId, Digest, LeafId, Points, Quantity, Timestamp};

use crate::symbols::QuickMap;

/// How many ids are kept; a log with more is read all the same.
const KEPT_MAX: usize = 100_000;

/// Value of a hexadecimal digit in lower case, 255 for anything else.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Ids met so far.
#[derive(Default)]
pub(crate) struct Ids {
    leaves: QuickMap<Box<str>, LeafId>,
    accounts: QuickMap<Box<str>, AccountId>,
}

impl Clone for Ids {
    /// A copy starts without: sharing saves memory and means nothing.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

fn kept<T: Clone>(map: &mut QuickMap<Box<str>, T>, text: &str, make: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if let Some(id) = map.get(text) {
        return Some(id.clone());
    }
    let id = make(text)?;
    if map.len() < KEPT_MAX {
        map.insert(Box::from(text), id.clone());
    }
    Some(id)
}

/// The event of a scorecard's entry, where it is of a frequent kind and of the usual shape.
pub(crate) fn decode(kind: &str, version: u32, data: &str, ids: &mut Ids) -> Option<ScorecardEvent> {
    if version != 1 {
        return None;
    }
    let mut json = Json { rest: data, ids };
    let event = match kind {
        "self-scored" => json.self_scored()?,
        "evidence-attached" => json.evidence_attached()?,
        "score-accepted" => json.score_accepted()?,
        "score-adjusted" => json.score_adjusted()?,
        "leaves-confirmed" => json.leaves_confirmed()?,
        _ => return None,
    };
    json.rest.is_empty().then_some(event)
}

struct Json<'a, 'i> {
    rest: &'a str,
    ids: &'i mut Ids,
}

impl<'a> Json<'a, '_> {
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn has(&mut self, text: &str) -> bool {
        self.take(text).is_some()
    }

    /// A string without escapes, its quotes taken too.
    fn text(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('"')?;
        let end = inside.bytes().position(|b| matches!(b, b'"' | b'\\'))?;
        if inside.as_bytes()[end] != b'"' {
            return None;
        }
        self.rest = &inside[end + 1..];
        Some(&inside[..end])
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.long()?).ok()
    }

    fn long(&mut self) -> Option<u64> {
        let end = self.rest.bytes().position(|b| !b.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at(end);
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    /// A decimal of at most 17 digits.
    fn decimal(&mut self) -> Option<Decimal> {
        let text = self.text()?;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let dotted = whole.len() != text.len();
        let canonical =
            !(whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) || (dotted && part.is_empty()));
        if !canonical || whole.len() > 11 || part.len() > 6 || part.ends_with('0') || !plain(whole) || !plain(part) {
            return None;
        }
        let digits = whole.bytes().chain(part.bytes()).fold(0_i64, |n, b| n * 10 + i64::from(b - b'0'));
        Some(Decimal::new(digits, u32::try_from(part.len()).ok()?))
    }

    fn points(&mut self) -> Option<Points> {
        Points::try_new(self.decimal()?).ok()
    }

    fn quantity(&mut self) -> Option<Quantity> {
        Quantity::try_new(self.decimal()?).ok()
    }

    fn digest(&mut self) -> Option<Digest> {
        let text = self.text()?.as_bytes();
        let mut digest = [0; 32];
        if text.len() != 64 {
            return None;
        }
        let mut wrong = 0;
        for (byte, pair) in digest.iter_mut().zip(text.as_chunks::<2>().0) {
            let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
            wrong |= (high | low) & 0xf0;
            *byte = high << 4 | low & 0x0f;
        }
        (wrong == 0).then_some(Digest(digest))
    }

    fn leaf(&mut self) -> Option<LeafId> {
        let text = self.text()?;
        kept(&mut self.ids.leaves, text, |text| LeafId::try_new(text).ok())
    }

    fn account(&mut self) -> Option<AccountId> {
        let text = self.text()?;
        kept(&mut self.ids.accounts, text, |text| AccountId::try_new(text).ok())
    }

    /// Takes `{"account":…}` with its brace.
    fn by(&mut self) -> Option<By> {
        self.take("{\"account\":")?;
        let account = self.account()?;
        let on_behalf_of = if self.has(",\"on_behalf_of\":") { Some(self.account()?) } else { None };
        self.take("}")?;
        Some(By { account, on_behalf_of })
    }

    fn inputs(&mut self) -> Option<Inputs> {
        let inputs = if self.has("{\"ratio\":{\"denominator\":") {
            let denominator = self.quantity()?;
            self.take(",\"numerator\":")?;
            let numerator = self.quantity()?;
            self.take("}")?;
            Inputs::Ratio { numerator, denominator }
        } else if self.has("{\"count\":") {
            Inputs::Count(self.quantity()?)
        } else if self.has("{\"judged\":") {
            Inputs::Judged(self.points()?)
        } else if self.has("{\"option\":") {
            Inputs::Option(u16::try_from(self.number()?).ok()?)
        } else if self.has("{\"yes_no\":true") {
            Inputs::YesNo(true)
        } else if self.has("{\"yes_no\":false") {
            Inputs::YesNo(false)
        } else {
            return None;
        };
        self.take("}")?;
        Some(inputs)
    }

    fn self_scored(&mut self) -> Option<ScorecardEvent> {
        self.take("{\"by\":")?;
        let by = self.by()?;
        self.take(",\"inputs\":")?;
        let inputs = self.inputs()?;
        self.take(",\"leaf\":")?;
        let leaf = self.leaf()?;
        self.take(",\"points\":")?;
        let points = self.points()?;
        self.take(",\"set_version\":")?;
        let set_version = self.number()?;
        self.take("}")?;
        Some(SelfScored { leaf, set_version, inputs, points, by }.into())
    }

    fn evidence_attached(&mut self) -> Option<ScorecardEvent> {
        self.take("{\"by\":")?;
        let by = self.by()?;
        self.take(",\"evidence\":{")?;
        let case = if self.has("\"case\":") {
            let case = CaseId::try_new(self.text()?).ok()?;
            self.take(",")?;
            Some(case)
        } else {
            None
        };
        let digest = if self.has("\"digest\":") {
            let digest = self.digest()?;
            self.take(",")?;
            Some(digest)
        } else {
            None
        };
        let examined = if self.has("\"examined\":") {
            let examined = self.examined()?;
            self.take(",")?;
            Some(Box::new(examined))
        } else {
            None
        };
        self.take("\"media\":")?;
        let media = self.text()?.to_owned();
        self.take(",\"name\":")?;
        let name = self.digest()?;
        self.take(",\"number\":")?;
        let number = self.number()?;
        self.take(",\"purpose\":")?;
        let purpose = match self.text()? {
            "submitted" => EvidencePurpose::Submitted,
            "supplement" => EvidencePurpose::Supplement,
            _ => return None,
        };
        self.take(",\"signature\":")?;
        let signature = match self.text()? {
            "stated-valid" => SignatureState::StatedValid,
            "stated-unsigned" => SignatureState::StatedUnsigned,
            "stated-altered" => SignatureState::StatedAltered,
            "not-judged" => SignatureState::NotJudged,
            _ => return None,
        };
        self.take("},\"leaf\":")?;
        let leaf = self.leaf()?;
        self.take("}")?;
        let evidence = Evidence { number, digest, name, media, signature, purpose, case, detached: None, examined };
        Some(EvidenceAttached { leaf, evidence, by }.into())
    }

    /// What was found about a file in which nothing acts.
    fn examined(&mut self) -> Option<Examined> {
        self.take("{\"bytes\":")?;
        let bytes = self.long()?;
        self.take(",\"scan\":{")?;
        let scan = if self.has("\"state\":\"not-scanned\"}") {
            Scan::NotScanned
        } else {
            self.take("\"engine\":")?;
            let engine = self.text()?.to_owned();
            self.take(",\"state\":\"clean\"}")?;
            Scan::Clean { engine }
        };
        self.take(",\"verdict\":{")?;
        let anchors = if self.has("\"anchors\":") {
            let anchors = self.digest()?;
            self.take(",")?;
            Some(anchors)
        } else {
            None
        };
        self.take("\"judged_at\":")?;
        let judged_at = self.instant()?;
        self.take(",\"outcome\":")?;
        let outcome = self.outcome()?;
        let reasons = if self.has(",\"reasons\":") { self.codes()? } else { Vec::new() };
        self.take(",\"rules\":")?;
        let rules = self.number()?;
        let mut signatures = Vec::new();
        if self.has(",\"signatures\":[") {
            signatures.push(self.signature()?);
            while self.has(",") {
                signatures.push(self.signature()?);
            }
            self.take("]")?;
        }
        self.take("}}")?;
        let verdict = Verdict { outcome, reasons, signatures, anchors, rules, judged_at };
        Some(Examined { bytes, active: Vec::new(), scan, verdict })
    }

    fn signature(&mut self) -> Option<SignatureVerdict> {
        self.take("{")?;
        let claimed = if self.has("\"claimed\":") {
            let claimed = self.instant()?;
            self.take(",")?;
            Some(claimed)
        } else {
            None
        };
        let covers_whole_file = self.has("\"covers_whole_file\":true");
        if !covers_whole_file {
            self.take("\"covers_whole_file\":false")?;
        }
        self.take(",\"level\":")?;
        let level = self.text()?.to_owned();
        self.take(",\"outcome\":")?;
        let outcome = self.outcome()?;
        let proven = if self.has(",\"proven\":") { Some(self.instant()?) } else { None };
        let reasons = if self.has(",\"reasons\":") { self.codes()? } else { Vec::new() };
        self.take(",\"signed_for\":")?;
        let signed_for = match self.text()? {
            "leader" => SignedFor::Leader,
            "agency" => SignedFor::Agency,
            "other" => SignedFor::Other,
            _ => return None,
        };
        let signer = if self.has(",\"signer\":") { Some(self.digest()?) } else { None };
        self.take("}")?;
        Some(SignatureVerdict { outcome, reasons, level, signer, signed_for, claimed, proven, covers_whole_file })
    }

    fn outcome(&mut self) -> Option<Outcome> {
        Some(match self.text()? {
            "valid" => Outcome::Valid,
            "valid-but" => Outcome::ValidBut,
            "indeterminate" => Outcome::Indeterminate,
            "invalid" => Outcome::Invalid,
            "unsigned" => Outcome::Unsigned,
            _ => return None,
        })
    }

    /// A list of strings that is not empty.
    fn codes(&mut self) -> Option<Vec<String>> {
        self.take("[")?;
        let mut codes = vec![self.text()?.to_owned()];
        while self.has(",") {
            codes.push(self.text()?.to_owned());
        }
        self.take("]")?;
        Some(codes)
    }

    fn instant(&mut self) -> Option<Timestamp> {
        Timestamp::parse(self.text()?).ok()
    }

    fn score_accepted(&mut self) -> Option<ScorecardEvent> {
        self.take("{\"by\":")?;
        let by = self.by()?;
        self.take(",\"leaf\":")?;
        let leaf = self.leaf()?;
        self.take(",\"points\":")?;
        let points = self.points()?;
        self.take(",\"round\":")?;
        let round = self.number()?;
        self.take("}")?;
        Some(ScoreAccepted { leaf, round, points, by }.into())
    }

    fn score_adjusted(&mut self) -> Option<ScorecardEvent> {
        self.take("{\"by\":")?;
        let by = self.by()?;
        self.take(",")?;
        let case = if self.has("\"case\":") {
            let case = CaseId::try_new(self.text()?).ok()?;
            self.take(",")?;
            Some(case)
        } else {
            None
        };
        self.take("\"change\":{")?;
        let inputs = if self.has("\"inputs\":") {
            let inputs = self.inputs()?;
            self.take(",")?;
            Some(inputs)
        } else {
            None
        };
        self.take("\"leaf\":")?;
        let leaf = self.leaf()?;
        self.take(",\"new\":")?;
        let new = self.points()?;
        let old = if self.has(",\"old\":") { Some(self.points()?) } else { None };
        self.take(",\"reason\":")?;
        let reason = self.digest()?;
        self.take(",\"reason_code\":")?;
        let reason_code = self.text()?.to_owned();
        self.take("},\"round\":")?;
        let round = self.number()?;
        self.take("}")?;
        let change = ScoreChange { leaf, old, new, inputs, reason_code, reason };
        Some(ScoreAdjusted { change, round, case, by }.into())
    }

    fn leaves_confirmed(&mut self) -> Option<ScorecardEvent> {
        self.take("{\"by\":")?;
        let by = self.by()?;
        self.take(",\"leaves\":[")?;
        let mut leaves = Vec::with_capacity(10);
        while !self.has("]") {
            if !leaves.is_empty() {
                self.take(",")?;
            }
            leaves.push(self.leaf()?);
        }
        self.take("}")?;
        Some(LeavesConfirmed { leaves, by }.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn usual() -> Vec<(&'static str, String)> {
        let by = [json!({"account": "a-1"}), json!({"account": "a-1", "on_behalf_of": "b"})];
        let inputs = [
            json!({"ratio": {"numerator": "0.5", "denominator": "698"}}),
            json!({"count": "3"}),
            json!({"judged": "0.25"}),
            json!({"option": 2}),
            json!({"yes_no": true}),
            json!({"yes_no": false}),
        ];
        let mut all = Vec::new();
        for by in by {
            for inputs in &inputs {
                let change = json!({"leaf": "l", "old": "1", "new": "0.75", "inputs": inputs, "reason_code": "x_y", "reason": HASH});
                all.push((
                    "self-scored",
                    json!({"leaf": "l-1", "set_version": 12, "inputs": inputs, "points": "1.5", "by": by}),
                ));
                all.push(("score-adjusted", json!({"change": change, "round": 2, "case": "gt-01", "by": by})));
            }
            let change = json!({"leaf": "l", "new": "0", "reason_code": "x", "reason": HASH});
            all.push(("score-adjusted", json!({"change": change, "round": 1, "by": by})));
            all.push(("score-accepted", json!({"leaf": "l", "round": 1, "points": "123456.000001", "by": by})));
            all.push(("leaves-confirmed", json!({"leaves": ["a", "b", "c"], "by": by})));
            all.push(("leaves-confirmed", json!({"leaves": [], "by": by})));
            for (signature, purpose) in [
                ("stated-valid", "submitted"),
                ("stated-unsigned", "supplement"),
                ("stated-altered", "submitted"),
                ("not-judged", "submitted"),
            ] {
                let file =
                    json!({"number": 7, "name": HASH, "media": "pdf", "signature": signature, "purpose": purpose});
                let mut whole = file.clone();
                whole["digest"] = HASH.into();
                whole["case"] = "kn-01".into();
                all.push(("evidence-attached", json!({"leaf": "l", "evidence": file, "by": by})));
                let signature = json!({"outcome": "valid-but", "reasons": ["a-b", "c"], "level": "b-lt", "signer": HASH,
                    "signed_for": "agency", "claimed": "2026-11-01T00:00:00.000000Z",
                    "proven": "2026-11-01T00:00:01.000000Z", "covers_whole_file": true});
                let bare =
                    json!({"outcome": "invalid", "level": "basic", "signed_for": "other", "covers_whole_file": false});
                let verdict = json!({"outcome": "valid-but", "reasons": ["x"], "anchors": HASH, "rules": 1,
                    "judged_at": "2026-11-02T00:00:00.000000Z", "signatures": [signature, bare]});
                let mut examined = whole.clone();
                examined["examined"] = json!({"bytes": 5_000_000_000_u64, "verdict": verdict,
                    "scan": {"state": "clean", "engine": "ClamAV 1.0"}});
                all.push(("evidence-attached", json!({"leaf": "l", "evidence": examined, "by": by})));
                examined["examined"] = json!({"bytes": 1, "scan": {"state": "not-scanned"}, "verdict":
                    {"outcome": "unsigned", "rules": 1, "judged_at": "2026-11-02T00:00:00.000000Z"}});
                all.push(("evidence-attached", json!({"leaf": "l", "evidence": examined, "by": by})));
                all.push(("evidence-attached", json!({"leaf": "l", "evidence": whole, "by": by})));
            }
        }
        all.into_iter().map(|(kind, data)| (kind, data.to_string())).collect()
    }

    #[test]
    fn the_usual_shapes_are_read_as_the_domain_reads_them() {
        let mut ids = Ids::default();
        for (kind, data) in usual() {
            let event = decode(kind, 1, &data, &mut ids).unwrap_or_else(|| panic!("{kind} {data}"));
            assert_eq!(event, ScorecardEvent::decode(kind, 1, &data).unwrap(), "{data}");
        }
    }

    #[test]
    fn damage_is_left_to_the_domain_or_read_alike() {
        let mut ids = Ids::default();
        for (kind, data) in usual() {
            for at in 0..data.len() {
                for byte in [b'"', b',', b'0', b'9', b'z', b'}', b'\\', b'.', b'-'] {
                    let mut bytes = data.clone().into_bytes();
                    bytes[at] = byte;
                    let text = String::from_utf8(bytes).unwrap();
                    if let Some(event) = decode(kind, 1, &text, &mut ids) {
                        assert_eq!(Ok(event), ScorecardEvent::decode(kind, 1, &text), "{text}");
                    }
                }
            }
        }
        assert!(decode("self-scored", 2, "{}", &mut ids).is_none());
    }
}
