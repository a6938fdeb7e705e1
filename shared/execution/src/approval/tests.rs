use super::*;
use crate::ports::Lack;
use gamma_market::{Leg, LegAction, Vertical};
use proptest::prelude::*;

const SCHWAB: Capabilities = Capabilities {
    broker: "Schwab",
    most_legs: 4,
    most_quantity: 100,
    kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
    roots: &[("SPXW", Tick::NICKEL)],
    previews: false,
    names_orders: false,
};
const LIMITS: Limits = Limits {
    envelope: Price::new(Decimal::from_parts(30, 0, 0, false, 2)),
    worst_loss_share: Decimal::from_parts(60, 0, 0, false, 2),
};

fn symbol(text: &str) -> OptionSymbol {
    format!("SPXW260212{text}").parse().unwrap()
}

fn vertical(sell: &str, buy: &str) -> Vertical {
    Vertical::new(symbol(sell), symbol(buy)).unwrap()
}

fn nbbo(effect: Effect, mid: i64) -> PackageNbbo {
    PackageNbbo { effect, bid: Price::cents(mid - 10), ask: Price::cents(mid + 10), mid: Price::cents(mid) }
}

struct Account {
    equity: i64,
    positions: BTreeMap<OptionSymbol, i64>,
    approved: Vec<Approved<Intent>>,
    foreign: BTreeSet<OptionSymbol>,
    ledger: BTreeMap<OptionSymbol, i64>,
    expected: BTreeMap<OptionSymbol, i64>,
    capabilities: Capabilities,
}

impl Account {
    fn with(equity: i64) -> Self {
        Self {
            equity,
            positions: BTreeMap::new(),
            approved: Vec::new(),
            foreign: BTreeSet::new(),
            ledger: BTreeMap::new(),
            expected: BTreeMap::new(),
            capabilities: SCHWAB,
        }
    }

    fn approve(
        &self,
        package: impl Into<Package>,
        quantity: u32,
        mid: i64,
    ) -> Result<Approved<Intent>, Refusal> {
        let package = package.into();
        let (positions, approved, foreign, ledger) =
            (&self.positions, &self.approved, &self.foreign, &self.ledger);
        let book = Book {
            equity: self.equity.into(),
            positions,
            approved,
            foreign,
            ledger,
            expected: &self.expected,
            capabilities: self.capabilities,
        };
        approve(package, quantity, nbbo(package.effect().unwrap_or(Effect::Credit), mid), book, LIMITS)
    }
}

#[test]
fn the_envelope_is_fixed_from_the_decision_time_mid() {
    let account = Account::with(100_000);
    for (sell, buy, mid, worst) in [
        ("P6900", "P6895", 95, 65),
        ("P6895", "P6900", 95, 125),
        ("P6900", "P6895", 20, 5),
        ("C7005", "C7000", 490, 495),
    ] {
        let intent = account.approve(vertical(sell, buy), 1, mid).unwrap();
        assert_eq!(intent.get().worst_price, Price::cents(worst), "{sell} {buy} {mid}");
    }
}

#[test]
fn prices_keep_to_the_brokers_step_where_it_is_the_coarser_one() {
    let capabilities = Capabilities { roots: &[("SPXW", Tick::DIME)], ..SCHWAB };
    let coarse = Account { capabilities, ..Account::with(100_000) };
    let intent = coarse.approve(vertical("P6900", "P6895"), 1, 95).unwrap();
    assert_eq!(intent.get().tick, Tick::DIME);
    assert!(intent.order(1, Price::cents(90), 0).is_ok());
    assert!(intent.order(1, Price::cents(95), 0).is_err(), "between two steps of the broker's");
    let fine = Account {
        capabilities: Capabilities { roots: &[("SPXW", Tick::PENNY)], ..SCHWAB },
        ..Account::with(100_000)
    };
    assert_eq!(
        fine.approve(vertical("P6900", "P6895"), 1, 95).unwrap().get().tick,
        Tick::NICKEL,
        "the exchange's"
    );
}

#[test]
fn an_order_a_tick_beyond_the_envelope_is_refused() {
    let account = Account::with(100_000);
    for (sell, buy, step) in [("P6900", "P6895", -5), ("P6895", "P6900", 5)] {
        let intent = account.approve(vertical(sell, buy), 2, 95).unwrap();
        let worst = intent.get().worst_price;
        assert!(intent.order(1, worst, 0).is_ok(), "{sell} {buy} at {worst}");
        assert!(
            matches!(intent.order(1, worst + Price::cents(step), 0), Err(Refusal::Price { .. })),
            "{sell} {buy} beyond {worst}"
        );
    }
}

