use gamma_execution::fingerprint::{Fingerprint, Mark};
use gamma_execution::ports::{OrderId, OrderStatus, OrderView};
use gamma_market::Price;
use gamma_schwab::decode;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Verdict, account};
use crate::promise::{fault, short, workable};

/// The list of orders.
pub(super) fn list(data: &[u8]) -> Verdict {
    match decode::orders(data) {
        Ok(views) => {
            views.iter().for_each(useful_with_count);
            let vertical = account::vertical();
            let print = Fingerprint {
                package: vertical.into(),
                quantity: 2,
                price: Price::cents(115),
                marked: Timestamp::UNIX_EPOCH,
                seen: &[],
                mark: Mark::None,
            };
            assert!(print.matches(&views).len() <= views.len());
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// One order, asked for by its id.
pub(super) fn order(data: &[u8]) -> Verdict {
    let id = OrderId("1005638175790".to_owned());
    match decode::order(data, &id) {
        Ok(view) => {
            assert_eq!(
                (&view.id, &view.unreadable),
                (&id, &None),
                "the answer is about the order that was asked for, and reads"
            );
            useful_with_count(&view);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// The broker counts what is filled itself.
fn useful_with_count(view: &OrderView) {
    let reads = view.unreadable.is_none();
    assert!(
        !reads || view.status != OrderStatus::Filled || view.filled >= view.quantity,
        "FILLED is all of it: {view:?}"
    );
    if !reads {
        // It is never taken for one of ours, whose legs are all read.
        assert!(view.fills.is_empty() && (view.foreign_legs || view.legs.is_empty()), "{view:?}");
    }
    assert!(view.linked.iter().all(|id| *id != view.id && is_id(&id.0)), "{view:?}");
    useful(view);
}

fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What ladder, recovery and report rely on.
pub(super) fn useful(view: &OrderView) {
    let made_up = view.unreadable.is_some() && view.id.0.ends_with(" without an id");
    assert!(made_up || is_id(&view.id.0), "an order id is part of a path: {:.100}", view.id.0);
    short("unreadable", view.unreadable.as_deref().unwrap_or_default());
    workable("price", view.price.unwrap_or_default().points(), 1_000_000_000);
    let executed = view.fills.iter().fold(0_u32, |sum, fill| sum.saturating_add(fill.quantity));
    assert!(view.filled >= executed, "fills are never counted too low: {} of {executed}", view.filled);
    assert!(view.legs.iter().all(|(_, ratio)| *ratio > 0), "{view:?}");
    let paid = view.fills.iter().map(|fill| {
        assert!(!fill.price.is_negative(), "a net price has no sign: {fill:?}");
        workable("fill price", fill.price.points(), 1_000_000_000);
        fill.price.points() * Decimal::from(fill.quantity)
    });
    let _: Decimal = paid.sum();
    let _ = view.is_settled(view.quantity);
    if let OrderStatus::Other(word) = &view.status {
        short("status", word);
        assert!(!view.status.is_terminal(), "a word we do not know ends nothing");
    }
    short("reason", view.reason.as_deref().unwrap_or_default());
    short("tag", view.tag.as_deref().unwrap_or_default());
    short("name", view.name.as_ref().map_or("", |name| &name.0));
    // Fills go into the ledger and come back out of it.
    for fill in &view.fills {
        let kept = serde_json::to_string(fill).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(serde_json::from_str(&kept).ok().as_ref(), Some(fill), "{kept}");
    }
}

/// A preview's answer.
pub(super) fn preview(data: &[u8]) -> Verdict {
    match decode::preview(data) {
        Ok(preview) => {
            assert_eq!(preview.accepted, preview.rejects.is_empty(), "{preview:?}");
            preview.rejects.iter().chain(&preview.warnings).for_each(|text| {
                assert!(!text.trim().is_empty(), "a rule says something");
                short("rule", text);
            });
            workable("commission", preview.projected_commission.unwrap_or_default(), 1_000_000_000_000_000);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}
