//! What a broker that lies adds to a day that is drawn already. It draws from a stream of its own, so that
//! the kind day stays what it was.

use gamma_execution::ports::OrderStatus;
use gamma_market::{OptionSymbol, Price, Right, SignalRow, Vertical};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::draw::{broker_reads, draw_signal, feed, orders_and_cancels};
use super::{CLOSES, Happening, Mode, SCHEDULED, Scenario, Signal, UNKIND, trade_date};
use crate::chance::Chance;
use crate::exchange::{Edit, Ms, Standing};
use crate::fault::{Fault, Step, step, unkind_pairs};
use crate::lies::{LegLie, Lies, Wrong};

/// Half past four on the evening before.
const EVENING_BEFORE: Ms = SCHEDULED - 85_380_000;
/// This morning.
const MORNING: Ms = SCHEDULED - 20_000_000;

const fn quotes_alone(step: Step) -> bool {
    matches!(step.0.as_bytes(), b"quotes")
}

impl Scenario {
    /// What `seed` makes happen: [`Scenario::unkind`] or [`Scenario::kind`], as [`UNKIND`] says.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        if UNKIND { Self::unkind(seed) } else { Self::kind(seed) }
    }

    /// What `seed` makes happen where the broker lies: its kind day, and more.
    #[must_use]
    pub fn unkind(seed: u64) -> Self {
        let mut day = Self::kind(seed);
        let chance = &mut Chance::of(seed, 3);
        day.lies =
            Lies { unkind: true, dated: chance.per_mille(500), names: chance.index(6), ..Lies::default() };
        day.faults.unkind = true;
        if day.mode == Mode::Trades {
            day.one_lie(chance)
        } else {
            day.many_lies(chance)
        }
        day
    }

    /// One thing that a day which must trade has to bear, most often in place of its kind fault.
    fn one_lie(&mut self, chance: &mut Chance) {
        self.lies.must_trade = true;
        let what = chance.below(12);
        if what > 0 {
            (self.faults.outage, self.faults.at_call) = (None, None);
        }
        let at = SCHEDULED
            + if chance.per_mille(500) { chance.between(29_000, 34_000) } else { chance.between(0, 90_000) };
        let outage = |of: fn(Step) -> bool, fault| ((of, at, at + 2000), fault);
        match what {
            1 => {
                let lie = self.leg_lie(chance, at, 3_000);
                self.lies.legs.push(lie);
            }
            2 => self.faults.answered.push(outage(broker_reads, Fault::Unauthorized)),
            3 => {
                let fault = *chance.pick(&[Fault::Page, Fault::NotFound, Fault::Empty]);
                self.faults
                    .answered
                    .push(outage(if fault == Fault::Empty { quotes_alone } else { broker_reads }, fault));
            }
            4 => self.faults.answered.push(outage(
                orders_and_cancels,
                *chance.pick(&[Fault::Page, Fault::Page, Fault::Unauthorized]),
            )),
            5 => {
                let from = SCHEDULED + 30_000;
                self.faults
                    .answered
                    .push(((feed, from, from + 2000), *chance.pick(&[Fault::Page, Fault::Unauthorized])));
            }
            6 => {
                self.markets.values_mut().for_each(|market| market.fills_at = Some(0));
                self.elsewhere(chance);
                self.faults.aimed.push((
                    step("place"),
                    Fault::NamesAnother,
                    u32::try_from(chance.below(2)).unwrap_or(0),
                ));
            }
            7 | 8 => {
                self.moved(chance);
                if what == 8 {
                    self.late_lists(chance);
                }
            }
            9 => {
                self.late_lists(chance);
                self.lies.positions = chance.between(2_000, 200_000);
                self.lies.counts = vec![chance.between(200, 900)];
            }
            10 => {
                self.elsewhere(chance);
                let edit = Edit { ours: false, ..self.edit(chance) };
                self.happenings.push((at, Happening::Edits(0, edit)));
            }
            11 => self.lies.no_trade_until = Some(SCHEDULED + chance.between(33_000, 45_000)),
            _ => {}
        }
    }

    /// The signal moves before anything filled, and what it asks for then is there to be had.
    fn moved(&mut self, chance: &mut Chance) {
        let other = if chance.per_mille(500) {
            Signal { shift: 10, ..draw_signal(chance) }
        } else {
            self.turned_round(chance)
        };
        let at = SCHEDULED + chance.between(32_000, 88_000);
        let first: Vec<Vertical> =
            self.plans.values().flatten().flatten().map(|(vertical, _)| *vertical).collect();
        self.add_plans(other);
        self.feed.push((at, other.row(trade_date())));
        self.markets.values_mut().for_each(|market| market.fills_at = Some(0));
        self.lies.withdrawn = first.iter().map(|vertical| (*vertical, at)).collect();
        self.lies.never_fill = first;
        let of_side = |account: &usize, side| {
            self.plans[account].last().into_iter().flatten().find(|(vertical, _)| vertical.right() == side)
        };
        let wanted =
            self.plans.keys().flat_map(|account| [Right::Put, Right::Call].map(|side| (*account, side)));
        let filled = wanted.map(|(account, side)| {
            ((account, side == Right::Call), of_side(&account, side).map_or(0, |(_, quantity)| *quantity))
        });
        self.must_fill = Some(filled.collect());
    }

    /// The same strikes, bought where they were sold: its packages have the legs of the first plan's.
    fn turned_round(&self, chance: &mut Chance) -> Signal {
        let go = |side: fn(&SignalRow) -> Option<Decimal>| {
            self.feed.last().and_then(|(_, row)| side(row)).and_then(|go| go.to_i64()).unwrap_or_default()
        };
        Signal {
            left: -go(|row| row.left_go),
            right: -go(|row| row.right_go),
            shift: 0,
            low: chance.per_mille(600),
        }
    }

    /// Any of what a broker can do.
    fn many_lies(&mut self, chance: &mut Chance) {
        if chance.per_mille(400) {
            let all: Vec<(Step, Fault)> = unkind_pairs().collect();
            let (at, fault) = all[usize::try_from(self.seed / 10 % all.len() as u64).unwrap_or(0)];
            self.faults.aimed.insert(0, (at, fault, u32::try_from(*chance.pick(&[0, 0, 1, 2])).unwrap_or(0)));
            if at.0 == "orders in haste" {
                self.faults.aimed.push((step("place"), Fault::LostAfter, 0));
            }
        }
        if chance.per_mille(200) {
            let from = SCHEDULED + chance.between(0, 118_000);
            let of = *chance.pick(&[
                broker_reads as fn(Step) -> bool,
                broker_reads,
                orders_and_cancels,
                feed,
                quotes_alone,
            ]);
            let fault = *chance.pick(&[Fault::Unauthorized, Fault::Page, Fault::NotFound, Fault::Empty]);
            self.faults.answered.push(((of, from, from + chance.between(1_000, 8_000)), fault));
        }
        if chance.per_mille(300) {
            for _ in 0..chance.between(1, 3) {
                let (from, whole) = (SCHEDULED + chance.between(25_000, 118_000), chance.per_mille(100));
                let lie = self.leg_lie(
                    chance,
                    if whole { MORNING } else { from },
                    if whole { 40_000_000 } else { 8_000 },
                );
                self.lies.legs.push(lie);
            }
        }
        if chance.per_mille(250) {
            self.late_lists(chance);
        }
        if chance.per_mille(150) {
            self.lies.counts = vec![chance.between(200, 900), *chance.pick(&[300, 2_500, 8_000])];
            for market in self.markets.values_mut() {
                (market.after, market.every) = (chance.between(1_000, 22_000), chance.between(100, 900));
            }
        }
        if chance.per_mille(250) {
            self.lies.positions = *chance.pick(&[2_000, 20_000, 200_000]);
        }
        if chance.per_mille(30) {
            self.lies.no_trade_until = Some(SCHEDULED + chance.between(32_000, 60_000));
        }
        self.persons(chance);
        if chance.per_mille(80) {
            // It dies with its order out, comes again, and finds the lists late.
            self.faults
                .aimed
                .insert(0, (step("place"), Fault::DiesAfter, u32::try_from(chance.below(2)).unwrap_or(0)));
            self.redelivered = 1000;
            self.lies.appears = vec![chance.between(3_000, 45_000)];
        } else if chance.per_mille(60) {
            let fault = *chance.pick(&[Fault::NamesAnother, Fault::NamesInstead]);
            self.faults.aimed.insert(0, (step("place"), fault, u32::try_from(chance.below(4)).unwrap_or(0)));
        }
        if chance.per_mille(40) {
            // Nobody hears of its order, and when the first sweep looks neither list nor positions show it.
            self.faults
                .aimed
                .insert(0, (step("place"), Fault::LostAfter, u32::try_from(chance.below(2)).unwrap_or(0)));
            self.lies.appears = vec![chance.between(150_000, 200_000)];
            self.lies.positions = 200_000;
        }
    }

    /// What people do at the broker.
    fn persons(&mut self, chance: &mut Chance) {
        let account = chance.index(self.accounts.len());
        if chance.per_mille(150) {
            self.elsewhere(chance);
        }
        if chance.per_mille(100) {
            let (vertical, quantity) = *chance.pick(&self.plans[&account][0]);
            let vertical = if chance.per_mille(500) {
                vertical
            } else {
                Vertical::new(vertical.buy(), vertical.sell()).expect("the opposite of a vertical")
            };
            let fills = chance.per_mille(300).then(|| SCHEDULED + chance.between(-800, 200_000));
            let standing = Standing {
                vertical,
                quantity: quantity.max(1),
                price: Price::cents(260),
                entered: EVENING_BEFORE,
                fills,
                stays: true,
            };
            self.happenings.push((SCHEDULED - 950, Happening::Stands(account, standing)));
        }
        if chance.per_mille(100) {
            let at = SCHEDULED + chance.between(31_500, 112_000);
            let edit = self.edit(chance);
            if let Some(market) =
                self.markets.get_mut(&(account, edit.side)).filter(|_| chance.per_mille(500))
            {
                market.fills_at = *chance.pick(&[None, Some(10)]);
            }
            self.happenings.push((at, Happening::Edits(account, edit)));
        }
    }

    /// Orders of the user's that touch nothing of ours: one that filled this morning, one that works since
    /// the evening before.
    fn elsewhere(&mut self, chance: &mut Chance) {
        for account in 0..self.accounts.len() {
            let quantity = self.plans[&account][0].first().map_or(1, |(_, quantity)| (*quantity).max(1));
            let done = Standing {
                vertical: far(6300),
                quantity,
                price: Price::cents(40),
                entered: MORNING,
                fills: Some(MORNING + 60_000),
                stays: false,
            };
            let fills = chance.per_mille(500).then(|| SCHEDULED + chance.between(10_000, 110_000));
            let waits = Standing { vertical: far(6200), entered: EVENING_BEFORE, fills, stays: true, ..done };
            let both = [done, waits].map(|standing| (SCHEDULED - 950, Happening::Stands(account, standing)));
            self.happenings.splice(0..0, both);
        }
    }

    fn edit(&self, chance: &mut Chance) -> Edit {
        Edit {
            side: *chance.pick(&[Right::Put, Right::Call]),
            ours: true,
            more: *chance.pick(&[0, 0, 0, 1, -1]),
            cents: *chance.pick(&[-20, -5, 5, 20]),
            reads: chance.pick(&[OrderStatus::Replaced, OrderStatus::Canceled]).clone(),
            linked: chance.per_mille(700),
        }
    }

    fn late_lists(&mut self, chance: &mut Chance) {
        let delay = |chance: &mut Chance| match chance.below(5) {
            0 | 1 => 0,
            2 => chance.between(500, 4_000),
            3 => chance.between(4_000, 45_000),
            _ => chance.between(45_000, 200_000),
        };
        self.lies.appears = (0..4).map(|_| delay(chance)).collect();
        self.lies.lags = (0..3).map(|_| delay(chance)).collect();
    }

    /// One leg of the first plan, from then on, for a while.
    fn leg_lie(&self, chance: &mut Chance, from: Ms, longest: Ms) -> LegLie {
        let legs: Vec<OptionSymbol> = self.plans[&0]
            .iter()
            .flatten()
            .flat_map(|(vertical, _)| vertical.legs())
            .map(|leg| leg.symbol)
            .collect();
        let to =
            if longest > CLOSES - SCHEDULED { from + longest } else { from + chance.between(500, longest) };
        LegLie { symbol: *chance.pick(&legs), from, to, wrong: *chance.pick(&Wrong::ALL) }
    }
}

/// A put spread far below everything of ours.
fn far(strike: i32) -> Vertical {
    let symbol =
        |strike: i32| format!("SPXW  250904P{:08}", strike * 1000).parse::<OptionSymbol>().expect("a symbol");
    Vertical::new(symbol(strike), symbol(strike - 5)).expect("a vertical")
}
