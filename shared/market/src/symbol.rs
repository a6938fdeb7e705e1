//! Option symbols: the 21-character OSI form of the clearing house, the key we compare by, the streamer form.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// Put or call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The right to sell.
    Put,
    /// The right to buy.
    Call,
}

impl Right {
    /// `P` or `C`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Put => 'P',
            Self::Call => 'C',
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "put",
            Self::Call => "call",
        })
    }
}

/// A strike in thousandths of a point, as OSI writes it: 6900 is `6_900_000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strike(u32);

impl Strike {
    const LARGEST: u32 = 99_999_999;

    /// A strike of whole points; `None` above 99999.
    #[must_use]
    pub fn whole(points: u32) -> Option<Self> {
        points.checked_mul(1000).and_then(Self::thousandths)
    }

    /// A strike of thousandths; `None` at zero or beyond eight digits.
    #[must_use]
    pub fn thousandths(value: u32) -> Option<Self> {
        (value > 0 && value <= Self::LARGEST).then_some(Self(value))
    }

    /// The strike in points.
    #[must_use]
    pub fn points(self) -> Decimal {
        Decimal::new(i64::from(self.0), 3).normalize()
    }

    /// The strike in thousandths of a point.
    #[must_use]
    pub const fn as_thousandths(self) -> u32 {
        self.0
    }

    /// The strike `points` above (or below, when negative); `None` outside the range of strikes.
    #[must_use]
    pub fn offset(self, points: i32) -> Option<Self> {
        let moved = i64::from(self.0) + i64::from(points) * 1000;
        u32::try_from(moved).ok().and_then(Self::thousandths)
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.points().to_string())
    }
}

/// One listed option: root, expiry, right, strike.
///
/// ```
/// use gamma_market::OptionSymbol;
/// let symbol: OptionSymbol = ".SPXW260212P6900".parse()?;
/// assert_eq!(symbol.to_string(), "SPXW  260212P06900000");
/// assert_eq!(symbol.streamer(), ".SPXW260212P6900");
/// # Ok::<(), gamma_market::SymbolError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionSymbol {
    root: Root,
    expiry: Date,
    right: Right,
    strike: Strike,
}

/// One to six of `A-Z . $ ^`, padded with spaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Root([u8; 6]);

impl Root {
    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // A leading dot marks the streamer form, so no root may begin with one.
        let fits = (1..=6).contains(&bytes.len()) && bytes[0] != b'.';
        let plain = bytes.iter().all(|b| matches!(b, b'A'..=b'Z' | b'.' | b'$' | b'^'));
        (fits && plain).then(|| {
            let mut padded = [b' '; 6];
            padded[..bytes.len()].copy_from_slice(bytes);
            Self(padded)
        })
    }

    /// In the fixed-width OSI form a root may end in a digit (`AAPL1`, after a corporate action): its place
    /// is known.
    fn parse_adjusted(text: &str) -> Option<Self> {
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = text.len() - letters.len();
        let padded = Self::parse(letters).filter(|_| text.len() <= 6)?;
        let mut bytes = padded.0;
        bytes[letters.len()..letters.len() + digits].copy_from_slice(&text.as_bytes()[letters.len()..]);
        Some(Self(bytes))
    }

    fn as_str(&self) -> &str {
        // Only ASCII gets in, so this never falls back.
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }
}

/// Why a text is not an option symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option symbol: got {text:?}, {part} {expected}")]
pub struct SymbolError {
    text: String,
    part: &'static str,
    expected: &'static str,
}

impl OptionSymbol {
    /// A symbol from its parts; `None` when the root is not one to six of `A-Z . $ ^` or the year is outside
    /// 2000–2099.
    #[must_use]
    pub fn new(root: &str, expiry: Date, right: Right, strike: Strike) -> Option<Self> {
        if !(2000..=2099).contains(&expiry.year()) {
            return None;
        }
        Root::parse(root).map(|root| Self { root, expiry, right, strike })
    }

