//! From the rows of `CS_Tracking` and `GW_Signal` to the summary's lines. Pure, and blind to the order in
//! which rows came into their tabs.

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{Effect, Price, Right};
use gamma_sheets::key::{Kind, day};
use gamma_sheets::table::Row;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::Line;
use super::pnl::{Held, signed};
use crate::accounts::ACCOUNTS;
use crate::tracking::SEVERAL_STRIKES;

const SIDES: [(Right, &str); 2] = [(Right::Put, "put"), (Right::Call, "call")];

/// Points between the strikes of the signal's spreads.
const WIDTH: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// The line of every date that `tracking` has.
pub(super) fn lines(tracking: &[Row], signals: &[Row]) -> BTreeMap<Date, Line> {
    let signals = by_date(signals);
    let mut days: BTreeMap<Date, BTreeMap<&'static str, Tracked<'_>>> = BTreeMap::new();
    for row in tracking.iter().filter_map(|row| Tracked::of(row, &signals)) {
        let accounts = days.entry(row.date).or_default();
        let better = accounts.get(row.account).is_none_or(|other| row.rank() >= other.rank());
        if better {
            accounts.insert(row.account, row);
        }
    }
    days.iter().map(|(date, accounts)| (*date, line(*date, accounts, &signals))).collect()
}

type Signals<'a> = BTreeMap<Date, &'a Row>;

fn by_date(signals: &[Row]) -> Signals<'_> {
    signals.iter().filter_map(|row| Some((day(text(row, "date"))?, row))).collect()
}

/// A row of an account that the summary has a block for.
struct Tracked<'a> {
    row: &'a Row,
    date: Date,
    expiry: Option<Date>,
    account: &'static str,
}

impl<'a> Tracked<'a> {
    /// For some weeks the first system wrote no date: then it is the day whose signal had this expiry, when
    /// that is one day only.
    fn of(row: &'a Row, signals: &Signals<'_>) -> Option<Self> {
        let came = text(row, "account");
        let account = ACCOUNTS
            .iter()
            .find(|account| [account.name, account.title].iter().any(|name| Kind::Text.same(came, name)))?
            .name;
        let expiry = day(text(row, "expiry"));
        let said = day(text(row, "date"));
        let date = said.or_else(|| {
            let of_expiry: BTreeSet<Date> = signals
                .iter()
                .filter(|(_, signal)| expiry.is_some() && day(text(signal, "expiry")) == expiry)
                .map(|(date, _)| *date)
                .collect();
            of_expiry.first().copied().filter(|_| of_expiry.len() == 1)
        })?;
        Some(Self { row, date, expiry, account })
    }

    /// Of several rows for one day the one to show: a plan that was replaced before it filled is none.
    fn rank(&self) -> (bool, bool, Option<Date>) {
        let filled = SIDES
            .iter()
            .any(|(_, side)| self.number(&format!("{side}_filled")).is_some_and(|filled| !filled.is_zero()));
        (!text(self.row, "date").is_empty(), filled, self.expiry)
    }

    fn text(&self, column: &str) -> &'a str {
        text(self.row, column)
    }

    fn number(&self, column: &str) -> Option<Decimal> {
        self.text(column).parse().ok()
    }

    fn effect(&self, side: &str) -> Option<Effect> {
        match self.text(&format!("{side}_side")).to_ascii_uppercase().as_str() {
            "CREDIT" => Some(Effect::Credit),
            "DEBIT" => Some(Effect::Debit),
            _ => None,
        }
    }

    fn strikes(&self, side: &str) -> Option<(Decimal, Decimal)> {
        let (low, high) = self.text(&format!("{side}_strikes")).split_once('/')?;
        let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        (low < high).then_some((low, high))
    }

    /// The account's put fills; its call fills where the day had no put side.
    fn quantity(&self) -> String {
        let side = if self.effect("put").is_none() && self.effect("call").is_some() {
            "call_filled"
        } else {
            "put_filled"
        };
        let filled = self.text(side);
        if filled.is_empty() { "0".to_owned() } else { filled.to_owned() }
    }

    /// Points at expiry. Nothing filled is nothing to win; what cannot be worked out exactly is unknown.
    fn pnl(&self, settle: Decimal) -> Option<Decimal> {
        let cost = self.number("cost_per_contract")?;
        let mut total = None;
        for (right, side) in SIDES {
            let filled = self.text(&format!("{side}_filled"));
            let spreads = if filled.is_empty() { Decimal::ZERO } else { filled.parse().ok()? };
            if spreads.is_zero() {
                continue;
            }
            if self.text(&format!("{side}_status")) == SEVERAL_STRIKES {
                return None;
            }
            let (effect, strikes, price) =
                (self.effect(side)?, self.strikes(side)?, self.number(&format!("{side}_fill_price"))?);
            *total.get_or_insert(Decimal::ZERO) +=
                Held { right, effect, strikes, price, spreads }.at_expiry(settle, cost);
        }
        total
    }
}