#[test]
fn the_worst_loss_added_counts_both_sides_and_either_alone() {
    // A 5-wide credit at 0.95 with envelope floor 0.65 loses at most (5.00 − 0.65) × 100 × 2 = 870 dollars.
    let mut account = Account::with(2_000);
    let put = account.approve(vertical("P6900", "P6895"), 2, 95).unwrap();
    assert_eq!(put.get().worst_loss_added, Decimal::from(870));
    account.approved.push(put);
    // The call side alone risks as much; together the two can lose on one side only, and both credits are
    // kept.
    let call = account.approve(vertical("C7000", "C7005"), 2, 95).unwrap();
    assert_eq!(call.get().worst_loss_added, Decimal::from(870));
    // A debit can lose what is paid for it, up to its ceiling.
    assert_eq!(
        Account::with(2_000).approve(vertical("P6895", "P6900"), 2, 95).unwrap().get().worst_loss_added,
        Decimal::from(250)
    );
    // Where the sides overlap, both lose: 10 a share between 6885 and 6895, less both credits at their floor.
    let mut overlapping = Account::with(2_000);
    let put = overlapping.approve(vertical("P6900", "P6895"), 1, 95).unwrap();
    overlapping.approved.push(put);
    assert_eq!(
        overlapping.approve(vertical("C6880", "C6885"), 1, 95).unwrap().get().worst_loss_added,
        Decimal::from(870)
    );
    let refused = Account::with(1_449).approve(vertical("P6900", "P6895"), 2, 95).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "worst loss: this adds 870.00 dollars, expected at most 869.40 (0.60 of equity 1449)"
    );
    assert!(Account::with(1_450).approve(vertical("P6900", "P6895"), 2, 95).is_ok(), "870.00 of 870.00");
}

#[test]
fn what_is_already_held_is_not_counted_against_the_package() {
    // A naked short call is the user's own unbounded loss: it warns, it does not block, and it does not hide
    // the package's own risk.
    let mut account = Account::with(2_000);
    account.positions.insert(symbol("C7100"), -3);
    assert_eq!(
        account.approve(vertical("C7000", "C7005"), 2, 95).unwrap().get().worst_loss_added,
        Decimal::from(870)
    );
}

#[test]
fn what_is_held_hides_no_loss_that_a_package_adds() {
    for (why, held) in [
        ("nothing", vec![]),
        ("a call without a floor, whose loss no put adds to", vec![("C7100", -1)]),
        ("a put that loses more than the package ever can", vec![("P6500", -1)]),
        ("the other side of a condor", vec![("C7000", -100), ("C7005", 100)]),
        ("what the package gives back", vec![("P6900", 2), ("P6895", -2)]),
    ] {
        let positions = held.into_iter().map(|(text, contracts)| (symbol(text), contracts)).collect();
        let account = Account { positions, ..Account::with(2_000) };
        // 5 wide at 0.65, the envelope's worst: 435 dollars each.
        assert_eq!(
            account.approve(vertical("P6900", "P6895"), 2, 95).unwrap().get().worst_loss_added,
            Decimal::from(870),
            "{why}"
        );
        assert!(
            matches!(account.approve(vertical("P6900", "P6895"), 3, 95), Err(Refusal::WorstLoss { .. })),
            "{why}"
        );
    }
}

#[test]
fn an_expiry_with_more_calls_short_than_long_is_unbounded() {
    let expiry = symbol("C7000").expiry();
    for (held, unbounded) in [
        (vec![("C7100", -3)], vec![expiry]),
        (vec![("C7000", -2), ("C7005", 1)], vec![expiry]),
        (vec![("C7000", -2), ("C7005", 2)], vec![]),
        (vec![("C7000", 1)], vec![]),
        (vec![("P6900", -3)], vec![]),
        (vec![], vec![]),
    ] {
        let positions = held.iter().map(|(text, quantity)| (symbol(text), *quantity)).collect();
        assert_eq!(unbounded_expiries(&positions), unbounded.into_iter().collect(), "{held:?}");
    }
}

