//! Balances, positions, the chain's names and the transactions.

use std::collections::BTreeMap;

use gamma_execution::ports::{Broker, OrderStatus};
use gamma_market::{Effect, OptionSymbol, Package};
use gamma_simulator::account::TransactionKind as Kept;
use gamma_tastytrade::{SymbolBook, Transaction, TransactionKind, TransactionQuery};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::tastytrade_packages::desk::{ACCOUNT, Desk, broken_wing, condor, contracts};

async fn transactions(desk: &Desk, kinds: &[TransactionKind]) -> Vec<Transaction> {
    let query = TransactionQuery {
        from: desk.start,
        to: desk.start + SignedDuration::from_hours(48),
        kinds: kinds.to_vec(),
    };
    desk.tastytrade.transactions(&query).await.unwrap()
}

/// The account once a condor and a broken wing have filled.
async fn filled() -> (Desk, [Package; 2]) {
    let desk = Desk::open().await;
    let packages = [condor(), broken_wing()];
    desk.posted(&packages[0], Effect::Credit, 2, "0.05").await;
    desk.posted(&packages[1], Effect::Debit, 3, "15.00").await;
    desk.pass(10).await;
    (desk, packages)
}

#[tokio::test]
async fn packages_of_four_legs_are_read_back_and_held_leg_by_leg() {
    let (desk, [condor, broken_wing]) = filled().await;
    let orders = desk.tastytrade.orders(desk.start, desk.now()).await.unwrap();
    assert_eq!(orders.len(), 2);
    for (package, effect, quantity) in [(&condor, Effect::Credit, 2), (&broken_wing, Effect::Debit, 3)] {
        let order = orders.iter().find(|order| order.quantity == quantity).unwrap();
        assert_eq!(
            (&order.status, order.filled, order.effect, order.foreign_legs),
            (&OrderStatus::Filled, quantity, Some(effect), false),
            "{order:?}"
        );
        assert!(
            order.is_settled(quantity)
                && order.fills.iter().map(|fill| fill.quantity).sum::<u32>() == quantity,
            "{order:?}"
        );
        let mut legs = order.legs.clone();
        legs.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
        assert_eq!(legs, package.legs());
    }
    let account = desk.tastytrade.account().await.unwrap();
    assert_eq!(account.positions, contracts(&[(&condor, 2), (&broken_wing, 3)]));
    let worth = desk.books().liquidation_value(&desk.simulator.market());
    assert_eq!(
        account.equity,
        Some(worth.normalize()),
        "the options at their mids with the cash, not the cash alone"
    );
    assert_ne!(worth, desk.books().cash());
}

#[tokio::test]
async fn the_chain_calls_every_contract_as_the_rules_make_its_name() {
    let desk = Desk::open().await;
    desk.tastytrade.learn_symbols().await;
    let learnt = desk.tastytrade.names();
    let built = SymbolBook::default();
    let answer = desk.raw("/option-chains/SPX/nested").await;
    let mut seen = 0;
    for strike in ["SPX", "SPXW"].iter().flat_map(|root| strikes(&answer, root)) {
        for right in ["call", "put"] {
            let (api, streamer) = (
                strike[right].as_str().unwrap(),
                strike[format!("{right}-streamer-symbol")].as_str().unwrap(),
            );
            let symbol: OptionSymbol = api.parse().unwrap();
            for names in [learnt.names(&symbol), built.names(&symbol)] {
                assert_eq!((names.api.as_str(), names.streamer.0.as_str()), (api, streamer));
            }
            seen += 1;
        }
    }
    assert!(seen > 1000 && learnt.listed() == seen, "read {} of {seen}", learnt.listed());
    desk.tastytrade.learn_symbols().await;
    assert_eq!(desk.asked("GET", "/option-chains/SPX/nested"), 2, "ours once, the test's own once");
}

