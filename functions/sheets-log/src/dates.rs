//! Dates and times as texts of the feed and of our cells; what a person's cell says is read by
//! [`gamma_sheets::key::day`]. A date is a day in New York and nothing else: no time zone ever moves it.

use gamma_market::calendar::eastern;
use gamma_sheets::key::iso_day;
use jiff::Timestamp;
use jiff::civil::Date;

/// The day that a text of the feed names: a plain date, or of a time with an offset the day in New York. A
/// time without an offset is of its own day.
///
/// ```
/// use gamma_sheets_log::dates::day_of;
/// assert_eq!(day_of("2026-02-12").unwrap().to_string(), "2026-02-12");
/// assert_eq!(day_of("2026-02-12T02:00:00Z").unwrap().to_string(), "2026-02-11");
/// assert_eq!(day_of("Total"), None);
/// ```
#[must_use]
pub fn day_of(text: &str) -> Option<Date> {
    iso_day(text)
}

/// `2026-02-11T16:13:05-05:00`
pub(crate) fn eastern_time(at: Timestamp) -> String {
    at.to_zoned(eastern().clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `2026-02-11T21:13:05+00:00`
pub(crate) fn universal_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_vector_38j_and_a_plain_date_stays_that_day() {
        for (text, day) in [
            ("2026-02-12", "2026-02-12"),
            (" 2026-02-12 ", "2026-02-12"),
            ("2026-02-12T02:00:00Z", "2026-02-11"),
            ("2026-02-12T02:00:00+0000", "2026-02-11"),
            ("2026-02-11T23:30:00-05:00", "2026-02-11"),
            ("2026-02-12T00:00:00", "2026-02-12"),
            ("2026-02-12 00:00:00", "2026-02-12"),
        ] {
            assert_eq!(day_of(text).map(|day| day.to_string()).as_deref(), Some(day), "{text}");
        }
        for text in ["", "Total", "=A11", "46065", "2026-13-01"] {
            assert_eq!(day_of(text), None, "{text}");
        }
    }

    #[test]
    fn reference_vector_38j_times_carry_their_offset() {
        let winter = "2026-02-11T21:13:05+0000".parse().unwrap();
        assert_eq!(
            (eastern_time(winter), universal_time(winter)),
            ("2026-02-11T16:13:05-05:00".into(), "2026-02-11T21:13:05+00:00".into())
        );
        assert_eq!(eastern_time("2026-07-01T20:13:05.5Z".parse().unwrap()), "2026-07-01T16:13:05-04:00");
    }
}
