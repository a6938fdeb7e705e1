//! Closures and early closes that were announced after this program was built, such as a day of mourning.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};

/// Extra closures and early closes, by day. Read from text, an entry a line or between semicolons:
///
/// ```text
/// closed 2026-12-09 National Day of Mourning     # what follows a # is a remark
/// early 2026-12-24
/// ```
///
/// The word, the day, and why, which may be left out. The single entry `none` says that there are none. A day
/// that the built-in calendar has closed or short already may stand here too: a later build knows what was
/// announced before it.
///
/// ```
/// use gamma_market::calendar::{Calendar, ExtraDays};
/// use jiff::civil::date;
/// let announced: ExtraDays = "closed 2026-12-09 day of mourning; early 2026-12-10".parse()?;
/// let calendar = Calendar::with(announced);
/// assert_eq!(calendar.session_day(date(2026, 12, 9)).to_string(), "closed: announced (day of mourning)");
/// assert_eq!(calendar.session_day(date(2026, 12, 10)).to_string(), "open, early close at 13:00");
/// # Ok::<(), gamma_market::calendar::ExtraDaysError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraDays {
    days: BTreeMap<Date, ExtraDay>,
}

/// What was announced of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraDay {
    /// No session, and why; blank where nobody said.
    Closed(String),
    /// The session ends early, which is taken for 13:00 Eastern, and why.
    Early(String),
}

/// A text that is no list of extra days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("announced days, entry {entry}: {field}: got {got:?}, expected {expected}")]
pub struct ExtraDaysError {
    /// Which entry, counted from 1.
    pub entry: usize,
    /// Which part of it.
    pub field: &'static str,
    /// What stands there, its beginning.
    pub got: String,
    /// What should.
    pub expected: &'static str,
}

const ENTRY: &str = "closed or early, a day as 2026-12-09, and why; or none";

impl ExtraDays {
    /// No extra days.
    pub(super) const NONE: Self = Self { days: BTreeMap::new() };

    /// What was announced of `date`.
    #[must_use]
    pub fn of(&self, date: Date) -> Option<&ExtraDay> {
        self.days.get(&date)
    }

    /// All of them from `date` on, in order.
    pub fn since(&self, date: Date) -> impl Iterator<Item = (Date, &ExtraDay)> {
        self.days.range(date..).map(|(day, extra)| (*day, extra))
    }
}

/// `closed (why)` or `early close at 13:00 (why)`.
impl fmt::Display for ExtraDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Closed(why) => ("closed", why),
            Self::Early(why) => ("early close at 13:00", why),
        };
        if why.is_empty() { f.write_str(what) } else { write!(f, "{what} ({why})") }
    }
}

impl FromStr for ExtraDays {
    type Err = ExtraDaysError;

    fn from_str(text: &str) -> Result<Self, ExtraDaysError> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let entries: Vec<&str> =
            lines.flat_map(|line| line.split(';')).map(str::trim).filter(|entry| !entry.is_empty()).collect();
        match entries.as_slice() {
            [] => Err(refused(1, "entry", text.trim(), ENTRY)),
            [only] if only.eq_ignore_ascii_case("none") => Ok(Self::NONE),
            _ => {
                let mut days = BTreeMap::new();
                for (number, entry) in (1..).zip(entries) {
                    let (date, extra) = one(number, entry)?;
                    let closes = |extra: &ExtraDay| matches!(extra, ExtraDay::Closed(_));
                    if days.get(&date).is_some_and(|before| closes(before) != closes(&extra)) {
                        return Err(refused(
                            number,
                            "day",
                            entry,
                            "a day that no other entry calls otherwise",
                        ));
                    }
                    days.insert(date, extra);
                }
                Ok(Self { days })
            }
        }
    }
}

fn one(number: usize, entry: &str) -> Result<(Date, ExtraDay), ExtraDaysError> {
    let (word, rest) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
    let (day, why) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let extra = match word.to_ascii_lowercase().as_str() {
        "closed" => ExtraDay::Closed(why.trim().to_owned()),
        "early" => ExtraDay::Early(why.trim().to_owned()),
        _ => return Err(refused(number, "entry", entry, ENTRY)),
    };
    // Ten characters: other forms, such as one with a time, are somebody's misunderstanding.
    let date: Date = day
        .parse()
        .ok()
        .filter(|_| day.len() == 10)
        .ok_or_else(|| refused(number, "day", day, "a day as 2026-12-09"))?;
    // Such a day is closed anyway: another one is meant, and that one would be traded.
    if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return Err(refused(number, "day", day, "a weekday"));
    }
    if !super::YEARS.contains(&date.year()) {
        return Err(refused(number, "day", day, "a year from 2010 to 2035"));
    }
    Ok((date, extra))
}

fn refused(entry: usize, field: &'static str, got: &str, expected: &'static str) -> ExtraDaysError {
    ExtraDaysError { entry, field, got: got.chars().take(60).collect(), expected }
}
