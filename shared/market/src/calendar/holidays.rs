//! Holidays with their observance rules, one-off closures, and early closes. Weekdays only: the caller deals
//! with weekends.

use jiff::civil::{Date, Weekday, date};

/// Closures no rule foretells.
const ONE_OFF: [(Date, &str); 4] = [
    (date(2012, 10, 29), "Hurricane Sandy"),
    (date(2012, 10, 30), "Hurricane Sandy"),
    (date(2018, 12, 5), "National Day of Mourning for President George H. W. Bush"),
    (date(2025, 1, 9), "National Day of Mourning for President Carter"),
];

/// The name of the holiday observed on `day`, or of the one-off closure.
///
/// A holiday of fixed date that falls on a Sunday is observed on the Monday after, on a Saturday on the
/// Friday before; only New Year's Day on a Saturday is not observed at all, since that Friday ends the
/// accounting year (NYSE Rule 7.2). "The third Monday" is the Monday among the days 15 to 21, and so on.
pub(super) fn holiday(day: Date) -> Option<&'static str> {
    use Weekday::{Friday, Monday, Thursday};
    let by_rule = match (day.month(), day.day(), day.weekday()) {
        (1, 1, _) | (1, 2, Monday) => Some("New Year's Day"),
        (1, 15..=21, Monday) => Some("Martin Luther King Jr. Day"),
        (2, 15..=21, Monday) => Some("Washington's Birthday"),
        (5, 25..=31, Monday) => Some("Memorial Day"),
        (6, 19, _) | (6, 18, Friday) | (6, 20, Monday) if day.year() >= 2022 => Some("Juneteenth"),
        (7, 4, _) | (7, 3, Friday) | (7, 5, Monday) => Some("Independence Day"),
        (9, 1..=7, Monday) => Some("Labor Day"),
        (11, 22..=28, Thursday) => Some("Thanksgiving Day"),
        (12, 25, _) | (12, 24, Friday) | (12, 26, Monday) => Some("Christmas Day"),
        _ => None,
    };
    by_rule.or_else(|| is_good_friday(day).then_some("Good Friday")).or_else(|| one_off(day))
}

/// Whether the session of `day` ends at 13:00: the day after Thanksgiving, and the eves of Independence Day
/// and Christmas. An eve on a Friday is the observed holiday itself.
pub(super) fn closes_early(day: Date) -> bool {
    use Weekday::Friday;
    match (day.month(), day.day(), day.weekday()) {
        (11, 23..=29, Friday) => true,
        (7, 3, weekday) | (12, 24, weekday) => weekday != Friday,
        _ => false,
    }
}

fn one_off(day: Date) -> Option<&'static str> {
    ONE_OFF.iter().find(|(closed, _)| *closed == day).map(|(_, name)| *name)
}

fn is_good_friday(day: Date) -> bool {
    let after_two_days = day.tomorrow().and_then(Date::tomorrow).ok();
    day.weekday() == Weekday::Friday && after_two_days == easter_sunday(day.year())
}

/// Easter Sunday of the Gregorian calendar, for years from 1900 to 2099 (Gauss): in that span the two
/// century-dependent terms are the constants 24 and 5.
fn easter_sunday(year: i16) -> Option<Date> {
    // Days from 21 March to the Paschal full moon, then on to the Sunday after it.
    let full_moon = (19 * (year % 19) + 24) % 30;
    let to_sunday = (2 * (year % 4) + 4 * (year % 7) + 6 * full_moon + 5) % 7;
    // The tables put no full moon after 18 April, so the latest results fall a week earlier.
    let days = match (full_moon, to_sunday) {
        (29, 6) => 28,
        (28, 6) if year % 19 > 10 => 27,
        _ => full_moon + to_sunday,
    };
    Date::new(year, 3, 22).ok()?.checked_add(jiff::Span::new().days(days)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_over_the_years_including_both_exceptions() {
        for (year, month, day) in [
            (1954, 4, 18), // late full moon on a long lunation: the second exception
            (1981, 4, 19), // the first exception
            (2008, 3, 23), // earliest of our time
            (2010, 4, 4),
            (2011, 4, 24),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2035, 3, 25),
            (2038, 4, 25), // latest possible
        ] {
            assert_eq!(easter_sunday(year), Some(date(year, month, day)), "{year}");
        }
    }
}
