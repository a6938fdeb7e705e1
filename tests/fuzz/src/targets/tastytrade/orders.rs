use gamma_execution::fingerprint::{Fingerprint, Mark};
use gamma_execution::ports::{OrderId, OrderName, OrderStatus, OrderView};
use gamma_market::Price;
use gamma_tastytrade::{Preview, decode};
use jiff::Timestamp;

use super::super::{Verdict, account, orders, status, two_lines};
use crate::promise::{fault, short, workable};

/// A page of either list.
pub(in super::super) fn list(data: &[u8]) -> Verdict {
    match decode::orders(data) {
        Ok(views) => {
            views.iter().for_each(useful);
            assert!(views.windows(2).all(|pair| pair[0].id < pair[1].id), "one view of each order");
            let (vertical, name) = (account::vertical(), OrderName("gt-1-p1".to_owned()));
            let print = |mark| Fingerprint {
                package: vertical.into(),
                quantity: 2,
                price: Price::cents(115),
                marked: Timestamp::UNIX_EPOCH,
                seen: &[],
                mark,
            };
            assert!(
                print(Mark::Name(&name)).matches(&views).len()
                    <= print(Mark::None).matches(&views).len().max(views.len())
            );
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// One order, asked for by its id.
pub(in super::super) fn order(data: &[u8]) -> Verdict {
    let id = OrderId("312345678".to_owned());
    match decode::order(data, &id) {
        Ok(view) => {
            assert_eq!(
                (&view.id, &view.unreadable),
                (&id, &None),
                "the answer is about the order that was asked for, and reads"
            );
            useful(&view);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// The broker does not count packages: what is filled follows from the legs. An order of ours that is settled
/// was told by every leg.
fn useful(view: &OrderView) {
    orders::useful(view);
    if let Some(why) = &view.unreadable {
        short("unreadable", why);
        // It is never taken for one of ours, whose legs are all read.
        assert!(
            view.filled == 0 && view.fills.is_empty() && (view.foreign_legs || view.legs.is_empty()),
            "{view:?}"
        );
    }
    // An order of others without an id has one that is none.
    let linked = view.linked.iter().all(|id| {
        *id != view.id && (1..=40).contains(&id.0.len()) && id.0.bytes().any(|digit| digit != b'0')
    });
    assert!(linked && view.linked.len() <= 2, "{view:?}");
    let ours = !view.foreign_legs && !view.legs.is_empty();
    if ours && view.is_settled(view.quantity) && view.status == OrderStatus::Filled {
        let told: u32 = view.fills.iter().map(|fill| fill.quantity).sum();
        assert!(told <= view.quantity, "no more than ordered: {view:?}");
    }
}

/// A preview's answer: the status, an ignored line, the body.
pub(in super::super) fn preview(data: &[u8]) -> Verdict {
    let [line, _, body] = two_lines(data);
    let Some(answer) = decode::answer(status(line), &[], body) else { return Verdict::Refused };
    match decode::preview(&answer) {
        Ok(preview) => {
            assert!(answer.is_success() || !preview.accepted, "status {} accepts nothing", answer.status);
            opinion(&preview);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

fn opinion(preview: &Preview) {
    assert_eq!(preview.accepted, preview.rejects.is_empty(), "{preview:?}");
    for text in preview.rejects.iter().chain(&preview.warnings) {
        assert!(!text.trim().is_empty(), "a rule says something");
        short("rule", text);
    }
    let power = preview
        .buying_power
        .iter()
        .flat_map(|power| [power.margin, power.buying_power, power.new_buying_power, power.order_margin]);
    let fees = preview
        .fees
        .iter()
        .flat_map(|fees| [fees.total, fees.commission, fees.regulatory, fees.clearing, fees.index_option]);
    power.chain(fees).flatten().for_each(|dollars| workable("dollars", dollars, 1_000_000_000_000_000));
}
