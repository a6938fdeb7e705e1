//! The walk of an underlying: one step a second while its market is open, at random or along a script.

use gamma_market::calendar::{equity_close, equity_open, trade_date};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::path::{Path, Script};
use crate::random::{Stream, stream};

/// The standard deviation of the index' step of one second, in thousandths of a point: about 60 points over a
/// session.
const STEP: i64 = 400;

/// Index options trade a quarter of an hour longer than the stock market.
const AFTER_STOCKS_S: i64 = 15 * 60;

/// When an underlying moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hours {
    /// As long as index options trade.
    IndexOptions,
    /// As long as shares trade.
    Shares,
}

/// What a step is.
#[derive(Debug, Clone)]
enum Motion {
    Random(Box<ChaCha8Rng>),
    Scripted(Script),
}

#[derive(Debug, Clone)]
pub(super) struct Walk {
    motion: Motion,
    /// The standard deviation of a random step, in thousandths of a point.
    step: i64,
    hours: Hours,
    second: i64,
    /// Steps taken: seconds the market was open since the start.
    steps: u64,
    shift: i64,
}

impl Walk {
    /// A walk like the index': its hours, its step. Random steps are drawn from the stream `which` of `seed`.
    pub(super) fn new(path: &Path, seed: u64, which: Stream, start: Timestamp) -> Self {
        let second = floor_second(start);
        let motion = match path {
            Path::Seeded => Motion::Random(Box::new(stream(seed, which))),
            Path::Scripted(points) => Motion::Scripted(Script::new(points, second)),
        };
        Self { motion, step: STEP, hours: Hours::IndexOptions, second, steps: 0, shift: 0 }
    }

    pub(super) const fn with_step(mut self, step: i64) -> Self {
        self.step = step;
        self
    }

    pub(super) const fn during(mut self, hours: Hours) -> Self {
        self.hours = hours;
        self
    }

    pub(super) fn now(&self) -> Timestamp {
        timestamp(self.second)
    }

    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    /// In thousandths of a point.
    pub(super) const fn shift(&self) -> i64 {
        self.shift
    }

    pub(super) fn advance_to(&mut self, now: Timestamp) {
        let target = floor_second(now);
        while self.second < target {
            let date = trade_date(self.now());
            let (open, close) = self
                .hours
                .of(date)
                .map_or((i64::MAX, i64::MIN), |(open, close)| (open.as_second(), close.as_second()));
            let quiet_until = if self.second >= close { next_day(date) } else { open };
            if self.second < quiet_until {
                self.second = quiet_until.min(target);
            } else {
                for _ in self.second..close.min(target) {
                    self.step();
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) const fn set_shift(&mut self, shift: i64) {
        self.shift = shift;
    }

    fn step(&mut self) {
        self.second += 1;
        self.steps += 1;
        match &mut self.motion {
            Motion::Random(random) => self.shift += self.step * normal(random) / 65_536,
            Motion::Scripted(script) => self.shift = script.shift_at(self.second),
        }
    }
}

impl Hours {
    fn of(self, date: Date) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::IndexOptions => session_of(date),
            Self::Shares => equity_open(date).zip(equity_close(date)),
        }
    }
}

/// A normal deviate times 65536: the sum of twelve uniform ones. Whole numbers, so that every machine walks
/// the same way.
fn normal(random: &mut ChaCha8Rng) -> i64 {
    let words = [random.next_u64(), random.next_u64(), random.next_u64()];
    let uniform = |word: u64| [0, 16, 32, 48].map(|at| i64::from((word >> at) as u16)).iter().sum::<i64>();
    words.map(uniform).iter().sum::<i64>() - 6 * 65_535
}

/// When index options trade on `date`: 09:30 to 16:15 Eastern, 13:15 on an early close. `None` when there is
/// no session.
pub fn session_of(date: Date) -> Option<(Timestamp, Timestamp)> {
    let close = timestamp(equity_close(date)?.as_second() + AFTER_STOCKS_S);
    Some((equity_open(date)?, close))
}

/// The second at which the day after `date` begins, in New York.
fn next_day(date: Date) -> i64 {
    let tomorrow = date.saturating_add(1.day());
    gamma_market::calendar::at_eastern(tomorrow, jiff::civil::Time::midnight()).as_second()
}

fn floor_second(at: Timestamp) -> i64 {
    // `as_second` truncates towards 1970; every time here is after it.
    at.as_second()
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}