#[test]
fn refused_before_any_io() {
    let mut account = Account::with(100_000);
    account.foreign.insert(symbol("P6895"));
    let put = vertical("P6900", "P6895");
    assert_eq!(account.approve(put, 1, 95).unwrap_err(), Refusal::ForeignOrder { symbol: symbol("P6895") });
    account.foreign.clear();
    assert!(matches!(
        account.approve(put, 101, 95),
        Err(Refusal::Capability(Incapable { lack: Lack::Packages { most: 100, got: 101 }, .. }))
    ));
    assert!(account.approve(put, 100, 95).is_ok(), "as many as the broker takes");
    assert!(matches!(account.approve(put, 0, 95), Err(Refusal::NothingToSend)));
    for mid in [0, -5, 500] {
        assert!(matches!(account.approve(put, 1, mid), Err(Refusal::NoPrice { .. })), "{mid}");
    }
    let unknown = Vertical::new("QQQ260212P500".parse().unwrap(), "QQQ260212P495".parse().unwrap()).unwrap();
    assert!(matches!(account.approve(unknown, 1, 95), Err(Refusal::NoTickTable { .. })));
}

#[test]
fn a_broker_that_takes_two_legs_takes_a_vertical() {
    for (most_legs, refused) in [(0, true), (1, true), (2, false), (4, false)] {
        let account =
            Account { capabilities: Capabilities { most_legs, ..SCHWAB }, ..Account::with(100_000) };
        let verdict = account.approve(vertical("P6900", "P6895"), 1, 95);
        assert_eq!(
            matches!(verdict, Err(Refusal::Capability(Incapable { lack: Lack::Legs { got: 2, .. }, .. }))),
            refused,
            "{most_legs} legs"
        );
        assert_eq!(verdict.is_err(), refused, "{most_legs} legs");
    }
}

#[test]
fn an_order_costs_something_and_less_than_the_width() {
    let account = Account::with(100_000);
    for (sell, buy, price, sound) in [
        ("P6900", "P6895", 495, true),
        ("P6900", "P6895", 500, false),
        ("P6900", "P6895", 505, false),
        ("P6895", "P6900", 5, true),
        ("P6895", "P6900", 0, false),
        ("P6895", "P6900", -5, false),
    ] {
        let order = account.approve(vertical(sell, buy), 1, 95).unwrap().order(1, Price::cents(price), 0);
        assert_eq!(order.is_ok(), sound, "{sell} {buy} at {price} cents");
        assert!(sound || matches!(order, Err(Refusal::Price { .. })), "{sell} {buy} at {price} cents");
    }
}

#[test]
fn a_side_is_refused_if_the_broker_holds_less_than_was_filled() {
    let put = vertical("P6900", "P6895");
    for (filled, shown, refused) in [
        ((-2, 2), (-2, 2), false),
        ((-2, 2), (-5, 3), false),
        ((-2, 2), (-1, 2), true),
        ((-2, 2), (-2, 0), true),
        ((0, 0), (3, -3), false),
    ] {
        let mut account = Account::with(100_000);
        account.ledger = [(put.sell(), filled.0), (put.buy(), filled.1)].into();
        account.positions = [(put.sell(), shown.0), (put.buy(), shown.1)].into();
        let verdict = account.approve(put, 1, 95);
        assert_eq!(
            matches!(verdict, Err(Refusal::BrokerShowsLess { .. })),
            refused,
            "filled {filled:?}, shown {shown:?}"
        );
    }
}

proptest! {
    #[test]
    fn an_order_never_leaves_its_envelope_tick_or_quantity(
        credit in any::<bool>(), mid in 1_i64..99, quantity in 1_u32..20, price in -20_i64..520, asked in 0_u32..25, filled in 0_u32..25,
    ) {
        let (sell, buy) = if credit { ("P6900", "P6895") } else { ("P6895", "P6900") };
        let intent = Account::with(10_000_000).approve(vertical(sell, buy), quantity, mid * 5).unwrap();
        let limit = Price::cents(price);
        if let Ok(order) = intent.order(asked, limit, filled) {
            let order = order.get();
            prop_assert!(order.quantity >= 1 && order.quantity + filled <= quantity);
            prop_assert!(Tick::NICKEL.holds(order.price) && order.price > Price::ZERO && order.price < Price::cents(500));
            let decided = Price::cents(mid * 5);
            let beyond = if credit { decided - order.price } else { order.price - decided };
            prop_assert!(beyond <= Price::cents(30));
            prop_assert_eq!(order.effect, if credit { Effect::Credit } else { Effect::Debit });
        } else {
            let inside = if credit { limit >= intent.get().worst_price } else { limit <= intent.get().worst_price };
            let sound = asked >= 1 && asked + filled <= quantity && price > 0 && price < 500 && price % 5 == 0 && inside;
            prop_assert!(!sound, "a sound order was refused: {} × {}", asked, limit);
        }
    }
}

