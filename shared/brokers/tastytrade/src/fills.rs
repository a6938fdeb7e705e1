//! Pairing the legs' fills to packages at a net price each.

use gamma_execution::ports::Fill;
use gamma_market::{LegAction, Price};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::fields::LARGEST_PRICE;
use crate::legs::{LegFill, LegRow, Legs};

/// Packages of which every leg is filled.
pub(crate) fn filled(legs: &Legs, ratios: &[u32]) -> u32 {
    legs.rows.iter().zip(ratios).map(|(row, ratio)| row.filled() / ratio).min().unwrap_or_default()
}

/// Whether the fills are whole packages, with nothing of any leg left over.
pub(crate) fn are_whole(legs: &Legs, ratios: &[u32]) -> bool {
    let packages = u64::from(filled(legs, ratios));
    legs.rows.iter().zip(ratios).all(|(row, ratio)| u64::from(row.filled()) == packages * u64::from(*ratio))
}

/// The packages filled, with their net prices in points, without a sign. The broker reports each leg by
/// itself; the oldest fills of the legs make the first packages. How parts at different prices are paired is
/// ours to choose, what they add up to is not.
///
/// Packages of which a price is missing are counted elsewhere and not shown here.
pub(crate) fn pair(legs: &Legs, ratios: &[u32]) -> Vec<Fill> {
    let mut queues: Vec<Queue> =
        legs.rows.iter().zip(ratios).map(|(row, ratio)| Queue::new(row, *ratio)).collect();
    let mut left = filled(legs, ratios);
    let mut fills: Vec<Fill> = Vec::new();
    while left > 0 {
        // As many packages as the fills at the head of every leg hold; where one holds less than a package,
        // one package of several fills.
        let packages = queues.iter().map(Queue::whole_packages).min().unwrap_or_default().clamp(1, left);
        left -= packages;
        let parts: Vec<Part> = queues.iter_mut().map(|queue| queue.take(packages)).collect();
        let Some(price) = net(&parts, packages) else { continue };
        let at = parts.iter().filter_map(|part| part.at).max();
        match fills.last_mut() {
            Some(last) if last.price == price && last.at == at => last.quantity += packages,
            _ => fills.push(Fill { quantity: packages, price, at }),
        }
    }
    fills
}

/// A leg's fills, oldest first, as they are used up.
struct Queue {
    fills: std::vec::IntoIter<LegFill>,
    head: Option<LegFill>,
    ratio: u32,
    sign: Decimal,
}

/// What one leg gives for some packages.
struct Part {
    /// Points times contracts, sold plus and bought minus; `None` when a price is missing.
    cash: Option<Decimal>,
    at: Option<Timestamp>,
}

impl Queue {
    fn new(row: &LegRow, ratio: u32) -> Self {
        let mut fills = row.in_order().into_iter();
        let sign = match row.leg.action {
            LegAction::Sell => Decimal::ONE,
            LegAction::Buy => Decimal::NEGATIVE_ONE,
        };
        let head = fills.next();
        Self { fills, head, ratio, sign }
    }

    fn whole_packages(&self) -> u32 {
        self.head.as_ref().map_or(0, |head| head.contracts / self.ratio)
    }

    fn take(&mut self, packages: u32) -> Part {
        let mut wanted = u64::from(packages) * u64::from(self.ratio);
        let mut part = Part { cash: Some(Decimal::ZERO), at: None };
        while wanted > 0 {
            let Some(head) = &mut self.head else { return Part { cash: None, at: None } };
            let taken = head.contracts.min(u32::try_from(wanted).unwrap_or(u32::MAX));
            let cash =
                head.price.and_then(|price| price.points().checked_mul(self.sign * Decimal::from(taken)));
            part.cash = part.cash.zip(cash).and_then(|(sum, more)| sum.checked_add(more));
            part.at = part.at.max(head.at);
            head.contracts -= taken;
            wanted -= u64::from(taken);
            if head.contracts == 0 {
                self.head = self.fills.next();
            }
        }
        part
    }
}

/// Net price of each of `packages`. Several packages are of one price each leg, so that the division leaves
/// nothing.
fn net(parts: &[Part], packages: u32) -> Option<Price> {
    let cash = parts.iter().try_fold(Decimal::ZERO, |sum, part| sum.checked_add(part.cash?))?;
    let net = cash.checked_div(Decimal::from(packages))?;
    // Parts that take back what others gave may add up to any price.
    (net.abs() <= LARGEST_PRICE).then(|| Price::new(net.normalize()).abs())
}
