//! Which facts a person is told of, in which words, and what these words must not show.

use jiff::civil::Date;

use crate::ports::{Notice, Severity};
use crate::report::Outcome;

/// The message about how a run ended, `None` for an ordinary day. `alarm` and `detail` are the report's.
///
/// Told of: sides that do not match, orders whose fate is open, runs that were refused or failed, and
/// whatever raised the alarm on the way to a good end. Not told of: what was planned and done, days without a
/// trade, and second deliveries.
#[must_use]
pub fn notice_of(
    outcome: Outcome,
    alarm: bool,
    detail: &str,
    account: &str,
    trade_date: Date,
) -> Option<Notice> {
    let severity = match (alarm || outcome.alarms(), is_ordinary(outcome)) {
        (true, _) => Severity::Alarm,
        (false, true) => return None,
        (false, false) => Severity::Warning,
    };
    Some(about(
        severity,
        outcome.name(),
        account,
        trade_date,
        [meaning(outcome).to_owned(), format!("Detail: {detail}")],
    ))
}

/// The message that the edge test pauses an account until the end of `until`, and why.
#[must_use]
pub fn notice_of_pause(reason: &str, until: Option<Date>, account: &str, trade_date: Date) -> Notice {
    let until = until.map_or_else(|| "its end".to_owned(), |until| format!("the end of {until}"));
    let meaning = format!(
        "The edge test pauses this account until {until}: with edge_guard = \"enforce\" it does not trade, with \"monitor\" it does."
    );
    let lines = [meaning, format!("Reason: {reason}")];
    about(Severity::Alarm, "paused", account, trade_date, lines)
}

/// The message that a post-trade step (`sheets-log`, `edge-guard`) failed; trading was not touched.
#[must_use]
pub fn notice_of_failure(step: &str, reason: &str, account: &str, trade_date: Date) -> Notice {
    let lines = [
        format!("{step} failed after trading; orders and positions are not concerned."),
        format!("Reason: {reason}"),
    ];
    about(Severity::Warning, &format!("{step} failed"), account, trade_date, lines)
}

/// The message that rows of the spreadsheet stand more than once, and were left as they are.
#[must_use]
pub fn notice_of_doubled_rows(rows: &str, account: &str, trade_date: Date) -> Notice {
    let meaning = "Rows of the spreadsheet stand more than once: they are not written any more, and sums of your own count them twice.";
    let lines = [
        format!("{meaning} Delete all but one; orders and positions are not concerned."),
        format!("Rows: {rows}"),
    ];
    about(Severity::Warning, "rows stand twice", account, trade_date, lines)
}

/// The message that a run of the trading function could not begin.
#[must_use]
pub fn notice_of_no_beginning(reason: &str, account: &str, trade_date: Date) -> Notice {
    let lines =
        ["The trading function could not begin. Nothing was placed; a later delivery the same day may still trade.".to_owned(), format!("Reason: {reason}")];
    about(Severity::Alarm, "could not begin", account, trade_date, lines)
}

fn about(severity: Severity, what: &str, account: &str, trade_date: Date, lines: [String; 2]) -> Notice {
    let head = format!("Account {account}, {trade_date}: {what}.");
    Notice::new(
        severity,
        &format!("[{severity}] {account} {trade_date}: {what}"),
        [head].into_iter().chain(lines),
    )
}

/// Whether nobody needs to hear of it.
const fn is_ordinary(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Filled
        | Outcome::PartiallyFilled
        | Outcome::NoFill
        | Outcome::NothingToDo
        | Outcome::DryRun
        | Outcome::AlreadyTraded
        | Outcome::AnotherRunActive
        | Outcome::MarketClosed
        | Outcome::Swept
        | Outcome::Resolved => true,
        Outcome::OneSided
        | Outcome::Uneven
        | Outcome::OutOfTime
        | Outcome::Rejected
        | Outcome::Recovered
        | Outcome::OutsideWindow
        | Outcome::CalendarUnreadable
        | Outcome::NotArmed
        | Outcome::Halted
        | Outcome::EdgePaused
        | Outcome::SignalUnusable
        | Outcome::PlanRefused
        | Outcome::NotApproved
        | Outcome::SignalUnavailable
        | Outcome::BrokerUnavailable
        | Outcome::TokenDead
        | Outcome::LedgerUnavailable
        | Outcome::Unresolved
        | Outcome::PositionsDiffer
        | Outcome::NoFinalOutcome
        | Outcome::NotResolved => false,
    }
}