fn closing(text: &str, action: LegAction) -> (Leg, u32) {
    (Leg::close(symbol(text), action), 1)
}

fn opening(text: &str, action: LegAction) -> (Leg, u32) {
    (Leg::open(symbol(text), action), 1)
}

#[test]
fn a_package_that_closes_adds_no_loss_but_what_it_costs() {
    let put = vertical("P6900", "P6895");
    let mut account = Account::with(1);
    account.positions = [(put.sell(), -2), (put.buy(), 2)].into();
    // Bought back at 0.95 and 0.30 at most above that: 1.25 of the 5.00 that could have been lost.
    let intent = account.approve(Package::vertical(put).reversed(), 2, 95).unwrap();
    assert_eq!((intent.get().effect, intent.get().worst_loss_added), (Effect::Debit, Decimal::ZERO));
    let refused = account.approve(Package::vertical(put).reversed(), 3, 95).unwrap_err();
    assert_eq!(refused, Refusal::ClosesMoreThanHeld { symbol: put.sell(), wanted: 3, held: 2 });
    account.approved.push(intent);
    let twice = account.approve(Package::vertical(put).reversed(), 1, 95).unwrap_err();
    assert_eq!(
        twice,
        Refusal::ClosesMoreThanHeld { symbol: put.sell(), wanted: 3, held: 2 },
        "two are closed already"
    );
    account.approved.clear();
    account.positions.clear();
    assert!(matches!(
        account.approve(Package::vertical(put).reversed(), 1, 95),
        Err(Refusal::ClosesMoreThanHeld { held: 0, .. })
    ));
}

#[test]
fn a_roll_adds_what_its_new_leg_risks() {
    // Long the 6900 put, rolled down to the 6800 for a credit: what is long loses nothing more.
    let roll = |new: &str, action| {
        Package::custom([closing("P6900", LegAction::Sell), opening(new, action)]).unwrap()
    };
    let mut account = Account::with(100_000);
    account.positions.insert(symbol("P6900"), 1);
    let rolled = account.approve(roll("P6800", LegAction::Buy).directed(Effect::Credit), 1, 95).unwrap();
    assert_eq!(rolled.get().worst_loss_added, Decimal::ZERO);
    // For a debit it can lose what is paid: 0.95 and 0.30.
    let paid = account.approve(roll("P6950", LegAction::Buy).directed(Effect::Debit), 1, 95).unwrap();
    assert_eq!(paid.get().worst_loss_added, Decimal::from(125));
    // A put sold in its place is covered by nothing.
    let sold = account.approve(roll("P6800", LegAction::Sell).directed(Effect::Credit), 1, 95).unwrap_err();
    assert_eq!(sold, Refusal::UncoversShort { right: Right::Put, bare: 1 });
}

#[test]
fn a_leg_that_covers_another_is_not_closed_as_if_it_were_alone() {
    let mut account = Account::with(100_000);
    account.positions =
        [(symbol("P6900"), -1), (symbol("P6895"), 1), (symbol("C7000"), -1), (symbol("C7005"), 1)].into();
    let bare = |right| Refusal::UncoversShort { right, bare: 1 };
    let close = |account: &Account, text: &str, action| {
        account.approve(Package::single(closing(text, action).0), 1, 95).map(|_| ())
    };
    assert_eq!(close(&account, "P6895", LegAction::Sell), Err(bare(Right::Put)));
    assert_eq!(close(&account, "C7005", LegAction::Sell), Err(bare(Right::Call)));
    assert_eq!(close(&account, "P6900", LegAction::Buy), Ok(()), "the short first");
    for (why, more) in [
        ("a naked call, which has no floor", vec![("C7100", -1)]),
        ("a put that loses more than the spread", vec![("P6990", -9), ("P6000", 9)]),
        ("calls that lose more", vec![("C6500", -50), ("C7200", 50)]),
    ] {
        let mut account = Account { positions: account.positions.clone(), ..Account::with(100_000_000) };
        account.positions.extend(more.iter().map(|(text, contracts)| (symbol(text), *contracts)));
        assert_eq!(close(&account, "P6895", LegAction::Sell), Err(bare(Right::Put)), "{why}");
    }
    // A later long covers an earlier short, and not the other way round.
    let mut diagonal = Account::with(100_000_000);
    let later = |right: char| format!("SPXW260219{right}6895").parse().unwrap();
    diagonal.positions = [(symbol("P6900"), -1), (later('P'), 1)].into();
    let sell_later = Package::single(Leg::close(later('P'), LegAction::Sell));
    assert_eq!(diagonal.approve(sell_later, 1, 95).unwrap_err(), bare(Right::Put));
    diagonal.positions = [(later('P'), -1), (symbol("P6895"), 1)].into();
    assert_eq!(close(&diagonal, "P6895", LegAction::Sell), Ok(()), "it covered nothing");
    // A cover that is moved away leaves the short covered, and costs what it risks more.
    let away = Package::custom([closing("P6895", LegAction::Sell), opening("P6800", LegAction::Buy)]);
    let moved = account.approve(away.unwrap().directed(Effect::Credit), 1, 95).unwrap();
    assert_eq!(moved.get().worst_loss_added, Decimal::from(9_500 - 65), "95 wider, less the credit's floor");
}

