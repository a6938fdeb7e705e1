use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn shown(day: &str) -> String {
    session_day(day.parse().unwrap()).to_string()
}

#[test]
fn every_holiday_and_how_it_is_observed() {
    for (day, name) in [
        ("2026-01-01", "New Year's Day"),
        ("2023-01-02", "New Year's Day"), // Sunday, so Monday
        ("2026-01-19", "Martin Luther King Jr. Day"),
        ("2026-02-16", "Washington's Birthday"),
        ("2010-02-15", "Washington's Birthday"), // earliest
        ("2026-04-03", "Good Friday"),
        ("2024-03-29", "Good Friday"),
        ("2026-05-25", "Memorial Day"),
        ("2027-05-31", "Memorial Day"),
        ("2026-06-19", "Juneteenth"),
        ("2022-06-20", "Juneteenth"), // Sunday, and the first year
        ("2027-06-18", "Juneteenth"), // Saturday
        ("2025-07-04", "Independence Day"),
        ("2026-07-03", "Independence Day"), // Saturday
        ("2027-07-05", "Independence Day"), // Sunday
        ("2026-09-07", "Labor Day"),
        ("2025-09-01", "Labor Day"),
        ("2026-11-26", "Thanksgiving Day"),
        ("2029-11-22", "Thanksgiving Day"),
        ("2026-12-25", "Christmas Day"),
        ("2027-12-24", "Christmas Day"), // Saturday
        ("2022-12-26", "Christmas Day"), // Sunday
        ("2012-10-29", "Hurricane Sandy"),
        ("2012-10-30", "Hurricane Sandy"),
        ("2018-12-05", "National Day of Mourning for President George H. W. Bush"),
        ("2025-01-09", "National Day of Mourning for President Carter"),
    ] {
        assert_eq!(shown(day), format!("closed: {name}"), "{day}");
    }
}

#[test]
fn sessions_that_look_like_holidays() {
    for day in [
        "2021-12-31", // New Year's Day 2022 was a Saturday: not observed
        "2010-12-31",
        "2021-06-18", // the law was a day old
        "2020-06-19",
        "2026-04-06", // Easter Monday
        "2025-01-08",
        "2012-10-31",
        "2026-10-12", // Columbus Day
        "2026-11-11", // Veterans Day
        "2026-11-03", // election
        "2026-12-28",
        "2025-07-02",
        "2010-07-02",
        "2026-07-02", // the holiday is observed the next day: no eve
        "2027-12-23",
        "2025-12-26",
        "2026-12-31",
    ] {
        assert_eq!(shown(day), "open", "{day}");
    }
}

#[test]
fn early_closes() {
    for day in [
        "2026-11-27", // after Thanksgiving
        "2024-11-29",
        "2029-11-23",
        "2025-07-03",
        "2028-07-03",
        "2026-12-24",
        "2025-12-24",
    ] {
        assert_eq!(shown(day), "open, early close at 13:00", "{day}");
    }
}

#[test]
fn weekends_and_unknown_years_are_closed_and_say_so() {
    for (day, reason) in [
        ("2026-02-14", ClosedReason::Weekend),
        ("2026-02-15", ClosedReason::Weekend),
        ("2021-12-25", ClosedReason::Weekend), // a holiday as well
        ("2009-12-31", ClosedReason::UnknownYear),
        ("2036-01-02", ClosedReason::UnknownYear),
        ("-0001-06-01", ClosedReason::UnknownYear),
    ] {
        let day: Date = if day.starts_with('-') { date(-1, 6, 1) } else { day.parse().unwrap() };
        assert_eq!(session_day(day), SessionDay::Closed(reason.clone()), "{day}");
        assert_eq!((equity_open(day), equity_close(day)), (None, None), "{day}");
    }
    assert_eq!(shown("2036-01-02"), "closed: the calendar knows 2010 to 2035 only");
}

#[test]
fn opens_and_closes_across_both_clock_changes() {
    for (day, open, close) in [
        ("2026-03-06", "14:30", "21:00"),
        ("2026-03-09", "13:30", "20:00"),
        ("2026-10-30", "13:30", "20:00"),
        ("2026-11-02", "14:30", "21:00"),
        ("2026-11-27", "14:30", "18:00"),
        ("2025-07-03", "13:30", "17:00"),
    ] {
        let at = |time: &str| Some(format!("{day}T{time}:00Z").parse::<Timestamp>().unwrap());
        let date = day.parse().unwrap();
        assert_eq!((equity_open(date), equity_close(date)), (at(open), at(close)), "{day}");
    }
}