/// What it means for the person, and what there is to do.
const fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::OneSided => {
            "Only one of two sides filled: the position is not what was planned. Look at it now."
        }
        Outcome::Uneven => {
            "More is missing of one side than of the other: the position is not what was planned. Look at it now."
        }
        Outcome::PositionsDiffer => {
            "The account holds other contracts than the day's fills explain. Compare the broker's orders with the record."
        }
        Outcome::Unresolved => {
            "An order's fate could not be proven. Compare the broker's orders with the record, then resolve it."
        }
        Outcome::NoFinalOutcome => {
            "Nothing says whether this day was traded, or why not. Look at the broker's orders."
        }
        Outcome::Recovered => {
            "A run had died, or an order showed fills later. What was open is proven and recorded; nothing new was placed."
        }
        Outcome::Rejected => "The broker refused every order. Nothing filled.",
        Outcome::OutOfTime => "The plan was ready too late. No order was sent.",
        Outcome::OutsideWindow => "The run was called at the wrong time. No order was sent.",
        Outcome::CalendarUnreadable => {
            "The announced closures do not read, so today may be one. No order was sent; put the parameter right."
        }
        Outcome::NotArmed => "The account is not armed. No order was sent.",
        Outcome::Halted => "Trading is halted by an operator. No order was sent.",
        Outcome::EdgePaused => "The edge guard has paused this account. No order was sent.",
        Outcome::SignalUnusable => "The signal has no row for today that may be traded. No order was sent.",
        Outcome::PlanRefused => "The strategy refused the day. No order was sent.",
        Outcome::NotApproved => "Every side was refused by the risk limits. No order was sent.",
        Outcome::SignalUnavailable => "The signal could not be read. No order was sent.",
        Outcome::BrokerUnavailable => "The broker could not be read. No new order was sent.",
        Outcome::TokenDead => {
            "The broker's login has ended: a person has to log in again. No new order was sent."
        }
        Outcome::LedgerUnavailable => "The record could not be read or written. No new order was sent.",
        Outcome::NotResolved => "The decision does not fit what is known and was not recorded.",
        Outcome::Filled
        | Outcome::PartiallyFilled
        | Outcome::NoFill
        | Outcome::NothingToDo
        | Outcome::DryRun
        | Outcome::AlreadyTraded
        | Outcome::AnotherRunActive
        | Outcome::MarketClosed
        | Outcome::Swept
        | Outcome::Resolved => "The run came to its end, but something on the way needs a look.",
    }
}

/// One line without control characters, account numbers masked, what looks like a credential hidden.
#[must_use]
pub(crate) fn cleaned(text: &str) -> String {
    let line = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let line = each_run(
        &line,
        |letter| letter.is_ascii_alphanumeric() || "-_+=~".contains(letter),
        |run| if is_credential(run) { "[hidden]".into() } else { run.into() },
    );
    each_run(
        &line,
        |letter| letter.is_ascii_alphanumeric(),
        |run| if is_option(run) { run.into() } else { masked(run) },
    )
}

/// The first `most` characters, an ellipsis in the place of the rest.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The text with each longest run of letters that `belongs` takes replaced.
fn each_run(text: &str, belongs: impl Fn(char) -> bool, replaced: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(&belongs) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|letter| !belongs(letter)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(&replaced(run));
        rest = after;
    }
    out + rest
}

/// Tokens, keys and hashes: long, letters and digits mixed. Names of ours are lower case and in words, run
/// ids have dashes.
fn is_credential(run: &str) -> bool {
    let has = |is: fn(&char) -> bool| run.chars().any(|letter| is(&letter));
    let digits = has(char::is_ascii_digit);
    let cases = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let longest_part = run.split('-').map(str::len).max().unwrap_or_default();
    digits && (run.len() >= 32 && cases || longest_part >= 32)
}

