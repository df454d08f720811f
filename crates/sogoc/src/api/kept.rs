//! Answers that are given again for as long as they hold: a ranking on the day it is announced is asked for by thousands.
//!
//! An answer is a function of the log and of who asks, and of the time only where a role begins or ends. So one is given
//! again to the same caller while the register has not grown, until what the caller may read changes by time alone: an
//! answer that anything could have changed is computed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sogoc_domain::values::{AccountId, Timestamp};

use super::ask::Ask;
use super::schema::Method;

/// Bytes of the answers that were asked for of late. Then those that were asked for before them, as many, are forgotten.
const BYTES_MAX: usize = 64 << 20;
/// Longest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What an answer costs beside its bytes and those of its question, about.
const BESIDE_BYTES: usize = 128;

/// Answers of one size of the register.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    size: u64,
    /// Of those that were asked for of late.
    bytes: usize,
    late: HashMap<Vec<u8>, Holds>,
    before: HashMap<Vec<u8>, Holds>,
}

/// An answer, and from when until when it holds while nothing is recorded.
#[derive(Debug)]
struct Holds {
    from: Timestamp,
    until: Option<Timestamp>,
    body: Bytes,
}

/// A question whose answer may be kept: who asks what of the register at a size, at an instant.
#[derive(Debug)]
pub(crate) struct Question {
    key: Vec<u8>,
    size: u64,
    pub(crate) now: Timestamp,
}

impl Question {
    /// None for what is not answered from the register alone.
    pub(crate) fn of(
        method: &Method,
        account: Option<&AccountId>,
        ask: &mut Ask,
        size: u64,
        now: Timestamp,
    ) -> Option<Self> {
        const METHODS: [&str; 6] = ["GetFigure", "GetHistory", "GetRanking", "ListFigures", "TraceFigure", "Why"];
        if !METHODS.contains(&method.name.as_str()) {
            return None;
        }
        // It is met, and says nothing about the answer.
        ask.take("least_position");
        let mut key = account.map_or("", AccountId::as_str).as_bytes().to_vec();
        key.push(b' ');
        key.extend_from_slice(method.name.as_bytes());
        serde_json::to_writer(&mut key, ask.fields()).ok()?;
        Some(Self { key, size, now })
    }
}

impl Kept {
    /// The answer to a question, where it still holds.
    pub(crate) fn find(&self, question: &Question) -> Option<Bytes> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.size != question.size {
            return None;
        }
        if let Some((key, holds)) = answers.before.remove_entry(&question.key) {
            answers.put(key, holds);
        }
        let Holds { from, until, body } = answers.late.get(&question.key)?;
        let holds = *from <= question.now && until.is_none_or(|until| question.now < until);
        holds.then(|| body.clone())
    }

    /// Keeps an answer, which holds until an instant. What was recorded while it was computed does no harm: it is kept as of
    /// when it was asked.
    pub(crate) fn keep(&self, question: Question, until: Option<Timestamp>, body: &Bytes) {
        if body.len() > ANSWER_BYTES_MAX {
            return;
        }
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.size > question.size {
            return;
        }
        if answers.size < question.size {
            *answers = Answers { size: question.size, ..Answers::default() };
        }
        answers.put(question.key, Holds { from: question.now, until, body: body.clone() });
    }
}

impl Answers {
    fn put(&mut self, key: Vec<u8>, holds: Holds) {
        if self.bytes > BYTES_MAX {
            self.before = std::mem::take(&mut self.late);
            self.bytes = 0;
        }
        let bytes = |key: &[u8], holds: &Holds| key.len() + holds.body.len() + BESIDE_BYTES;
        self.bytes += bytes(&key, &holds);
        if let Some(replaced) = self.late.get(&key) {
            self.bytes -= bytes(&key, replaced);
        }
        self.late.insert(key, holds);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::schema::SCHEMA;

    fn question(account: Option<&str>, group: &str, size: u64, now: i64) -> Question {
        let method = SCHEMA.method("sogoc.v1.ResultsService/GetRanking").expect("the schema has it");
        let account = account.map(|id| id.parse().expect("an id"));
        let mut ask = Ask::new(json!({ "group": group, "least_position": size }));
        Question::of(method, account.as_ref(), &mut ask, size, Timestamp::from_micros(now)).expect("it is kept")
    }

    #[test]
    fn an_answer_is_given_again_to_the_same_question_of_the_same_caller_only() {
        let kept = Kept::default();
        kept.keep(question(Some("ba"), "so", 7, 10), None, &Bytes::from_static(b"1"));
        assert_eq!(kept.find(&question(Some("ba"), "so", 7, 11)), Some(Bytes::from_static(b"1")));
        assert_eq!(kept.find(&question(Some("ba"), "xa", 7, 11)), None);
        assert_eq!(kept.find(&question(Some("an"), "so", 7, 11)), None);
        assert_eq!(kept.find(&question(None, "so", 7, 11)), None);
    }

    #[test]
    fn an_answer_holds_until_the_register_grows_or_what_may_be_read_changes() {
        let kept = Kept::default();
        let answer = Bytes::from_static(b"1");
        kept.keep(question(None, "so", 7, 10), Some(Timestamp::from_micros(20)), &answer);
        assert_eq!(kept.find(&question(None, "so", 7, 19)), Some(answer.clone()));
        assert_eq!(kept.find(&question(None, "so", 7, 20)), None);
        assert_eq!(kept.find(&question(None, "so", 7, 9)), None, "the clock was set back");
        assert_eq!(kept.find(&question(None, "so", 8, 11)), None);
        kept.keep(question(None, "xa", 8, 11), None, &answer);
        assert_eq!(kept.find(&question(None, "so", 7, 11)), None);
        // Who was slow keeps nothing of what is over.
        kept.keep(question(None, "so", 7, 12), None, &answer);
        assert_eq!(kept.find(&question(None, "so", 8, 12)), None);
        assert_eq!(kept.find(&question(None, "xa", 8, 12)), Some(answer));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_asked_for_stays() {
        let kept = Kept::default();
        let large = Bytes::from(vec![b'1'; ANSWER_BYTES_MAX]);
        kept.keep(question(None, "asked", 7, 0), None, &large);
        for n in 1..300 {
            kept.keep(question(None, &n.to_string(), 7, n), None, &large);
            let answers = kept.0.lock().unwrap();
            let [late, before] = [&answers.late, &answers.before].map(|half| half.len() * ANSWER_BYTES_MAX);
            assert!(late.max(before) <= BYTES_MAX + ANSWER_BYTES_MAX);
            drop(answers);
            assert_eq!(kept.find(&question(None, "asked", 7, n)).as_ref(), Some(&large));
        }
        assert_eq!(kept.find(&question(None, "1", 7, 300)), None);
        kept.keep(question(None, "huge", 7, 300), None, &Bytes::from(vec![b'1'; ANSWER_BYTES_MAX + 1]));
        assert_eq!(kept.find(&question(None, "huge", 7, 300)), None);
    }
}
