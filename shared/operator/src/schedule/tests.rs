use gamma_market::calendar::Calendar;
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Expression, ExpressionError, NextFire, RateUnit, Schedule};

fn schedule(expression: &str) -> Schedule {
    Schedule {
        expression: expression.into(),
        time_zone: "America/New_York".into(),
        enabled: true,
        starts: None,
        ends: None,
    }
}

fn next(expression: &str, now: &str) -> String {
    shown(schedule(expression).next(now.parse().unwrap(), Some(&Ok(Calendar::default()))))
}

fn shown(next: NextFire) -> String {
    match next {
        NextFire::At(fire) => format!(
            "{} {}{}",
            fire.at,
            fire.local,
            fire.note.map(|note| format!(" {note}")).unwrap_or_default()
        ),
        NextFire::Never(why) => format!("never: {why}"),
        NextFire::Unknown(why) => format!("unknown: {why}"),
    }
}

const TRADE: &str = "cron(13 16 ? * MON-FRI *)";

#[test]
fn the_trade_schedule_follows_new_yorks_clocks_and_calendar() {
    for (now, expected) in [
        ("2025-09-03T20:12:59Z", "2025-09-03T20:13:00Z Wed 2025-09-03 16:13"),
        ("2025-09-03T20:13:00Z", "2025-09-04T20:13:00Z Thu 2025-09-04 16:13"),
        ("2025-09-05T20:13:00Z", "2025-09-08T20:13:00Z Mon 2025-09-08 16:13"),
        // Both changes of the clocks fall on a weekend between two fires.
        ("2026-03-06T21:13:00Z", "2026-03-09T20:13:00Z Mon 2026-03-09 16:13"),
        ("2026-10-30T20:13:00Z", "2026-11-02T21:13:00Z Mon 2026-11-02 16:13"),
        (
            "2026-04-02T21:00:00Z",
            "2026-04-03T20:13:00Z Fri 2026-04-03 16:13 holiday (Good Friday), will not trade",
        ),
        (
            "2025-11-27T22:00:00Z",
            "2025-11-28T21:13:00Z Fri 2025-11-28 16:13 early close at 13:00, will not trade",
        ),
        (
            "2036-01-02T00:00:00Z",
            "2036-01-02T21:13:00Z Wed 2036-01-02 16:13 the calendar knows 2010 to 2035 only, will not trade",
        ),
    ] {
        assert_eq!(next(TRADE, now), expected, "{now}");
    }
}

#[test]
fn the_next_trading_fire_skips_holidays_and_early_closes() {
    let next = |expression: &str, now: &str| {
        shown(schedule(expression).next_session(now.parse().unwrap(), &Ok(Calendar::default())))
    };
    assert_eq!(
        next(TRADE, "2025-11-26T22:00:00Z"),
        "2025-12-01T21:13:00Z Mon 2025-12-01 16:13",
        "Thanksgiving, the day after, the weekend"
    );
    assert_eq!(
        next(TRADE, "2035-12-31T22:00:00Z"),
        "unknown: the calendar knows no session at which it fires"
    );
    assert_eq!(
        next("at(2025-11-27T16:13:00)", "2025-11-26T22:00:00Z"),
        "never: it fires on Thu 2025-11-27 16:13 only: holiday (Thanksgiving Day), will not trade"
    );
}

#[test]
fn announced_days_are_told_and_passed_over() {
    let announced =
        Ok(Calendar::with("closed 2025-09-04 Day of Mourning; early 2025-09-05".parse().unwrap()));
    let now = "2025-09-03T20:13:00Z".parse().unwrap();
    let told = shown(schedule(TRADE).next(now, Some(&announced)));
    assert_eq!(told, "2025-09-04T20:13:00Z Thu 2025-09-04 16:13 announced (Day of Mourning), will not trade");
    assert_eq!(
        shown(schedule(TRADE).next_session(now, &announced)),
        "2025-09-08T20:13:00Z Mon 2025-09-08 16:13"
    );
    let unreadable = Err("parameter p: no list".to_owned());
    let told = shown(schedule(TRADE).next(now, Some(&unreadable)));
    assert_eq!(told, "2025-09-04T20:13:00Z Thu 2025-09-04 16:13 parameter p: no list, will not trade");
    assert_eq!(shown(schedule(TRADE).next_session(now, &unreadable)), "unknown: parameter p: no list");
}