#[test]
fn when_each_series_stops_trading() {
    for (symbol, day, close) in [
        // PM-settled: with the stock market on its expiry, 15 minutes later before that, never after.
        ("SPXW260212P6900", "2026-02-12", "16:00"),
        ("SPXW260212P6900", "2026-02-11", "16:15"),
        ("SPXW260212P6900", "2026-02-13", ""),
        ("SPXW261127P6900", "2026-11-27", "13:00"),
        ("SPXW261130P6900", "2026-11-27", "13:15"),
        ("XSP260212C700", "2026-02-12", "16:00"),
        ("XSP260213C700", "2026-02-12", "16:15"),
        // AM-settled: the session before its expiry is the last.
        ("SPX260220P6900", "2026-02-20", ""),
        ("SPX260220P6900", "2026-02-19", "16:15"),
        ("SPX241129C6000", "2024-11-27", "16:15"),
        ("SPX241202C6000", "2024-11-29", "13:15"),
        // Expiries that are no sessions: a Saturday, and Good Friday.
        ("SPX150117P2000", "2015-01-16", ""),
        ("SPX150117P2000", "2015-01-15", "16:15"),
        ("SPXW260403P6900", "2026-04-02", "16:00"),
        // No session, no table, no known year.
        ("SPXW260220P6900", "2026-02-16", ""),
        ("SPXW260220P6900", "2026-02-14", ""),
        ("QQQ260212C500", "2026-02-12", ""),
        ("SPXW360320P9000", "2035-12-28", ""),
        ("SPXW360320P9000", "2036-03-20", ""),
    ] {
        let date: Date = day.parse().unwrap();
        let expected = (!close.is_empty()).then(|| at_eastern(date, close.parse().unwrap()));
        assert_eq!(series_close(&symbol.parse().unwrap(), date), expected, "{symbol} on {day}");
    }
}

#[test]
fn announced_days_close_or_shorten_a_session() {
    let extra: ExtraDays = "closed 2026-12-09 Day of Mourning\n# last year's\nEarly 2026-12-10 ; closed 2026-12-11;;early 2026-12-25".parse().unwrap();
    let calendar = Calendar::with(extra);
    let symbol = |text: &str| text.parse::<OptionSymbol>().unwrap();
    for (day, shown, close) in [
        ("2026-12-08", "open", "16:15"),
        ("2026-12-09", "closed: announced (Day of Mourning)", ""),
        ("2026-12-10", "open, early close at 13:00", "13:15"),
        ("2026-12-11", "closed: announced", ""),
        ("2026-12-14", "open", "16:15"),
        ("2026-12-24", "open, early close at 13:00", "13:15"),
        ("2026-12-25", "closed: Christmas Day", ""), // never opened
    ] {
        let date: Date = day.parse().unwrap();
        assert_eq!(calendar.session_day(date).to_string(), shown, "{day}");
        let expected = (!close.is_empty()).then(|| at_eastern(date, close.parse().unwrap()));
        assert_eq!(calendar.series_close(&symbol("SPXW261231P6900"), date), expected, "{day}");
        assert_eq!(calendar.equity_close(date).is_some(), !close.is_empty(), "{day}");
    }
    // What expires on a closed day expires on the session before it.
    let last = date(2026, 12, 8);
    assert_eq!(calendar.series_close(&symbol("SPXW261209P6900"), last), calendar.equity_close(last));
    assert_eq!(
        series_close(&symbol("SPXW261209P6900"), last),
        Some(at_eastern(last, time(16, 15, 0, 0))),
        "the built-in calendar knows nothing of it"
    );
    let ahead: Vec<String> =
        calendar.extra().since(date(2026, 12, 10)).map(|(day, extra)| format!("{day} {extra}")).collect();
    assert_eq!(
        ahead,
        ["2026-12-10 early close at 13:00", "2026-12-11 closed", "2026-12-25 early close at 13:00"]
    );
}

