//! New York time.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{self, TimeZone};

/// The US rule since 2007: two o'clock on the second Sunday of March and on the first Sunday of November.
const RULE_SINCE_2007: &str = "EST5EDT,M3.2.0,M11.1.0";

/// America/New_York, from the time zone database compiled into this binary.
///
/// The fallbacks are there so that no path panics; neither can be taken while the bundled database has the
/// zone, which a test asserts. The first gives the same answers in every year the calendar knows.
#[must_use]
pub fn eastern() -> &'static TimeZone {
    static EASTERN: LazyLock<TimeZone> = LazyLock::new(|| {
        TimeZone::get("America/New_York")
            .or_else(|_| TimeZone::posix(RULE_SINCE_2007))
            .unwrap_or_else(|_| TimeZone::fixed(tz::offset(-5)))
    });
    &EASTERN
}

/// The trade date at `now`: the civil date in New York.
#[must_use]
pub fn trade_date(now: Timestamp) -> Date {
    eastern().to_datetime(now).date()
}

/// The moment New York's clocks show `time` on `date`.
///
/// A time skipped in March is read as one hour later, a time repeated in November as its first passing. In
/// the outermost days of the years −9999 and 9999 the answer is the nearest moment that exists.
#[must_use]
pub fn at_eastern(date: Date, time: Time) -> Timestamp {
    let nearest = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    eastern().to_timestamp(date.to_datetime(time)).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_bundled_zone_exists_and_the_fallback_rule_agrees() {
        assert_eq!(eastern().iana_name(), Some("America/New_York"));
        let rule = TimeZone::posix(RULE_SINCE_2007).unwrap();
        let (start, end) =
            ("2010-01-01T00:00Z".parse().unwrap(), "2036-01-01T00:00Z".parse::<Timestamp>().unwrap());
        let changes = |zone: &TimeZone| -> Vec<_> {
            zone.following(start)
                .take_while(|change| change.timestamp() < end)
                .map(|change| (change.timestamp(), change.offset()))
                .collect()
        };
        assert_eq!(changes(eastern()).len(), 52);
        assert_eq!(changes(eastern()), changes(&rule));
    }

    #[test]
    fn civil_times_follow_the_clocks_of_new_york() {
        for (day, time, utc) in [
            // Clocks go forward on 2026-03-08 …
            ("2026-03-06", "16:00", "2026-03-06T21:00:00Z"),
            ("2026-03-08", "01:59", "2026-03-08T06:59:00Z"),
            ("2026-03-08", "02:30", "2026-03-08T07:30:00Z"),
            ("2026-03-08", "03:00", "2026-03-08T07:00:00Z"),
            ("2026-03-09", "16:00", "2026-03-09T20:00:00Z"),
            // … and back on 2026-11-01.
            ("2026-10-30", "16:00", "2026-10-30T20:00:00Z"),
            ("2026-11-01", "01:30", "2026-11-01T05:30:00Z"),
            ("2026-11-01", "02:00", "2026-11-01T07:00:00Z"),
            ("2026-11-02", "16:00", "2026-11-02T21:00:00Z"),
        ] {
            assert_eq!(
                at_eastern(day.parse().unwrap(), time.parse().unwrap()).to_string(),
                utc,
                "{day} {time}"
            );
        }
    }

    #[test]
    fn the_trade_date_is_new_yorks() {
        for (now, day) in [
            ("2026-02-12T04:59:59Z", date(2026, 2, 11)),
            ("2026-02-12T05:00:00Z", date(2026, 2, 12)),
            ("2026-07-01T03:59:59Z", date(2026, 6, 30)),
            ("2026-07-01T04:00:00Z", date(2026, 7, 1)),
        ] {
            assert_eq!(trade_date(now.parse().unwrap()), day, "{now}");
        }
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert_eq!(at_eastern(Date::MAX, Time::MAX), Timestamp::MAX);
        assert_eq!(at_eastern(Date::MIN, Time::MIN), Timestamp::MIN);
        let _ = (trade_date(Timestamp::MIN), trade_date(Timestamp::MAX));
    }
}
