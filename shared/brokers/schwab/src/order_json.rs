//! An order's JSON (docs/reference/schwab.md, Order request).

use gamma_market::{Effect, Leg, LegAction, Package, PositionEffect, Price, Shape};
use serde_json::{Value, json};

/// The body of the POST: a limit order for `quantity` packages, for the day; the bought legs first. A price
/// of zero is even, neither a credit nor a debit.
///
/// The price is text with two decimals and never negative, each leg's quantity an integer (its ratio times
/// the packages): a float is refused with 400.
#[must_use]
pub fn order_json(package: &Package, effect: Effect, quantity: u32, price: Price) -> Value {
    json!({
        "orderType": match effect {
            // A single leg has a price of its own, not a net one.
            _ if package.shape() == Shape::Single => "LIMIT",
            _ if price == Price::ZERO => "NET_ZERO",
            Effect::Credit => "NET_CREDIT",
            Effect::Debit => "NET_DEBIT",
        },
        "session": "NORMAL",
        "duration": "DAY",
        "price": price.to_string(),
        "orderStrategyType": "SINGLE",
        "complexOrderStrategyType": match package.shape() {
            Shape::Single => "NONE",
            Shape::Vertical => "VERTICAL",
            Shape::IronCondor => "IRON_CONDOR",
            Shape::Custom => "CUSTOM",
        },
        "orderLegCollection": package.legs().iter().map(|(leg, ratio)| leg_json(leg, u64::from(*ratio) * u64::from(quantity))).collect::<Vec<_>>(),
    })
}

fn leg_json(leg: &Leg, contracts: u64) -> Value {
    json!({
        "instruction": match (leg.action, leg.position) {
            (LegAction::Buy, PositionEffect::Open) => "BUY_TO_OPEN",
            (LegAction::Sell, PositionEffect::Open) => "SELL_TO_OPEN",
            (LegAction::Buy, PositionEffect::Close) => "BUY_TO_CLOSE",
            (LegAction::Sell, PositionEffect::Close) => "SELL_TO_CLOSE",
        },
        "positionEffect": match leg.position {
            PositionEffect::Open => "OPENING",
            PositionEffect::Close => "CLOSING",
        },
        "quantity": contracts,
        "instrument": {"symbol": leg.symbol.to_string(), "assetType": "OPTION"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_market::Vertical;

    fn vertical(sell: &str, buy: &str) -> Vertical {
        Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
    }

    /// Sells two of one strike and one of another between two bought strikes.
    fn broken_wing() -> Package {
        let leg = |symbol: &str, action| Leg::open(symbol.parse().unwrap(), action);
        let legs = [
            (leg("SPXW260821P5920", LegAction::Buy), 1),
            (leg("SPXW260821P5910", LegAction::Sell), 2),
            (leg("SPXW260821P5905", LegAction::Sell), 1),
            (leg("SPXW260821P5895", LegAction::Buy), 2),
        ];
        Package::custom(legs).unwrap()
    }

    #[test]
    fn the_documented_json() {
        let put = vertical("SPXW260821P5900", "SPXW260821P5895");
        let condor = Package::iron_condor(put, vertical("SPXW260821C6000", "SPXW260821C6005")).unwrap();
        let call_debit = Package::vertical(vertical("SPXW260821C6000", "SPXW260821C5995"));
        for (package, effect, quantity, price, fixture) in [
            (
                Package::vertical(put),
                Effect::Credit,
                2,
                "1.15",
                include_str!("../fixtures/order_request__put_credit.json"),
            ),
            (
                call_debit,
                Effect::Debit,
                11,
                "2.4",
                include_str!("../fixtures/order_request__call_debit.json"),
            ),
            (
                condor,
                Effect::Credit,
                3,
                "2.1",
                include_str!("../fixtures/order_request__iron_condor_credit.json"),
            ),
            (
                broken_wing(),
                Effect::Debit,
                2,
                "0.35",
                include_str!("../fixtures/order_request__custom_ratio_debit.json"),
            ),
            (
                broken_wing(),
                Effect::Debit,
                1,
                "0",
                include_str!("../fixtures/order_request__custom_even.json"),
            ),
            (
                Package::single(Leg::close("SPXW260821P5900".parse().unwrap(), LegAction::Buy)),
                Effect::Debit,
                1,
                "1.2",
                include_str!("../fixtures/order_request__single_closed.json"),
            ),
            (
                Package::vertical(put).reversed(),
                Effect::Debit,
                2,
                "0.3",
                include_str!("../fixtures/order_request__put_closed.json"),
            ),
        ] {
            let expected: Value = serde_json::from_str(fixture).unwrap();
            assert_eq!(order_json(&package, effect, quantity, price.parse().unwrap()), expected);
        }
    }

    #[test]
    fn even_is_the_same_from_either_side_and_no_quantity_overflows() {
        let even = |effect, price| order_json(&broken_wing(), effect, 1, price);
        assert_eq!(even(Effect::Credit, Price::ZERO), even(Effect::Debit, Price::cents(0)));
        assert_eq!(even(Effect::Credit, Price::cents(5))["orderType"], "NET_CREDIT");
        let most = order_json(&broken_wing(), Effect::Credit, u32::MAX, Price::cents(5));
        assert_eq!(
            most["orderLegCollection"][0]["quantity"],
            json!(8_589_934_590_u64),
            "two of the leg in each package"
        );
    }
}
