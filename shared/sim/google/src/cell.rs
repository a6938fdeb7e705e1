//! What stands in a cell, how it gets in and how it is shown.
//!
//! Formulas are kept and never computed: where Google would show a result, `#NAME?` stands. A client that
//! writes back what it read therefore loses the formula, as it would at Google; shown as their own text,
//! formulas would survive such a mistake.

use jiff::civil::{Date, date};
use serde_json::{Number, Value};

use super::errors::ApiError;

/// The longest text of a cell, in characters.
const LONGEST: usize = 50_000;
/// What a formula shows.
pub(super) const UNCOMPUTED: &str = "#NAME?";

/// What was entered into a cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Entered {
    /// Text; the apostrophe that made it text is not part of it.
    Text(String),
    /// A number, or a date as days since 1899-12-30. Google keeps it as a double.
    Number {
        /// Its value.
        value: f64,
        /// How it is shown, such as `5%` for `0.05`.
        shown: String,
    },
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A formula, with its `=`.
    Formula(String),
}

/// In which order the country of a spreadsheet writes a date between slashes. In both `1.5` is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// `en_US`: `9/3/2025` is the third of September.
    #[default]
    UnitedStates,
    /// `en_GB`: the ninth of March.
    Britain,
}

impl Locale {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UnitedStates => "en_US",
            Self::Britain => "en_GB",
        }
    }
}

/// How given values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// As they are.
    Raw,
    /// As if a person had typed them.
    UserEntered,
}

/// How cells are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Render {
    Formatted,
    Unformatted,
    Formula,
}

impl Entered {
    /// A number as it is shown without a format of its own.
    pub(super) fn number(value: f64) -> Self {
        Self::Number { value, shown: plain(value) }
    }

    /// Text as it is; none when it is empty. Too long a text is refused.
    pub(super) fn text(text: &str) -> Result<Option<Self>, ApiError> {
        fits(text)?;
        Ok((!text.is_empty()).then(|| Self::Text(text.to_owned())))
    }

    /// What a person's typing leaves in a cell: formulas, numbers (with `$`, `%`, commas or an exponent),
    /// dates as digits or with an English month, times as digits, truth values, and text. Dates without a
    /// year, `AM` and `PM` and other currencies stay text here, unlike at Google.
    pub(super) fn typed(text: &str, locale: Locale) -> Result<Option<Self>, ApiError> {
        fits(text)?;
        if let Some(literal) = text.strip_prefix('\'') {
            return Ok(Some(Self::Text(literal.to_owned())));
        }
        let trimmed = text.trim();
        Ok(match trimmed {
            _ if trimmed.len() > 1 && trimmed.starts_with('=') => Some(Self::Formula(trimmed.to_owned())),
            _ if trimmed.eq_ignore_ascii_case("true") => Some(Self::Boolean(true)),
            _ if trimmed.eq_ignore_ascii_case("false") => Some(Self::Boolean(false)),
            _ => match typed_number(trimmed).or_else(|| {
                moment(trimmed, locale).map(|value| Self::Number { value, shown: trimmed.to_owned() })
            }) {
                Some(number) => Some(number),
                None => (!text.is_empty()).then(|| Self::Text(text.to_owned())),
            },
        })
    }

    /// The cell in an answer about values.
    pub(super) fn shown(&self, render: Render) -> Value {
        match (self, render) {
            (Self::Text(text), _) | (Self::Formula(text), Render::Formula) => text.as_str().into(),
            (Self::Number { value, .. }, Render::Unformatted | Render::Formula) => json_number(*value),
            (Self::Boolean(truth), Render::Unformatted | Render::Formula) => (*truth).into(),
            _ => self.formatted().into(),
        }
    }

    /// The cell as a person sees it.
    pub(super) fn formatted(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { shown, .. } => shown.clone(),
            Self::Boolean(truth) => truth_word(*truth).to_owned(),
            Self::Formula(_) => UNCOMPUTED.to_owned(),
        }
    }

    /// The cell as it was entered: a formula's own text, everything else as it is shown.
    #[must_use]
    pub fn as_entered(&self) -> String {
        if let Self::Formula(text) = self { text.clone() } else { self.formatted() }
    }
}

/// A value of a request as a cell: `None` for a null, which leaves the cell alone; `Some(None)` empties it.
pub(super) fn given(
    value: &Value,
    (input, locale): (Input, Locale),
    at: (usize, usize),
) -> Result<Option<Option<Entered>>, ApiError> {
    let refused =
        |kind: &str| Err(ApiError::invalid(format!("Invalid values[{}][{}]: {kind} {{\n}}\n", at.0, at.1)));
    match value {
        Value::Null => Ok(None),
        Value::Bool(truth) => Ok(Some(Some(Entered::Boolean(*truth)))),
        Value::Number(number) => Ok(Some(number.as_f64().map(Entered::number))),
        Value::String(text) if input == Input::Raw => Entered::text(text).map(Some),
        Value::String(text) => Entered::typed(text, locale).map(Some),
        Value::Array(_) => refused("list_value"),
        Value::Object(_) => refused("struct_value"),
    }
}

