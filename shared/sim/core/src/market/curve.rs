//! The quotes of one expiry and right along the strikes.

use gamma_market::{LegQuote, Price, PriceRule, Right, Strike};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::thousandths;
use super::walk::Walk;
use crate::chain::ListedOption;
use crate::random::{Stream, between, stream_at};

/// The most a side's noise moves it, in thousandths of a point, before it is put on tick.
const NOISE: i64 = 20;

/// The initial bids and asks of a series, in thousandths of a point.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    index: u16,
    expiry: Date,
    right: Right,
    points: Vec<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    listed: Strike,
    strike: i64,
    sides: Sides,
}

/// A bid and perhaps an ask, in thousandths of a point.
#[derive(Debug, Clone, Copy)]
struct Sides {
    bid: i64,
    ask: Option<i64>,
}

impl Curve {
    pub(super) fn new(index: u16, expiry: Date, right: Right, options: &[ListedOption]) -> Self {
        let point = |option: &ListedOption| Point {
            listed: option.strike,
            strike: option.strike.as_thousandths().into(),
            sides: Sides { bid: in_thousandths(option.bid), ask: option.ask.map(in_thousandths) },
        };
        Self { index, expiry, right, points: options.iter().map(point).collect() }
    }

    pub(super) fn is_of(&self, expiry: Date, right: Right) -> bool {
        self.expiry == expiry && self.right == right
    }

    /// Where the walk has brought the series. Before its first step these are the file's own quotes,
    /// untouched: real markets are off tick and offer free spreads in strikes nobody trades, and a simulated
    /// one starts as real as it can.
    pub(super) fn quotes(&self, seed: u64, walk: &Walk) -> Vec<(Strike, LegQuote)> {
        let mut sides: Vec<_> = self.points.iter().map(|point| point.sides).collect();
        if walk.steps() > 0 {
            let mut random = stream_at(seed, Stream::Spreads(self.index), walk.steps());
            for (point, sides) in self.points.iter().zip(&mut sides) {
                *sides = self
                    .read(point.strike - walk.shift())
                    .breathe(between(&mut random, -NOISE, NOISE))
                    .on_tick();
            }
            self.close_free_spreads(&mut sides);
        }
        let quote = |sides: Sides| LegQuote {
            bid: Some(thousandths(sides.bid)),
            ask: sides.ask.map(thousandths),
            at: Some(walk.now()),
            ..LegQuote::default()
        };
        self.points.iter().zip(sides).map(|(point, sides)| (point.listed, quote(sides))).collect()
    }

    /// The initial curves at a strike between (or beyond) the listed ones: straight lines, and beyond the
    /// ends the slope of the intrinsic value.
    fn read(&self, strike: i64) -> Sides {
        let above = self.points.partition_point(|point| point.strike < strike);
        match (above.checked_sub(1).and_then(|below| self.points.get(below)), self.points.get(above)) {
            (_, Some(point)) if point.strike == strike => point.sides,
            (Some(low), Some(high)) => low.between(high, strike),
            (None, Some(first)) if self.right == Right::Call => first.sides.raised(first.strike - strike),
            (Some(last), None) if self.right == Right::Put => last.sides.raised(strike - last.strike),
            (Some(end), None) | (None, Some(end)) => end.sides,
            (None, None) => Sides { bid: 0, ask: None },
        }
    }

    /// Neighbouring strikes' spreads are worth from nothing to their width, mid to mid. A mid that is too low
    /// is raised by its ask, one that is too high is lowered by its bid, going from the worthless end
    /// upwards.
    fn close_free_spreads(&self, sides: &mut [Sides]) {
        let mut cheaper: Option<(i64, i64)> = None;
        let mut settle = |strike: i64, sides: &mut Sides| {
            let Some(ask) = sides.ask else { return };
            let doubled = cheaper.map_or(sides.bid + ask, |(neighbour, least)| {
                let most = least + 2 * (strike - neighbour).abs();
                sides.held_within(ask, least, most)
            });
            cheaper = Some((strike, doubled));
        };
        match self.right {
            Right::Put => {
                self.points.iter().zip(sides).for_each(|(point, sides)| settle(point.strike, sides))
            }
            Right::Call => {
                self.points.iter().zip(sides).rev().for_each(|(point, sides)| settle(point.strike, sides))
            }
        }
    }
}

impl Point {
    fn between(&self, high: &Self, strike: i64) -> Sides {
        let (run, width) = (strike - self.strike, high.strike - self.strike);
        let line = |low: i64, high: i64| low + ((high - low) * run).div_euclid(width);
        let asks = self.sides.ask.zip(high.sides.ask);
        Sides { bid: line(self.sides.bid, high.sides.bid), ask: asks.map(|(low, high)| line(low, high)) }
    }
}

impl Sides {
    fn raised(self, by: i64) -> Self {
        Self { bid: self.bid + by, ask: self.ask.map(|ask| ask + by) }
    }

    /// Narrower by `noise` on each side, wider when it is negative; never crossed.
    fn breathe(self, noise: i64) -> Self {
        let room = self.ask.map_or(0, |ask| (ask - self.bid) / 2);
        let noise = noise.min(room);
        Self { bid: (self.bid + noise).max(0), ask: self.ask.map(|ask| ask - noise) }
    }

    fn on_tick(self) -> Self {
        Self { bid: tick_floor(self.bid), ask: self.ask.map(tick_ceil) }
    }

    /// Moves the doubled mid (bid plus ask) into `least..=most`, which is wider than any tick, and gives it.
    fn held_within(&mut self, ask: i64, least: i64, most: i64) -> i64 {
        let mut ask = ask;
        if self.bid + ask < least {
            ask = tick_ceil(least - self.bid);
        } else if self.bid + ask > most {
            self.bid = tick_floor((most - ask).max(0));
            ask = if self.bid + ask > most { tick_floor(most) } else { ask };
        }
        self.ask = Some(ask);
        self.bid + ask
    }
}

fn tick_floor(value: i64) -> i64 {
    in_thousandths(PriceRule::Spx.leg_tick(thousandths(value)).floor(thousandths(value)))
}

fn tick_ceil(value: i64) -> i64 {
    in_thousandths(PriceRule::Spx.leg_tick(thousandths(value)).ceil(thousandths(value)))
}

/// Chain prices are below 100000 with three decimals at most, so this is exact and in range.
pub(super) fn in_thousandths(price: Price) -> i64 {
    (price.points() * Decimal::ONE_THOUSAND).to_i64().unwrap_or(0)
}
