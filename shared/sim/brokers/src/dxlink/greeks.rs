//! What an option's price says about its risk: Black's model on the index level, without interest. Models
//! count in floats; no price comes out of here.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use gamma_market::Right;

/// Risk at the volatility that the price implies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Greeks {
    /// A fraction a year.
    pub(super) volatility: f64,
    pub(super) delta: f64,
    pub(super) gamma: f64,
    /// A day.
    pub(super) theta: f64,
    /// Of a percent of interest.
    pub(super) rho: f64,
    /// Of a percent of volatility.
    pub(super) vega: f64,
}

/// One option, with what it costs left open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contract {
    pub(super) right: Right,
    pub(super) level: f64,
    pub(super) strike: f64,
    pub(super) years: f64,
}

/// The volatilities that are looked at.
const VOLATILITIES: (f64, f64) = (0.001, 8.0);

/// Halvings of that range: more than a float can tell apart.
const HALVINGS: usize = 60;

impl Contract {
    /// `None` when the contract is over and when no volatility gives that price.
    pub(super) fn greeks(self, price: f64) -> Option<Greeks> {
        let (mut low, mut high) = VOLATILITIES;
        let within = self.level > 0.0
            && self.strike > 0.0
            && self.years > 0.0
            && self.price(low) < price
            && price < self.price(high);
        if !within {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.price(middle) < price { low = middle } else { high = middle }
        }
        Some(self.at(f64::midpoint(low, high)))
    }

    fn price(self, volatility: f64) -> f64 {
        let (d1, d2) = self.d(volatility);
        match self.right {
            Right::Call => self.level * below(d1) - self.strike * below(d2),
            Right::Put => self.strike * below(-d2) - self.level * below(-d1),
        }
    }

    fn at(self, volatility: f64) -> Greeks {
        let (d1, d2) = self.d(volatility);
        let (density, root) = ((-d1 * d1 / 2.0).exp() / (2.0 * PI).sqrt(), self.years.sqrt());
        let (delta, rho) = match self.right {
            Right::Call => (below(d1), self.strike * self.years * below(d2)),
            Right::Put => (-below(-d1), -self.strike * self.years * below(-d2)),
        };
        Greeks {
            volatility,
            delta,
            gamma: density / (self.level * volatility * root),
            theta: -self.level * density * volatility / (2.0 * root) / 365.0,
            rho: rho / 100.0,
            vega: self.level * density * root / 100.0,
        }
    }

    fn d(self, volatility: f64) -> (f64, f64) {
        let spread = volatility * self.years.sqrt();
        let d1 = (self.level / self.strike).ln() / spread + spread / 2.0;
        (d1, d1 - spread)
    }
}

/// The normal distribution below `x`, by the error function's rational approximation (Abramowitz and Stegun
/// 7.1.26, good to 1.5e-7).
fn below(x: f64) -> f64 {
    let z = (x * FRAC_1_SQRT_2).abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = series * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, within: f64) {
        assert!((left - right).abs() < within, "{left} is not {right}");
    }

    #[test]
    fn a_price_gives_back_its_volatility_and_both_rights_agree() {
        let put = Contract { right: Right::Put, level: 6448.0, strike: 6400.0, years: 1.0 / 365.0 };
        let call = Contract { right: Right::Call, ..put };
        for volatility in [0.05, 0.134, 0.6] {
            let (put, call) =
                (put.greeks(put.price(volatility)).unwrap(), call.greeks(call.price(volatility)).unwrap());
            near(put.volatility, volatility, 1e-4);
            near(call.delta - put.delta, 1.0, 1e-4);
            near(call.gamma, put.gamma, 1e-4);
            assert!(put.delta < 0.0 && put.theta < 0.0 && put.vega > 0.0 && call.rho > 0.0);
        }
        // A hundred points, a year, a fifth: the textbook's call.
        let textbook = Contract { right: Right::Call, level: 100.0, strike: 100.0, years: 1.0 };
        near(textbook.price(0.2), 7.9656, 1e-3);
        near(textbook.at(0.2).vega, 0.39695, 1e-4);
    }

    #[test]
    fn a_price_below_intrinsic_or_an_expired_contract_has_no_greeks() {
        let put = Contract { right: Right::Put, level: 6448.0, strike: 6500.0, years: 1.0 / 365.0 };
        assert_eq!(put.greeks(51.0), None);
        assert_eq!(Contract { years: 0.0, ..put }.greeks(60.0), None);
    }
}