fn fits(text: &str) -> Result<(), ApiError> {
    let short = text.len() <= LONGEST || text.chars().count() <= LONGEST;
    short.then_some(()).ok_or_else(|| {
        ApiError::invalid(format!(
            "Your input contains more than the maximum of {LONGEST} characters in a single cell."
        ))
    })
}

const fn truth_word(truth: bool) -> &'static str {
    if truth { "TRUE" } else { "FALSE" }
}

/// Whole numbers have no point in Google's JSON.
pub(super) fn json_number(value: f64) -> Value {
    let text = value.to_string();
    text.parse::<i64>()
        .map_or_else(|_| Number::from_f64(value).map_or(Value::Null, Value::Number), Value::from)
}

/// Ten significant digits, whole numbers all of theirs up to fifteen, and an exponent beyond.
fn plain(value: f64) -> String {
    if value.abs() >= 1e15 {
        let text = format!("{value:.5E}");
        return text.split_once('E').map_or_else(
            || text.clone(),
            |(digits, exponent)| format!("{}E+{exponent}", digits.trim_end_matches('0')),
        );
    }
    if value.fract().abs() > 0.0 {
        format!("{value:.9e}").parse::<f64>().unwrap_or(value).to_string()
    } else {
        format!("{value:.0}")
    }
}

/// `1234.5`, `-1,234`, `$1.50`, `5%`, `1e3`.
fn typed_number(text: &str) -> Option<Entered> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (percent, digits) = digits.strip_suffix('%').map_or((false, digits), |rest| (true, rest));
    let digits = digits.strip_prefix('$').unwrap_or(digits);
    let plainly = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !(digits.bytes().any(|byte| byte.is_ascii_digit()) && grouped(digits)) {
        return None;
    }
    // "inf" and "nan" have no digit; what else has letters does not parse.
    let value: f64 = digits.replace(',', "").parse().ok()?;
    let value = sign * if percent { value / 100.0 } else { value };
    let decorated = percent || !plainly || text.contains('$');
    let shown = if decorated { text.strip_prefix('+').unwrap_or(text).to_owned() } else { plain(value) };
    value.is_finite().then_some(Entered::Number { value, shown })
}

/// Whether commas, where there are any, stand before every three digits.
fn grouped(digits: &str) -> bool {
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or(digits);
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let mut rest = groups.peekable();
    rest.peek().is_none()
        || ((1..=3).contains(&first.len()) && rest.all(|group| group.len() == 3))
            && !digits[whole.len()..].contains(',')
}

/// `2025-09-03`, `9/3/2025`, `Sep 3, 2025`, `16:13`, `2025-09-03 16:13:30`: days since 1899-12-30.
fn moment(text: &str, locale: Locale) -> Option<f64> {
    let whole = day_number(text, locale).or_else(|| day_part(text));
    whole.or_else(|| {
        text.rsplit_once(' ').and_then(|(day, time)| Some(day_number(day, locale)? + day_part(time)?))
    })
}

fn day_number(text: &str, locale: Locale) -> Option<f64> {
    let parts = |separator| {
        text.split(separator).map(|part: &str| part.parse::<i16>().ok()).collect::<Option<Vec<_>>>()
    };
    // Two digits of a year are of 1930 to 2029.
    let full = |year: i16| {
        if year < 30 {
            2000 + year
        } else if year < 100 {
            1900 + year
        } else {
            year
        }
    };
    let (year, month, day) = match (parts('-').as_deref(), parts('/').as_deref(), locale) {
        (Some(&[year, month, day]), ..) | (_, Some(&[year, month, day]), _) if year >= 1900 => {
            (year, month, day)
        }
        (_, Some(&[month, day, year]), Locale::UnitedStates)
        | (_, Some(&[day, month, year]), Locale::Britain) => (full(year), month, day),
        _ => with_a_month(text)?,
    };
    let day = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(f64::from((day - date(1899, 12, 30)).get_days()))
}

/// `Sep 3, 2025`, `3 September 2025`, `3-Sep-2025`.
fn with_a_month(text: &str) -> Option<(i16, i16, i16)> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let parts: Vec<String> =
        text.split([' ', ',', '-']).filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let month = |name: &str| {
        MONTHS
            .iter()
            .zip(1..)
            .find(|(month, _)| name.len() >= 3 && month.starts_with(name))
            .map(|(_, number)| number)
    };
    let [first, second, year] = parts.as_slice() else { return None };
    let (month, day) = month(first).map(|month| (month, second)).or_else(|| Some((month(second)?, first)))?;
    Some((year.parse().ok().filter(|year| *year >= 1900)?, month, day.parse().ok()?))
}

