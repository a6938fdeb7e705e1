//! How an underlying moves: at random by the seed, or as a test has written down.

use gamma_market::Price;
use jiff::Timestamp;

use super::curve::in_thousandths;

/// How an underlying moves while its market is open. While it is closed it rests, and it opens where the path
/// has got to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Path {
    /// A random step a second, drawn from the market's seed.
    #[default]
    Seeded,
    /// Straight lines from zero at the start through these points, in any order; from the last one on it
    /// stays. Points at the start or before it are left out: there the market shows the quotes it started
    /// from.
    Scripted(Vec<PathPoint>),
}

/// Where a scripted underlying stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPoint {
    /// The moment; a fraction of a second is dropped.
    pub at: Timestamp,
    /// Points above where it stood at the start, negative below; what is finer than a thousandth is dropped.
    pub shift: Price,
}

/// A scripted path, ready to be read.
#[derive(Debug, Clone)]
pub(super) struct Script(Vec<Stop>);

#[derive(Debug, Clone, Copy)]
struct Stop {
    second: i64,
    /// In thousandths of a point.
    shift: i64,
}

impl Script {
    pub(super) fn new(points: &[PathPoint], start: i64) -> Self {
        let later = points
            .iter()
            .map(|point| Stop { second: point.at.as_second(), shift: in_thousandths(point.shift) });
        let mut stops = vec![Stop { second: start, shift: 0 }];
        stops.extend(later.filter(|stop| stop.second > start));
        stops.sort_by_key(|stop| stop.second);
        Self(stops)
    }

    /// In thousandths of a point.
    pub(super) fn shift_at(&self, second: i64) -> i64 {
        let above = self.0.partition_point(|stop| stop.second <= second);
        let below = above.checked_sub(1).and_then(|below| self.0.get(below));
        match (below, self.0.get(above)) {
            (Some(low), Some(high)) => low.towards(*high, second),
            (Some(end), None) | (None, Some(end)) => end.shift,
            (None, None) => 0,
        }
    }
}

impl Stop {
    fn towards(self, high: Self, second: i64) -> i64 {
        let (run, width) = (i128::from(second - self.second), i128::from(high.second - self.second));
        let rise = (i128::from(high.shift) - i128::from(self.shift)) * run / width.max(1);
        self.shift.saturating_add(i64::try_from(rise).unwrap_or(0))
    }
}