#[test]
fn what_is_no_list_of_announced_days_says_where_and_why() {
    for none in ["none", " None\n", "none # as of 2026"] {
        assert_eq!(none.parse(), Ok(ExtraDays::default()), "{none:?}");
    }
    for (text, words) in [
        ("", r#"entry 1: entry: got "", expected closed or early"#),
        ("# nothing", r##"entry 1: entry: got "# nothing""##),
        ("2026-12-09", r#"entry 1: entry: got "2026-12-09", expected closed or early, a day as 2026-12-09"#),
        ("closed", r#"entry 1: day: got "", expected a day"#),
        ("closed tomorrow", r#"entry 1: day: got "tomorrow""#),
        ("closed 2026-12-09; close 2026-12-10", r#"entry 2: entry: got "close 2026-12-10""#),
        ("closed 2026-12-09\nnone", r#"entry 2: entry: got "none""#),
        ("closed 2026-13-09", r#"day: got "2026-13-09", expected a day as 2026-12-09"#),
        ("closed 12/09/2026", r#"day: got "12/09/2026""#),
        ("closed 20261209", r#"day: got "20261209""#),
        ("closed 2026-12-09T00:00", r#"day: got "2026-12-09T00:00""#),
        ("closed 2026-12-06", r#"day: got "2026-12-06", expected a weekday"#), // the ninth was meant, and would be traded
        ("closed 2062-12-08", r#"day: got "2062-12-08", expected a year from 2010 to 2035"#),
        (
            "closed 2026-12-09; early 2026-12-09",
            r#"entry 2: day: got "early 2026-12-09", expected a day that no other entry calls otherwise"#,
        ),
        (r#"{"closed": ["2026-12-09"]}"#, r#"entry 1: entry: got "{\"closed\""#),
    ] {
        let error = text.parse::<ExtraDays>().unwrap_err().to_string();
        assert!(error.starts_with("announced days, entry ") && error.contains(words), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_few_words(text in "\\PC{0,40}|((closed|early|none) ?(20[0-9]{2}-[01][0-9]-[0-3][0-9])?[;# \n]{0,3}){0,4}") {
        match text.parse::<ExtraDays>() {
            Ok(extra) => {
                let weekday = extra.since(Date::MIN).all(|(day, _)| !matches!(session_day(day), SessionDay::Closed(ClosedReason::Weekend | ClosedReason::UnknownYear)));
                prop_assert!(weekday);
            }
            Err(error) => prop_assert!(error.to_string().chars().count() < 400),
        }
    }

    #[test]
    fn every_date_has_an_answer_and_the_answers_agree(year in -9999_i16..=9999, month in 1_i8..=12, day in 1_i8..=28) {
        let day = Date::new(year, month, day).unwrap();
        let open = matches!(session_day(day), SessionDay::Open { .. });
        prop_assert_eq!(equity_open(day).is_some(), open);
        prop_assert_eq!(equity_close(day).is_some(), open);
        if let (Some(opens), Some(closes)) = (equity_open(day), equity_close(day)) {
            prop_assert!(opens < closes);
            prop_assert_eq!(trade_date(opens), day);
            prop_assert_eq!(trade_date(closes), day);
        }
    }

    #[test]
    fn a_series_never_trades_on_a_closed_day_nor_past_its_expiry(ahead in 0_i64..9000, life in 0_i64..60) {
        let today = date(2010, 1, 1).checked_add(jiff::Span::new().days(ahead)).unwrap();
        let expiry = today.checked_add(jiff::Span::new().days(life)).unwrap();
        let strike = crate::Strike::whole(4000).unwrap();
        let weekly = OptionSymbol::new("SPXW", expiry, crate::Right::Put, strike).unwrap();
        let close = series_close(&weekly, today);
        if expiry == today {
            prop_assert_eq!(close, equity_close(today));
        } else if let Some(close) = close {
            prop_assert!(Some(close) >= equity_close(today));
        }
        prop_assert!(close.is_none_or(|close| close <= latest_close(today)));
        let open = matches!(session_day(today), SessionDay::Open { .. });
        prop_assert!(close.is_none() || open);
        let past = expiry.tomorrow().unwrap();
        prop_assert_eq!(series_close(&weekly, past), None);
    }
}
