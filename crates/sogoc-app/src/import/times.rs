//! Times that a source does not give: derived from the order of the rows within the phase that admits the act.
//!
//! Whole seconds, spread evenly, in office hours at both ends where the phase is long enough. The same rows give the same
//! times. They order what happened; they do not claim the minute.

use sogoc_domain::values::Timestamp;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
const OPENS: i64 = 8 * HOUR;
const CLOSES: i64 = 17 * HOUR;

/// The offset of the season's local time from UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offset(i64);

impl Offset {
    /// Reads `+07:00`, `-03:30` or `Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "Z" {
            return Some(Self(0));
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let plain = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
        if !plain(hours) || !plain(minutes) {
            return None;
        }
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours <= 14 && minutes < 60).then_some(Self(sign * (hours * HOUR + minutes * 60 * SECOND)))
    }

    fn time_of_day(self, t: Timestamp) -> i64 {
        (t.micros() + self.0).rem_euclid(DAY)
    }

    /// The first office hour at or after an instant.
    fn opening(self, t: Timestamp) -> Timestamp {
        match self.time_of_day(t) {
            time if time < OPENS => t.plus_micros(OPENS - time),
            time if time >= CLOSES => t.plus_micros(DAY - time + OPENS),
            _ => t,
        }
    }

    /// The last office hour at or before an instant.
    fn closing(self, t: Timestamp) -> Timestamp {
        match self.time_of_day(t) {
            time if time < OPENS => t.plus_micros(-time - (DAY - CLOSES)),
            time if time > CLOSES => t.plus_micros(CLOSES - time),
            _ => t,
        }
    }
}

/// A stretch of time, half-open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Window {
    /// The part that lies at or after an instant.
    #[must_use]
    pub fn after(self, t: Timestamp) -> Self {
        Self { start: self.start.max(t), ..self }
    }

    /// The part that lies before an instant.
    #[must_use]
    pub fn before(self, t: Timestamp) -> Self {
        Self { end: self.end.min(t), ..self }
    }

    /// At most the first so many minutes.
    #[must_use]
    pub fn first_minutes(self, minutes: i64) -> Self {
        self.before(self.start.plus_micros(minutes * 60 * SECOND))
    }

    /// At most the last day.
    #[must_use]
    pub fn last_day(self) -> Self {
        self.after(self.end.plus_micros(-DAY))
    }

    /// From the first opening to the last closing of offices, or as it is where that leaves nothing.
    #[must_use]
    pub fn in_office_hours(self, offset: Offset) -> Self {
        let narrow = Self { start: offset.opening(self.start), end: offset.closing(self.end) };
        if narrow.is_empty() { self } else { narrow }
    }

    /// True where it holds no whole second.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.end.micros() - self.start.micros() < SECOND
    }

    /// So many instants inside it in order, evenly apart, on whole seconds; none is the window's end. In a window with
    /// fewer seconds than instants some are equal, and the order of the commands tells them apart.
    pub fn spread(self, count: usize) -> impl Iterator<Item = Timestamp> {
        let first = self.start.micros().div_euclid(SECOND) + i64::from(self.start.micros().rem_euclid(SECOND) > 0);
        // The last whole second before the end.
        let last = (self.end.micros() - 1).div_euclid(SECOND);
        let seconds = i128::from((last - first).max(0));
        let parts = count as i128 + 1;
        (1..parts).map(move |i| {
            let offset =
                i64::try_from(seconds * i / parts).expect("a part of a span of seconds fits where the span does");
            Timestamp::from_micros((first + offset) * SECOND)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn spread_times_are_ordered_whole_seconds_inside_the_window() {
        let w = Window { start: t("2022-11-14T00:00:00+07:00"), end: t("2022-11-14T00:00:10+07:00") };
        for count in [0, 1, 3, 9, 10, 50] {
            let times: Vec<_> = w.spread(count).collect();
            assert_eq!(times.len(), count);
            assert!(times.is_sorted());
            assert!(times.iter().all(|x| w.start <= *x && *x < w.end && x.micros() % SECOND == 0));
        }
        let times: Vec<_> = w.spread(4).map(|x| x.to_string()).collect();
        assert_eq!(times.first().unwrap(), "2022-11-13T17:00:01.000000Z");
        assert!(w.spread(4).collect::<Vec<_>>().windows(2).all(|p| p[0] < p[1]));
    }

    #[test]
    fn office_hours_narrow_a_window_and_never_empty_it() {
        let vn = Offset::parse("+07:00").unwrap();
        let w = Window { start: t("2022-10-27T00:00:00+07:00"), end: t("2022-11-14T00:00:00+07:00") };
        let n = w.in_office_hours(vn);
        assert_eq!((n.start, n.end), (t("2022-10-27T08:00:00+07:00"), t("2022-11-13T17:00:00+07:00")));
        let evening = w.after(t("2022-11-04T18:00:00+07:00")).in_office_hours(vn);
        assert_eq!(evening.start, t("2022-11-05T08:00:00+07:00"));
        let night = Window { start: t("2022-10-27T01:00:00+07:00"), end: t("2022-10-27T02:00:00+07:00") };
        assert_eq!(night.in_office_hours(vn), night);
    }

    #[test]
    fn offsets_are_strict() {
        assert_eq!(Offset::parse("Z"), Some(Offset(0)));
        for bad in ["", "7", "+7:00", "+07", "+0700", "+15:00", "+07:60", "é07:00"] {
            assert_eq!(Offset::parse(bad), None, "{bad}");
        }
    }
}