    /// The root, `SPXW`.
    #[must_use]
    pub fn root(&self) -> &str {
        self.root.as_str()
    }

    /// The last day it trades.
    #[must_use]
    pub const fn expiry(&self) -> Date {
        self.expiry
    }

    /// Put or call.
    #[must_use]
    pub const fn right(&self) -> Right {
        self.right
    }

    /// The strike.
    #[must_use]
    pub const fn strike(&self) -> Strike {
        self.strike
    }

    /// Same contract parts, another strike.
    #[must_use]
    pub const fn with_strike(self, strike: Strike) -> Self {
        Self { strike, ..self }
    }

    /// Expiry, right and strike without the root (`260212P06900000`): what SPX and SPXW quotes of one expiry
    /// share.
    #[must_use]
    pub fn canonical_key(&self) -> String {
        format!("{}{}{:08}", yymmdd(self.expiry), self.right.letter(), self.strike.0)
    }

    /// The form of DXLink's streamer: `.SPXW260212P6900`, decimals only where the strike has some.
    #[must_use]
    pub fn streamer(&self) -> String {
        format!(".{}{}{}{}", self.root(), yymmdd(self.expiry), self.right.letter(), self.strike.points())
    }
}

fn yymmdd(date: Date) -> String {
    format!("{:02}{:02}{:02}", date.year() % 100, date.month(), date.day())
}

/// The 21-character OSI form, `SPXW  260212P06900000`.
impl fmt::Display for OptionSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:<6}{}", self.root(), self.canonical_key()))
    }
}

impl fmt::Debug for OptionSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OptionSymbol({self})")
    }
}

/// Reads the padded OSI form (spaces only between root and date), the compact form without padding, and the
/// streamer form with its leading dot. Underscores are ignored and letters may be small.
impl FromStr for OptionSymbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let fail = |part, expected| SymbolError { text: text.chars().take(60).collect(), part, expected };
        if !text.is_ascii() || text.len() > 60 {
            return Err(fail("text", "must be plain ASCII of 60 characters at most"));
        }
        let upper = text.trim().to_ascii_uppercase().replace('_', "");
        let body = upper.strip_prefix('.').unwrap_or(&upper);
        let fixed_width = body.len() == 21 && body.as_bytes()[6..12].iter().all(u8::is_ascii_digit);
        let date_at = if fixed_width { Some(6) } else { body.find(|c: char| c.is_ascii_digit()) };
        let (head, tail) =
            body.split_at(date_at.ok_or_else(|| fail("expiry", "is missing, expected YYMMDD"))?);
        let name = head.trim_end_matches(' ');
        if head.contains(' ') && head.len() != 6 {
            return Err(fail("root", "may be padded with spaces to six characters only"));
        }
        let root = if fixed_width { Root::parse_adjusted(name) } else { Root::parse(name) };
        let root = root.ok_or_else(|| fail("root", "must be 1 to 6 of A-Z . $ ^"))?;
        let date = tail.get(..6).ok_or_else(|| fail("expiry", "must be YYMMDD"))?;
        let expiry = parse_yymmdd(date).ok_or_else(|| fail("expiry", "must be a date YYMMDD"))?;
        let right = match tail.as_bytes().get(6) {
            Some(b'P') => Right::Put,
            Some(b'C') => Right::Call,
            _ => return Err(fail("right", "must be P or C after the expiry")),
        };
        let strike = parse_strike(&tail[7..]).ok_or_else(|| {
            fail("strike", "must be 8 digits, or up to 5 digits with up to 3 decimals, and above zero")
        })?;
        Ok(Self { root, expiry, right, strike })
    }
}

fn parse_yymmdd(text: &str) -> Option<Date> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) =
        (text[..2].parse::<i16>().ok()?, text[2..4].parse().ok()?, text[4..].parse().ok()?);
    Date::new(2000 + year, month, day).ok()
}