#[test]
fn what_nothing_bounds_is_refused() {
    let account = Account::with(1_000_000);
    let naked = account.approve(Package::single(opening("C7000", LegAction::Sell).0), 1, 95).unwrap_err();
    assert!(matches!(naked, Refusal::Unbounded(_)), "{naked}");
    // Of two expiries each settles where it is worst: a short call that a later one covers is as good as
    // naked.
    let later = (Leg::open("SPXW260219C7000".parse().unwrap(), LegAction::Buy), 1);
    let calendar = Package::custom([opening("C7000", LegAction::Sell), later]).unwrap();
    assert!(matches!(account.approve(calendar.directed(Effect::Debit), 1, 95), Err(Refusal::Unbounded(_))));
    assert!(matches!(account.approve(calendar, 1, 95), Err(Refusal::NoDirection { .. })));
    let long = account.approve(Package::single(opening("C7000", LegAction::Buy).0), 1, 95).unwrap();
    assert_eq!(
        (long.get().tick, long.get().worst_loss_added, long.get().most_worth),
        (Tick::DIME, Decimal::from(120), None)
    );
}

proptest! {
    /// Packages of any legs: what approval says that they add is never less than what any settlement loses.
    #[test]
    fn no_settlement_loses_more_than_approval_says(
        legs in prop::collection::btree_map(0_u32..6, (1_u32..3, any::<bool>(), any::<bool>()), 2..5),
        quantity in 1_u32..4,
        settle in 6_600_u32..7_300,
    ) {
        let each = legs.iter().map(|(step, (ratio, call, sold))| {
            let text = format!("{}{}", if *call { "C" } else { "P" }, 6_850 + 25 * step);
            let (leg, _) = opening(&text, if *sold { LegAction::Sell } else { LegAction::Buy });
            (leg, *ratio)
        });
        let Ok(package) = Package::custom(each) else { return Ok(()) };
        for effect in [Effect::Credit, Effect::Debit] {
            let Ok(intent) = Account::with(1_000_000_000).approve(package.directed(effect), quantity, 95) else { continue };
            let intent = intent.get();
            let cash = intent.worst_price.points() * if effect == Effect::Credit { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
            let worth = settlement_value(&package.contracts(), Decimal::from(settle)) + cash;
            prop_assert!(-worth * Decimal::from(quantity) * Decimal::ONE_HUNDRED <= intent.worst_loss_added, "{package} at {settle}");
        }
    }
}

#[test]
fn what_the_broker_still_shows_is_not_closed_again() {
    let put = vertical("P6900", "P6895");
    let close = Package::vertical(put).reversed();
    let of = |sold: i64, bought: i64| BTreeMap::from([(put.sell(), sold), (put.buy(), bought)]);
    for (why, shown, filled, expected, closable) in [
        ("two of five are closed, and shown so", of(-3, 3), of(2, -2), of(-3, 3), 3),
        ("two of five are closed, and not shown yet", of(-5, 5), of(2, -2), of(-3, 3), 3),
        ("somebody closed more", of(-1, 1), of(2, -2), of(-3, 3), 1),
        ("all is closed, and not shown yet", of(-5, 5), of(5, -5), of(0, 0), 0),
        ("more is closed than was there", of(-5, 5), of(6, -6), of(1, -1), 0),
    ] {
        let account = Account { positions: shown, ledger: filled, expected, ..Account::with(100_000) };
        for quantity in 1..=5 {
            let verdict = account.approve(close, quantity, 95);
            assert_eq!(verdict.is_ok(), quantity <= closable, "{why}: {quantity}: {verdict:?}");
        }
    }
}
