//! An order's JSON (docs/reference/tastytrade.md, Order request).

use gamma_market::{Effect, Leg, LegAction, Package, PositionEffect, Price};
use serde_json::{Value, json};

/// Product and version, as every order says where it comes from. The broker shows it on the order.
pub const SOURCE: &str = concat!("gamma-trading/", env!("CARGO_PKG_VERSION"));

/// The body of the POST: a limit order for `quantity` packages, for the day; the bought legs first. `name` is
/// ours, for finding the order again.
///
/// The price is text with two decimals, above zero and without a sign, each leg's quantity an integer (its
/// ratio times the packages). An order with a leg that closes is strict about it: otherwise the broker
/// silently opens what is not there to be closed.
#[must_use]
pub fn order_json(
    package: &Package,
    effect: Effect,
    quantity: u32,
    price: Price,
    name: Option<&str>,
) -> Value {
    let legs =
        package.legs().iter().map(|(leg, ratio)| leg_json(leg, u64::from(*ratio) * u64::from(quantity)));
    let mut order = json!({
        "time-in-force": "Day",
        "order-type": "Limit",
        "price": price.to_string(),
        "price-effect": effect_word(effect),
        "source": SOURCE,
        "legs": legs.collect::<Vec<_>>(),
    });
    if let Some(name) = name {
        order["external-identifier"] = json!(name);
    }
    if package.legs().iter().any(|(leg, _)| leg.position == PositionEffect::Close) {
        order["advanced-instructions"] = json!({"strict-position-effect-validation": true});
    }
    order
}

const fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Credit => "Credit",
        Effect::Debit => "Debit",
    }
}

fn leg_json(leg: &Leg, contracts: u64) -> Value {
    json!({
        "instrument-type": "Equity Option",
        "symbol": leg.symbol.to_string(),
        "quantity": contracts,
        "action": match (leg.action, leg.position) {
            (LegAction::Buy, PositionEffect::Open) => "Buy to Open",
            (LegAction::Sell, PositionEffect::Open) => "Sell to Open",
            (LegAction::Buy, PositionEffect::Close) => "Buy to Close",
            (LegAction::Sell, PositionEffect::Close) => "Sell to Close",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_market::Vertical;

    fn vertical(sell: &str, buy: &str) -> Vertical {
        Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
    }

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
        let put = Package::vertical(vertical("SPXW260821P5900", "SPXW260821P5895"));
        let unwound = put.reversed();
        for (package, effect, quantity, price, name, fixture) in [
            (
                &put,
                Effect::Credit,
                2,
                "1.15",
                Some("gt-1-p1"),
                include_str!("../fixtures/order_request__put_credit.json"),
            ),
            (
                &unwound,
                Effect::Debit,
                2,
                "0.3",
                None,
                include_str!("../fixtures/order_request__put_closed.json"),
            ),
            (
                &broken_wing(),
                Effect::Debit,
                2,
                "0.35",
                None,
                include_str!("../fixtures/order_request__custom_ratio_debit.json"),
            ),
        ] {
            let expected: Value = serde_json::from_str(fixture).unwrap();
            assert_eq!(order_json(package, effect, quantity, price.parse().unwrap(), name), expected);
        }
    }

    #[test]
    fn no_quantity_overflows() {
        let most = order_json(&broken_wing(), Effect::Credit, u32::MAX, Price::cents(5), None);
        assert_eq!(most["legs"][0]["quantity"], json!(8_589_934_590_u64), "two of the leg in each package");
    }
}