#[test]
fn a_skipped_local_time_never_fires_and_a_repeated_one_once() {
    let daily = |now: &str, expression: &str| shown(schedule(expression).next(now.parse().unwrap(), None));
    let spring = "cron(30 2 * * ? *)";
    assert_eq!(daily("2026-03-07T12:00:00Z", spring), "2026-03-09T06:30:00Z Mon 2026-03-09 02:30");
    let autumn = "cron(30 1 * * ? *)";
    assert_eq!(daily("2026-10-31T12:00:00Z", autumn), "2026-11-01T05:30:00Z Sun 2026-11-01 01:30");
    assert_eq!(daily("2026-11-01T05:30:00Z", autumn), "2026-11-02T06:30:00Z Mon 2026-11-02 01:30");
    assert_eq!(
        daily("2026-11-01T06:15:00Z", autumn),
        "2026-11-02T06:30:00Z Mon 2026-11-02 01:30",
        "within the hour that repeats"
    );
    assert_eq!(
        daily("2026-03-01T00:00:00Z", "at(2026-03-08T02:30:00)"),
        "unknown: 2026-03-08T02:30:00: the clocks of its zone skip that time"
    );
}

#[test]
fn every_form_of_a_field_is_read() {
    let utc = |expression: &str, now: &str| {
        let schedule = Schedule { time_zone: "UTC".into(), ..schedule(expression) };
        match schedule.next(now.parse().unwrap(), None) {
            NextFire::At(fire) => fire.at.to_string(),
            other => panic!("{expression}: {other:?}"),
        }
    };
    for (expression, now, expected) in [
        ("cron(0/12 * * * ? *)", "2026-01-01T00:12:00Z", "2026-01-01T00:24:00Z"),
        ("cron(5,50-52 3 * * ? *)", "2026-01-01T03:05:00Z", "2026-01-01T03:50:00Z"),
        ("cron(0 */6 * * ? *)", "2026-01-01T13:00:00Z", "2026-01-01T18:00:00Z"),
        ("cron(0 1-23/11 * * ? *)", "2026-01-01T01:00:00Z", "2026-01-01T12:00:00Z"),
        ("cron(0 0 1 jan,JUL ? *)", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ("cron(0 0 ? * 1 *)", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("cron(0 0 ? * SAT *)", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"),
        ("cron(0 0 29 2 ? *)", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("cron(0 0 1 1 ? 2090/3)", "2026-01-01T00:00:00Z", "2090-01-01T00:00:00Z"),
    ] {
        assert_eq!(utc(expression, now), expected, "{expression}");
    }
    assert_eq!(
        next("cron(0 0 30 2 ? *)", "2026-01-01T00:00:00Z"),
        "never: no such date comes within nine years"
    );
    assert_eq!(
        next("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00Z"),
        "never: no such date comes within nine years"
    );
}

#[test]
fn what_is_not_understood_is_refused_and_named() {
    for (expression, words) in [
        ("cron(13 16 * * MON-FRI *)", "days: got \"13 16 * * MON-FRI *\", expected ? in one of"),
        ("cron(13 16 ? * ? *)", "and not in both"),
        ("cron(13 16 ? * MON-FRI)", "fields: got \"13 16 ? * MON-FRI\", expected six"),
        ("cron(60 16 ? * MON-FRI *)", "minutes: got \"60\""),
        ("cron(13 24 ? * MON *)", "hours: got \"24\""),
        ("cron(13 16 L * ? *)", "day of month: got \"L\""),
        ("cron(13 16 15W * ? *)", "day of month: got \"15W\""),
        ("cron(13 16 ? * FRI#2 *)", "day of week: got \"FRI#2\""),
        ("cron(13 16 ? * FRI-MON *)", "day of week: got \"FRI-MON\""),
        ("cron(13 16 ? * 0 *)", "day of week: got \"0\""),
        ("cron(0/0 16 ? * MON *)", "minutes: got \"0/0\""),
        ("cron(+5 16 ? * MON *)", "minutes: got \"+5\""),
        ("cron(1,,2 16 ? * MON *)", "minutes: got \"1,,2\""),
        ("cron( 16 ? * MON *)", "fields"),
        ("cron(13 16 ? 13 MON *)", "month: got \"13\""),
        ("cron(13 16 ? * MON 1969)", "year: got \"1969\""),
        ("at(2025-09-03 16:13:00)", "time: got"),
        ("at(2025-9-3T16:13:00)", "time: got"),
        ("at(2025-02-30T16:13:00)", "time: got"),
        ("rate(12)", "rate: got \"12\""),
        ("rate(0 hours)", "count: got \"0\""),
        ("rate(12 weeks)", "unit: got \"weeks\""),
        ("every day", "kind: got \"every day\""),
        ("", "kind"),
    ] {
        let error: ExpressionError = expression.parse::<Expression>().unwrap_err();
        assert!(error.to_string().contains(words), "{expression}: {error}");
        assert!(
            next(expression, "2026-01-01T00:00:00Z").starts_with("unknown: schedule expression"),
            "{expression}"
        );
    }
}

#[test]
fn once_a_rate_a_start_an_end_and_a_zone() {
    let now = "2026-01-01T00:00:00Z";
    assert_eq!(next("at(2026-01-02T16:13:00)", now), "2026-01-02T21:13:00Z Fri 2026-01-02 16:13");
    assert_eq!(next("at(2025-09-03T16:13:00)", now), "never: it was for 2025-09-03T20:13:00Z");
    assert_eq!("rate(1 hour)".parse(), Ok(Expression::Rate(1, RateUnit::Hours)));
    assert_eq!(
        next("rate(12 hours)", now),
        "unknown: every 12 hours, counted from a moment that the service does not tell"
    );
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let begins = Schedule { starts: at("2026-02-02T12:00:00Z"), ..schedule("rate(12 hours)") };
    assert_eq!(shown(begins.next(now.parse().unwrap(), None)), "2026-02-02T12:00:00Z Mon 2026-02-02 07:00");
    let begins = Schedule { starts: at("2026-02-02T21:13:00Z"), ..schedule(TRADE) };
    assert_eq!(
        shown(begins.next(now.parse().unwrap(), None)),
        "2026-02-02T21:13:00Z Mon 2026-02-02 16:13",
        "the start itself counts"
    );
    let ends = Schedule { ends: at("2026-01-02T21:12:59Z"), ..schedule(TRADE) };
    assert_eq!(
        shown(ends.next(at("2026-01-01T22:00:00Z").unwrap(), None)),
        "never: it ended on Fri 2026-01-02 16:12"
    );
    let elsewhere = Schedule { time_zone: "Mars/Olympus".into(), ..schedule(TRADE) };
    assert_eq!(
        shown(elsewhere.next(now.parse().unwrap(), None)),
        "unknown: time zone \"Mars/Olympus\": not known here"
    );
}

proptest! {
    /// However the clocks go, the next fire is later, shows the minute asked for, and no earlier one was
    /// passed over.
    #[test]
    fn the_next_fire_is_the_first_that_shows_the_time(now in 1_262_304_000_i64..2_082_758_400, hour in 0_i8..24, minute in 0_i8..60) {
        let now = Timestamp::from_second(now).unwrap();
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let Ok(Expression::Cron(cron)) = format!("cron({minute} {hour} * * ? *)").parse() else { panic!("a cron expression") };
        let next = cron.next(now, &zone).unwrap();
        let shows = zone.to_datetime(next).time();
        prop_assert!(next > now && (shows.hour(), shows.minute(), shows.second()) == (hour, minute, 0));
        // Of all minutes between, none shows it, but for the second passing of an hour that repeats.
        let first = now.as_second().div_euclid(60) + 1;
        let passed: Vec<_> = (first..next.as_second() / 60).map(|minute| Timestamp::from_second(minute * 60).unwrap())
            .filter(|at| { let time = zone.to_datetime(*at).time(); (time.hour(), time.minute()) == (hour, minute) }).collect();
        for at in passed {
            let hour_before = at - jiff::SignedDuration::from_hours(1);
            prop_assert_eq!(zone.to_datetime(hour_before), zone.to_datetime(at), "passed over {}", at);
        }
    }
}