/// The tail of an option's symbol, `260821P05900000`, alone or behind its root: no account has such a number.
fn is_option(run: &str) -> bool {
    let Some((rest, tail)) = run.len().checked_sub(15).and_then(|at| run.split_at_checked(at)) else {
        return false;
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    rest.len() <= 6
        && rest.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits(&tail[..6])
        && matches!(&tail[6..7], "C" | "P")
        && digits(&tail[7..])
}

/// An account number with all but its last four signs starred: eight digits or more in a row, or a digit and
/// letters before five.
fn masked(run: &str) -> String {
    let starts = run.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let ends = run.len().checked_sub(5).is_some_and(|at| run.as_bytes()[at..].iter().all(u8::is_ascii_digit));
    let letters = run.bytes().any(|byte| byte.is_ascii_alphabetic());
    if starts && ends && letters && (7..=10).contains(&run.len()) {
        return starred(run);
    }
    each_run(
        run,
        |letter| letter.is_ascii_digit(),
        |digits| if digits.len() >= 8 { starred(digits) } else { digits.to_owned() },
    )
}

fn starred(number: &str) -> String {
    format!("****{}", &number[number.len() - 4..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn said(outcome: Outcome, alarm: bool) -> Option<(Severity, String)> {
        notice_of(outcome, alarm, "detail", "tt-ira", date(2026, 8, 14))
            .map(|notice| (notice.severity(), notice.subject().to_owned()))
    }

    #[test]
    fn an_ordinary_day_is_silent_and_no_trouble_is() {
        for outcome in [
            Outcome::Filled,
            Outcome::NothingToDo,
            Outcome::DryRun,
            Outcome::MarketClosed,
            Outcome::AlreadyTraded,
            Outcome::Swept,
        ] {
            assert_eq!(said(outcome, false), None, "{outcome}");
            assert_eq!(
                said(outcome, true),
                Some((Severity::Alarm, format!("[alarm] tt-ira 2026-08-14: {outcome}")))
            );
        }
        for outcome in [
            Outcome::OneSided,
            Outcome::Unresolved,
            Outcome::NotArmed,
            Outcome::TokenDead,
            Outcome::NoFinalOutcome,
            Outcome::Recovered,
        ] {
            assert_eq!(said(outcome, false).unwrap().0, Severity::Alarm, "{outcome}");
        }
        for outcome in [Outcome::Halted, Outcome::NotApproved, Outcome::OutsideWindow, Outcome::NotResolved] {
            assert_eq!(said(outcome, false).unwrap().0, Severity::Warning, "{outcome}");
        }
    }

    #[test]
    fn a_message_says_who_when_what_and_what_to_do() {
        let notice = notice_of(
            Outcome::OneSided,
            true,
            "PUT_SHORT 2 of 2, CALL_SHORT 0 of 2",
            "tt-ira",
            date(2026, 8, 14),
        )
        .unwrap();
        let expected = "Account tt-ira, 2026-08-14: one_sided.\nOnly one of two sides filled: the position is not what was planned. Look at it now.\n\
            Detail: PUT_SHORT 2 of 2, CALL_SHORT 0 of 2\n";
        assert_eq!(notice.text(), expected);
        assert_eq!(
            notice_of_no_beginning("no token", "schwab", date(2026, 8, 14)).subject(),
            "[alarm] schwab 2026-08-14: could not begin"
        );
        assert_eq!(
            notice_of_pause("edge lost", Some(date(2026, 8, 19)), "tt-ira", date(2026, 8, 14)).subject(),
            "[alarm] tt-ira 2026-08-14: paused"
        );
        assert_eq!(
            notice_of_failure("sheets-log", "no token", "a", date(2026, 8, 14)).lines()[1..].join(" "),
            "sheets-log failed after trading; orders and positions are not concerned. Reason: no token"
        );
    }

    #[test]
    fn account_numbers_keep_four_digits_and_credentials_nothing() {
        for (text, clean) in [
            ("account 5WT20360 has", "account ****0360 has"),
            (
                "GET https://api.tastyworks.com/accounts/5WT20360/orders/dry-run",
                "GET https://api.tastyworks.com/accounts/****0360/orders/dry-run",
            ),
            ("schwab 12345678, (987654321)", "schwab ****5678, (****4321)"),
            ("acct12345678x", "acct****5678x"),
            ("0123456789012345", "****2345"),
            ("SPXW260821P05900000 at 1.15", "SPXW260821P05900000 at 1.15"),
            ("SPXW  260821C05900000", "SPXW 260821C05900000"),
            ("2026-08-14T20:15:00Z 6900 x 12 [1, 2]", "2026-08-14T20:15:00Z 6900 x 12 [1, 2]"),
            ("run 0192f0a4-7c1e-7b3a-9f00-1a2b3c4d5e6f", "run 0192f0a4-7c1e-7b3a-9f00-1a2b3c4d5e6f"),
            ("Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.x", "Bearer [hidden].x"),
            ("hash 0A1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4E5F60718293A4B5C6D7E8F9", "hash [hidden]"),
            ("two\r\nBcc: somebody\u{0}\u{1b}[31m", "two Bcc: somebody [31m"),
            ("naïve – 12345678é", "naïve – ****5678é"),
        ] {
            assert_eq!(cleaned(text), clean);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_message(subject in "(?s).{0,150}", lines in proptest::collection::vec("(?s).{0,12}|x{600}", 0..60), number in "[0-9][A-Z]{2}[0-9]{5}|[0-9]{8,12}") {
            let with_number = format!("{subject} {number} {subject}");
            let notice = Notice::new(Severity::Alarm, &with_number, lines.into_iter().chain([number.clone()]));
            prop_assert!(notice.subject().chars().count() <= Notice::LONGEST_SUBJECT && notice.lines().len() <= Notice::MOST_LINES);
            prop_assert!(notice.lines().iter().all(|line| line.chars().count() <= Notice::LONGEST_LINE));
            let text = format!("{}\n{}", notice.subject(), notice.text());
            prop_assert!(!text.contains(&number));
            prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
        }
    }
}