fn day_part(text: &str) -> Option<f64> {
    let parts: Vec<u32> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    (hours < 24 && minutes < 60 && seconds < 60)
        .then(|| f64::from(hours * 3600 + minutes * 60 + seconds) / 86_400.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typing_is_read_as_a_person_means_it() {
        for (typed, unformatted, formatted) in [
            ("5", json!(5), "5"),
            ("1.50", json!(1.5), "1.5"),
            ("-1,234.5", json!(-1234.5), "-1,234.5"),
            ("5%", json!(0.05), "5%"),
            ("$1.50", json!(1.5), "$1.50"),
            ("1e3", json!(1000), "1e3"),
            ("007", json!(7), "7"),
            ("2025-09-03", json!(45903), "2025-09-03"),
            ("9/3/2025", json!(45903), "9/3/2025"),
            ("2025-09-03 12:00", json!(45903.5), "2025-09-03 12:00"),
            ("6:00:00", json!(0.25), "6:00:00"),
            ("true", json!(true), "TRUE"),
            ("'007", json!("007"), "007"),
            ("1,23", json!("1,23"), "1,23"),
            ("nan", json!("nan"), "nan"),
            ("=", json!("="), "="),
            ("SPXW  250904P06425000", json!("SPXW  250904P06425000"), "SPXW  250904P06425000"),
            ("=A1+B1", json!(UNCOMPUTED), UNCOMPUTED),
        ] {
            let cell = Entered::typed(typed, Locale::UnitedStates).unwrap().unwrap();
            assert_eq!(
                (cell.shown(Render::Unformatted), cell.formatted()),
                (unformatted, formatted.to_owned()),
                "{typed}"
            );
        }
        assert_eq!(Entered::typed("", Locale::UnitedStates).unwrap(), None);
        assert_eq!(
            Entered::typed("=A1", Locale::UnitedStates).unwrap().unwrap().shown(Render::Formula),
            "=A1"
        );
    }

    #[test]
    fn a_date_is_a_number_of_days_however_it_is_typed() {
        let number =
            |typed: &str, locale| Entered::typed(typed, locale).unwrap().unwrap().shown(Render::Formula);
        for typed in [
            "2026-02-11",
            "2026/2/11",
            "2/11/2026",
            " 02/11/26 ",
            "Feb 11, 2026",
            "11 February 2026",
            "11-Feb-2026",
        ] {
            assert_eq!(number(typed, Locale::UnitedStates), json!(46064), "{typed}");
        }
        assert_eq!(number("11/2/2026", Locale::Britain), json!(46064));
        assert_eq!(number("Feb 11, 2026 12:00", Locale::UnitedStates), json!(46064.5));
        for text in ["13/2/2026", "Total 11, 2026", "'2026-02-11", "2026-13-01"] {
            assert!(number(text, Locale::UnitedStates).is_string(), "{text}");
        }
    }

    #[test]
    fn raw_values_stay_what_they_are() {
        let raw = |value: Value| given(&value, (Input::Raw, Locale::UnitedStates), (0, 0));
        assert_eq!(raw(json!("=A1")).unwrap(), Some(Some(Entered::Text("=A1".into()))));
        assert_eq!(raw(json!("007")).unwrap(), Some(Some(Entered::Text("007".into()))));
        assert_eq!(raw(json!("")).unwrap(), Some(None));
        assert_eq!(raw(Value::Null).unwrap(), None);
        assert_eq!(raw(json!(1.25)).unwrap(), Some(Some(Entered::number(1.25))));
        assert!(raw(json!([1])).is_err() && raw(json!({})).is_err());
    }

    #[test]
    fn numbers_show_ten_digits_and_large_ones_an_exponent() {
        for (value, shown) in [
            (0.1 + 0.2, "0.3"),
            (std::f64::consts::PI, "3.141592654"),
            (1_005_240_000_123.0, "1005240000123"),
            (123_456_000_000_000_000.0, "1.23456E+17"),
        ] {
            assert_eq!(plain(value), shown);
        }
    }

    #[test]
    fn a_text_has_an_end() {
        assert!(Entered::text(&"é".repeat(LONGEST)).is_ok());
        assert!(
            Entered::text(&"é".repeat(LONGEST + 1)).is_err()
                && Entered::typed(&"x".repeat(LONGEST + 1), Locale::UnitedStates).is_err()
        );
    }
}