fn line(date: Date, accounts: &BTreeMap<&'static str, Tracked<'_>>, signals: &Signals<'_>) -> Line {
    let signal = SignalDay { row: signals.get(&date).copied(), accounts };
    let expiry = signal
        .row
        .and_then(|row| day(text(row, "expiry")))
        .or_else(|| accounts.values().find_map(|row| row.expiry));
    let settle = |expiry: Option<Date>| -> Option<Decimal> {
        let spx: Decimal = text(signals.get(&expiry?)?, "spx").parse().ok()?;
        (spx > Decimal::ZERO).then_some(spx)
    };
    let mut line = vec![date.to_string(), "1".to_owned(), signal.price("put"), signal.price("call")];
    let settlement = settle(expiry);
    let mut pnl = vec![
        settlement.map(|spx| spx.normalize().to_string()).unwrap_or_default(),
        points(settlement.and_then(|spx| signal.pnl(spx))),
    ];
    for account in &ACCOUNTS {
        match accounts.get(account.name) {
            None => line.extend(["0".to_owned(), String::new(), String::new()]),
            Some(row) => {
                line.push(row.quantity());
                line.extend(
                    SIDES.map(|(_, side)| signed(row.text(&format!("{side}_fill_price")), row.effect(side))),
                );
            }
        }
        let won = accounts.get(account.name).and_then(|row| row.pnl(settle(row.expiry)?));
        pnl.push(points(won));
    }
    line.extend(pnl);
    line
}

/// One spread a side at the signal's own prices, without costs.
struct SignalDay<'a> {
    row: Option<&'a Row>,
    accounts: &'a BTreeMap<&'static str, Tracked<'a>>,
}

impl SignalDay<'_> {
    fn text(&self, column: &str) -> &str {
        self.row.map_or("", |row| text(row, column))
    }

    /// By the signal's own sign; where its row does not say, as the accounts traded it.
    fn effect(&self, side: &str) -> Option<Effect> {
        let go = self.text(if side == "put" { "left_go" } else { "right_go" }).parse::<Decimal>().ok();
        match go {
            Some(go) if go.is_zero() => None,
            Some(go) => Some(if go.is_sign_negative() { Effect::Credit } else { Effect::Debit }),
            None => self.accounts_say(|row| row.effect(side)),
        }
    }

    fn accounts_say<T>(&self, of: impl Fn(&Tracked<'_>) -> Option<T>) -> Option<T> {
        ACCOUNTS.iter().find_map(|account| of(self.accounts.get(account.name)?))
    }

    /// The strikes that were published, whole points by truncation as they are traded.
    fn strikes(&self, right: Right) -> Option<(Decimal, Decimal)> {
        let inner = |column| self.text(column).parse::<Decimal>().ok().map(|strike| strike.trunc());
        match right {
            Right::Put => inner("put_strike").map(|high| (high - WIDTH, high)),
            Right::Call => inner("call_strike").map(|low| (low, low + WIDTH)),
        }
    }

    fn price(&self, side: &str) -> String {
        signed(self.text(&format!("{side}_price")), self.effect(side))
    }

    fn pnl(&self, settle: Decimal) -> Option<Decimal> {
        let mut total = None;
        for (right, side) in SIDES {
            let Some(effect) = self.effect(side) else { continue };
            let strikes = self.strikes(right).or_else(|| self.accounts_say(|row| row.strikes(side)))?;
            let price = self.text(&format!("{side}_price")).parse().ok()?;
            *total.get_or_insert(Decimal::ZERO) +=
                Held { right, effect, strikes, price, spreads: Decimal::ONE }
                    .at_expiry(settle, Decimal::ZERO);
        }
        total
    }
}

fn points(won: Option<Decimal>) -> String {
    won.map(|won| Price::new(won.round_dp(4)).to_string()).unwrap_or_default()
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}
