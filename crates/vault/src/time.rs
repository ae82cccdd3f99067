//! Points in time as restic writes them: RFC 3339 with up to nine decimals and the writer's zone offset.
//!
//! The offset is kept, because a tree that is read and written again must come out byte for byte the same.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{cmp::Ordering, fmt};

/// A moment and the offset from UTC it is written with. Moments compare; offsets do not count.
///
/// Its own numbers and not a [`Timestamp`], which ends a day before Go's last moment of the year 9999.
#[derive(Clone, Copy)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    seconds: i64,
    nanos: u32,
    offset_minutes: i16,
}

/// The largest offset that is read: RFC 3339 allows 23:59.
const MAX_OFFSET_MINUTES: i16 = 23 * 60 + 59;

impl Time {
    /// `moment`, written in UTC.
    pub fn utc(moment: Timestamp) -> Self {
        // A moment before 1970 has a negative fraction; ours counts forward from the whole second before.
        let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
        let (seconds, nanos) = if nanos < 0 { (seconds - 1, nanos + 1_000_000_000) } else { (seconds, nanos) };
        Self { seconds, nanos: nanos.unsigned_abs(), offset_minutes: 0 }
    }

    /// Go's zero time, which restic writes where it knows none: 0001-01-01T00:00:00Z.
    pub const fn zero() -> Self {
        Self { seconds: -62_135_596_800, nanos: 0, offset_minutes: 0 }
    }

    /// The moment; the nearest one that a [`Timestamp`] can hold.
    pub fn moment(self) -> Timestamp {
        let end = if self.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let whole = Timestamp::new(self.seconds, 0);
        whole.and_then(|whole| whole.checked_add(SignedDuration::from_nanos(self.nanos.into()))).unwrap_or(end)
    }

    /// Appends the text form to `out`: the form of Go's `RFC3339Nano`.
    pub fn write(self, out: &mut Vec<u8>) {
        let local = self.seconds + i64::from(self.offset_minutes) * 60;
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        // Go cannot write years outside 0..=9999; restic moves such times into the range, and so does this.
        let year = year.clamp(0, 9999);
        decimals(out, year, 4);
        out.push(b'-');
        decimals(out, month, 2);
        out.push(b'-');
        decimals(out, day, 2);
        out.push(b'T');
        decimals(out, second / 3600, 2);
        out.push(b':');
        decimals(out, second / 60 % 60, 2);
        out.push(b':');
        decimals(out, second % 60, 2);
        if self.nanos != 0 {
            out.push(b'.');
            decimals(out, self.nanos.into(), 9);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        self.write_offset(out);
    }

    fn write_offset(self, out: &mut Vec<u8>) {
        if self.offset_minutes == 0 {
            out.push(b'Z');
            return;
        }
        out.push(if self.offset_minutes < 0 { b'-' } else { b'+' });
        let minutes = i64::from(self.offset_minutes.unsigned_abs());
        decimals(out, minutes / 60, 2);
        out.push(b':');
        decimals(out, minutes % 60, 2);
    }

    /// Reads the text form; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let mut date = date.split('-');
        let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
        let zone_at = rest.find(['Z', '+', '-'])?;
        let (clock, zone) = (rest.get(..zone_at)?, rest.get(zone_at..)?);
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut clock = clock.split(':');
        let (hour, minute, second) = (number(clock.next()?, 2)?, number(clock.next()?, 2)?, number(clock.next()?, 2)?);
        let whole = date.next().is_none()
            && clock.next().is_none()
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !whole {
            return None;
        }
        let offset_minutes = parse_zone(zone)?;
        let nanos = parse_fraction(fraction)?;
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Self { seconds: seconds - i64::from(offset_minutes) * 60, nanos, offset_minutes })
    }
}

/// Appends `value` with `width` digits, leading zeros.
fn decimals(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

fn number(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn parse_zone(zone: &str) -> Option<i16> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let offset = i16::try_from(hours * 60 + minutes).ok()?;
    (minutes < 60 && offset <= MAX_OFFSET_MINUTES).then_some(sign * offset)
}

/// Nanoseconds; further decimals are cut, as Go does.
fn parse_fraction(text: &str) -> Option<u32> {
    if text.len() > 30 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .try_fold(0, |sum, digit| Some(sum * 10 + u32::from(digit - b'0')))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of its year, and in cycles of 400 years, which are 146,097 days.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle * 146_097 + day_of_cycle - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_cycle + cycle * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanos) == (other.seconds, other.nanos)
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Self {
        Self::utc(moment)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(35);
        self.write(&mut text);
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time as in RFC 3339")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                Time::parse(text).ok_or_else(|| E::custom("a time is not as in RFC 3339"))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_come_back_as_they_were() {
        for text in [
            "0001-01-01T00:00:00Z",
            "0000-12-31T23:59:59Z",
            "1969-12-31T23:59:59.999999999Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T12:00:00.5+05:30",
            "2026-06-06T15:30:00.000000001-03:00",
            "2026-11-22T00:36:59.120000003+14:00",
            "9999-12-31T23:59:59.999999999Z",
        ] {
            assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Time::zero().to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Time::parse("2026-06-06T12:00:00+00:00").unwrap().to_string(), "2026-06-06T12:00:00Z");
        assert_eq!(
            Time::parse("2026-06-06T12:00:00.1234567891Z").unwrap().to_string(),
            "2026-06-06T12:00:00.123456789Z"
        );
    }

    #[test]
    fn the_same_moment_in_two_zones_is_equal() {
        let a = Time::parse("2026-06-06T12:00:00+02:00").unwrap();
        let b = Time::parse("2026-06-06T10:00:00Z").unwrap();
        assert_eq!(a, b);
        assert!(a <= b && Time::zero() < b);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "T",
            "2026-06-06",
            "2026-6-6T12:00:00Z",
            "2026-13-06T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-06-06T24:00:00Z",
            "2026-06-06T12:60:00Z",
            "2026-06-06T12:00:60Z",
            "2026-06-06T12:00:00",
            "2026-06-06T12:00:00+24:00",
            "2026-06-06T12:00:00+02:60",
            "2026-06-06T12:00:00.xZ",
            "2026-06-06T12:00Z",
            "2026-06-06T12:00:00:00Z",
            "2026-06-06-06T12:00:00Z",
            "\u{e9}T\u{e9}Z",
        ] {
            assert!(Time::parse(text).is_none(), "{text}");
        }
        assert!(serde_json::from_str::<Time>("\"yesterday\"").is_err());
    }

    #[test]
    fn a_year_that_go_cannot_write_is_moved_into_its_range() {
        let early = Time::utc("-005000-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(early.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Time::parse("9999-12-31T23:59:59Z").unwrap().moment(), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(seconds in -62_135_596_800_i64..253_402_207_200, nanos in 0..1_000_000_000_i32) {
            let moment = Timestamp::new(seconds, 0).unwrap() + jiff::SignedDuration::from_nanos(i64::from(nanos));
            let text = Time::utc(moment).to_string();
            prop_assert_eq!(&text, &moment.to_string());
            prop_assert_eq!(Time::parse(&text).unwrap().moment(), moment);
            prop_assert_eq!(Time::utc(moment).moment(), moment);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = Time::parse(&text);
        }
    }
}