fn parse_strike(text: &str) -> Option<Strike> {
    let digits = |part: &str, longest: usize| {
        !part.is_empty() && part.len() <= longest && part.bytes().all(|b| b.is_ascii_digit())
    };
    if text.len() == 8 && digits(text, 8) {
        return Strike::thousandths(text.parse().ok()?);
    }
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    if !digits(whole, 5) || fraction.is_some_and(|part| !digits(part, 3)) {
        return None;
    }
    let points = Decimal::from_str(text).ok()?;
    Strike::thousandths((points * Decimal::ONE_THOUSAND).to_u32()?)
}

impl Serialize for OptionSymbol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OptionSymbol {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn reference_vectors_6_and_7_every_form_prints_as_osi() {
        for (text, osi) in [
            (".SPXW260212P6900", "SPXW  260212P06900000"),
            ("SPXW_260212C6995.5", "SPXW  260212C06995500"),
            (".SPXW260212P6900.25", "SPXW  260212P06900250"),
            ("SPXW  260212P06900000", "SPXW  260212P06900000"),
            ("spxw260212p6900", "SPXW  260212P06900000"),
            ("$SPX  260212C00005000", "$SPX  260212C00005000"),
            ("AAPL1 260212C00150000", "AAPL1 260212C00150000"),
            ("ABCDE7260212C00150000", "ABCDE7260212C00150000"),
        ] {
            assert_eq!(text.parse::<OptionSymbol>().unwrap().to_string(), osi, "{text}");
        }
    }

    #[test]
    fn reference_vector_8_refuses_and_names_the_part() {
        for (text, part) in [
            ("SPXW 260212 P6900", "root"),
            ("SPXW  260212 P6900", "right"),
            ("XYZ", "expiry"),
            ("AB1C  260212C00150000", "root"),
            ("1     260212C00150000", "root"),
            ("SPXWXYZ260212P6900", "root"),
            ("SPXW261312P6900", "expiry"),
            ("SPXW260212X6900", "right"),
            ("SPXW260212P690000", "strike"),
            ("SPXW260212P0", "strike"),
            ("SPXW260212P69.0000", "strike"),
            ("SPXW26", "expiry"),
            ("SPXW260212", "right"),
            ("SPXWé260212P6900", "text"),
        ] {
            let error = text.parse::<OptionSymbol>().unwrap_err();
            assert_eq!(error.part, part, "{error}");
        }
    }

    #[test]
    fn the_canonical_key_ignores_the_root() {
        let weekly: OptionSymbol = "SPXW260212P6900".parse().unwrap();
        let monthly: OptionSymbol = "SPX260212P6900".parse().unwrap();
        assert_ne!(weekly, monthly);
        assert_eq!(weekly.canonical_key(), monthly.canonical_key());
        assert_eq!(weekly.canonical_key(), "260212P06900000");
    }

    prop_compose! {
        fn any_symbol()(root in "[A-Z$^][A-Z.$^]{0,5}", day in 0..36_500_i32, call in any::<bool>(), strike in 1..=99_999_999_u32) -> OptionSymbol {
            let expiry = date(2000, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            let right = if call { Right::Call } else { Right::Put };
            OptionSymbol::new(&root, expiry, right, Strike::thousandths(strike).unwrap()).unwrap()
        }
    }

    proptest! {
        #[test]
        fn osi_and_streamer_forms_read_back(symbol in any_symbol()) {
            prop_assert_eq!(symbol.to_string().len(), 21);
            prop_assert_eq!(symbol.to_string().parse::<OptionSymbol>().unwrap(), symbol);
            prop_assert_eq!(symbol.streamer().parse::<OptionSymbol>().unwrap(), symbol);
            let json = serde_json::to_string(&symbol).unwrap();
            prop_assert_eq!(serde_json::from_str::<OptionSymbol>(&json).unwrap(), symbol);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<OptionSymbol>();
        }
    }
}