fn strikes<'a>(answer: &'a Value, root: &str) -> Vec<&'a Value> {
    let items = answer["data"]["items"].as_array().unwrap();
    let of_root = items.iter().find(|item| item["root-symbol"] == root).unwrap();
    let expirations = of_root["expirations"].as_array().unwrap().iter();
    expirations.flat_map(|expiration| expiration["strikes"].as_array().unwrap()).collect()
}

#[tokio::test]
async fn transactions_are_the_fills_and_the_cash() {
    let (desk, packages) = filled().await;
    let fills = transactions(&desk, &[TransactionKind::Trade]).await;
    assert_eq!(fills, transactions(&desk, &[]).await, "nothing but trades happened");
    let books = desk.books();
    assert_eq!(fills.len(), books.transactions().len());
    for (read, kept) in fills.iter().zip(books.transactions()) {
        let Kept::Trade { order, .. } = kept.kind else { panic!("{kept:?}") };
        assert_eq!(
            (read.id, read.contract, read.price),
            (kept.id, Some(kept.symbol), Some(kept.price)),
            "{read:?}"
        );
        assert_eq!(
            (read.quantity, read.order.as_ref().unwrap().0.as_str()),
            (Some(kept.amount.abs().into()), order.to_string().as_str())
        );
        let dollars = |amount: Option<Decimal>| amount.unwrap().normalize();
        assert_eq!(
            (dollars(read.value), dollars(read.net_value)),
            (kept.cost.normalize(), kept.net_amount().normalize()),
            "{read:?}"
        );
        assert_eq!((read.fees, read.date.unwrap().to_string()), (kept.fees.total(), "2025-09-03".to_owned()));
        let opened = if kept.amount > 0 { "Buy to Open" } else { "Sell to Open" };
        assert_eq!(
            (read.action.as_deref(), read.sub_kind.as_deref(), read.fees_are_estimated),
            (Some(opened), Some(opened), true)
        );
    }
    let net: Decimal = fills.iter().filter_map(|fill| fill.net_value).sum();
    assert_eq!(books.cash(), Decimal::from(100_000) + net);

    let orders = desk.tastytrade.orders(desk.start, desk.now()).await.unwrap();
    for order in &orders {
        let sign = if order.effect == Some(Effect::Credit) { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        let by_fills: Decimal = order
            .fills
            .iter()
            .map(|fill| fill.price.dollars_per_contract() * Decimal::from(fill.quantity) * sign)
            .sum();
        let rows = fills.iter().filter(|fill| fill.order.as_ref() == Some(&order.id));
        assert_eq!(
            rows.filter_map(|fill| fill.value).sum::<Decimal>(),
            by_fills,
            "order {} for what it filled",
            order.id
        );
    }

    desk.until("2025-09-04T16:30:00-04:00").await;
    let expired = transactions(&desk, &[TransactionKind::ReceiveDeliver]).await;
    let gone: BTreeMap<OptionSymbol, Decimal> =
        expired.iter().map(|row| (row.contract.unwrap(), row.quantity.unwrap())).collect();
    let held = contracts(&[(&packages[0], 2), (&packages[1], 3)]);
    assert_eq!(
        gone,
        held.iter().map(|(symbol, quantity)| (*symbol, quantity.abs().into())).collect(),
        "what was held went"
    );
    assert!(
        expired.iter().all(|row| row.order.is_none() && row.fees.is_zero() && row.action.is_none()),
        "{expired:?}"
    );
    let all = transactions(&desk, &[]).await;
    let moved: Decimal = all.iter().filter_map(|row| row.net_value).sum();
    assert_eq!(desk.books().cash(), Decimal::from(100_000) + moved);
    assert!(desk.tastytrade.account().await.unwrap().positions.is_empty());
    assert!(
        desk.asked("POST", "/oauth/token") > 0 && desk.simulator.book_of(ACCOUNT).is_some(),
        "a day later another token was needed, and had"
    );
}
