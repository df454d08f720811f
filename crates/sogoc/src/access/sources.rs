//! Who tries too often from one place, whatever accounts are tried. In memory of each node, and bounded.
//!
//! A bucket a source: each failure takes one, time gives them back at the rate of a full bucket a minute. Successes cost
//! nothing, for an office behind one address is many people.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::{MINUTE_US, SECOND_US, source_of};

/// Sources that are told apart. Beyond, those that come new share one bucket until others have recovered.
const SOURCES_MAX: usize = 16_384;

#[derive(Debug)]
pub(super) struct Sources {
    failures: i64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    of: HashMap<IpAddr, Bucket>,
    others: Option<Bucket>,
}

/// What is owed, in microseconds of recovery.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    owed_us: i64,
    at_us: i64,
}

impl Bucket {
    fn owed(self, now_us: i64) -> i64 {
        (self.owed_us - (now_us - self.at_us).max(0)).max(0)
    }
}

impl Sources {
    pub(super) fn new(failures: u32) -> Self {
        Self { failures: i64::from(failures.max(1)), buckets: Mutex::default() }
    }

    /// Takes a place for an attempt.
    ///
    /// # Errors
    /// The seconds until there is one.
    pub(super) fn begin(&self, from: IpAddr, now_us: i64) -> Result<(), u64> {
        let cost = MINUTE_US / self.failures;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source_of(from);
        if buckets.of.len() >= SOURCES_MAX && !buckets.of.contains_key(&source) {
            buckets.of.retain(|_, bucket| bucket.owed(now_us) > 0);
        }
        let full = buckets.of.len() >= SOURCES_MAX && !buckets.of.contains_key(&source);
        let fresh = Bucket { owed_us: 0, at_us: now_us };
        let bucket = if full { buckets.others.get_or_insert(fresh) } else { buckets.of.entry(source).or_insert(fresh) };
        let owed = bucket.owed(now_us);
        if owed + cost > MINUTE_US {
            let wait = owed + cost - MINUTE_US;
            return Err(u64::try_from((wait + SECOND_US - 1) / SECOND_US).unwrap_or(1));
        }
        *bucket = Bucket { owed_us: owed + cost, at_us: now_us };
        Ok(())
    }

    /// Gives the place of an attempt that succeeded back.
    pub(super) fn succeeded(&self, from: IpAddr, now_us: i64) {
        let cost = MINUTE_US / self.failures;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets { of, others } = &mut *buckets;
        if let Some(bucket) = of.get_mut(&source_of(from)).or(others.as_mut()) {
            *bucket = Bucket { owed_us: (bucket.owed(now_us) - cost).max(0), at_us: now_us };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_waits_after_its_failures_and_recovers_with_time() {
        let sources = Sources::new(3);
        let one = address("192.0.2.1");
        for _ in 0..3 {
            sources.begin(one, 0).unwrap();
        }
        assert_eq!(sources.begin(one, 0), Err(20));
        assert_eq!(sources.begin(one, 19 * SECOND_US), Err(1));
        sources.begin(address("192.0.2.2"), 0).unwrap();
        sources.begin(one, 20 * SECOND_US).unwrap();
        assert_eq!(sources.begin(one, 20 * SECOND_US), Err(20));
    }

    #[test]
    fn a_success_costs_nothing() {
        let sources = Sources::new(2);
        let one = address("2001:db8::1");
        for _ in 0..100 {
            sources.begin(one, 0).unwrap();
            sources.succeeded(one, 0);
        }
    }

    #[test]
    fn addresses_of_one_customer_are_one_source() {
        let sources = Sources::new(1);
        sources.begin(address("2001:db8::1"), 0).unwrap();
        assert!(sources.begin(address("2001:db8::ffff:2"), 0).is_err());
        sources.begin(address("2001:db8:0:1::1"), 0).unwrap();
        sources.begin(address("192.0.2.1"), 0).unwrap();
        assert!(sources.begin(address("::ffff:192.0.2.1"), 0).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_strangers_beyond_it_share_a_place() {
        let sources = Sources::new(1);
        let nth = |n: usize| IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(n).unwrap()));
        for n in 0..SOURCES_MAX {
            sources.begin(nth(n), 0).unwrap();
        }
        sources.begin(nth(SOURCES_MAX), 0).unwrap();
        assert!(sources.begin(nth(SOURCES_MAX + 1), 0).is_err());
        assert!(sources.buckets.lock().unwrap().of.len() <= SOURCES_MAX);
        // A minute later everybody has recovered.
        sources.begin(nth(SOURCES_MAX + 1), MINUTE_US).unwrap();
    }
}
