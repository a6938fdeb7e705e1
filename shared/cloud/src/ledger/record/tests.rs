use std::collections::BTreeMap;

use gamma_execution::ports::{DayState, IntentState};
use gamma_market::{Effect, Leg, LegAction, OptionSymbol, Right, Strike};
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

fn keys() -> DayKeys {
    DayKeys::new("test", "schwab", date(2026, 2, 12)).unwrap()
}

prop_compose! {
    fn any_price()(mantissa in -1_000_000_i64..1_000_000, scale in 0_u32..6) -> Price {
        Price::new(Decimal::new(mantissa, scale))
    }
}

prop_compose! {
    fn any_time()(second in 0_i64..4_000_000_000, nanosecond in 0_i32..1_000_000_000) -> Timestamp {
        Timestamp::new(second, nanosecond).unwrap()
    }
}

prop_compose! {
    fn any_writer()(run_id in "\\PC{1,20}", fence in any::<u64>()) -> Writer {
        Writer { run_id, fence }
    }
}

prop_compose! {
    fn any_intent_key()(call in any::<bool>(), revision in 1..=u32::MAX) -> IntentKey {
        IntentKey { strategy: "constant_stable".into(), slot: if call { Right::Call } else { Right::Put }.into(), revision }
    }
}

prop_compose! {
    fn any_vertical()(sell in 1_u32..99_999_999, gap in 1_u32..50_000, call in any::<bool>(), flip in any::<bool>()) -> Vertical {
        let right = if call { Right::Call } else { Right::Put };
        let leg = |strike| OptionSymbol::new("SPXW", date(2026, 2, 12), right, Strike::thousandths(strike).unwrap()).unwrap();
        let other = if sell > gap { sell - gap } else { sell + gap };
        let (sell, buy) = if flip { (other, sell) } else { (sell, other) };
        Vertical::new(leg(sell), leg(buy)).unwrap()
    }
}

prop_compose! {
    fn any_day()(writer in any_writer(), closed in any::<bool>(), sending in any::<bool>(), outcome in proptest::option::of("\\PC{0,20}")) -> DayRecord {
        let state = if closed { DayState::Closed } else { DayState::Open };
        DayRecord { account: "schwab".into(), strategy: "constant_stable".into(), date: date(2026, 2, 12), writer, state, sending, outcome }
    }
}

prop_compose! {
    fn any_intent()(
        key in any_intent_key(),
        vertical in any_vertical(),
        numbers in any::<(u32, u32, u32)>(),
        prices in (any_price(), any_price()),
        writer in any_writer(),
        credit in any::<bool>(),
        state in prop_oneof![Just(IntentState::Open), Just(IntentState::Terminal), Just(IntentState::Unresolved)],
        held in (any::<i64>(), any::<i64>()),
    ) -> IntentRecord {
        let held = [(vertical.sell(), held.0), (vertical.buy(), held.1)].into();
        let effect = if credit { Effect::Credit } else { Effect::Debit };
        let ((quantity, filled, planned_sides), (decision_mid, worst_price)) = (numbers, prices);
        IntentRecord { key, package: vertical.into(), effect, quantity, planned_sides, filled, decision_mid, worst_price, writer, state, held }
    }
}

fn any_status() -> impl Strategy<Value = OrderStatus> {
    use OrderStatus::{
        CancelPending, Canceled, Expired, Filled, Other, Pending, Rejected, Replaced, Working,
    };
    let known = prop::sample::select(vec![
        Pending,
        Working,
        CancelPending,
        Filled,
        Canceled,
        Rejected,
        Expired,
        Replaced,
    ]);
    // `filled` and `other:` as a broker's own words must not turn into ours.
    let words = prop_oneof!["\\PC{0,20}", Just("filled".to_owned()), Just("other:x".to_owned())];
    prop_oneof![known, words.prop_map(Other)]
}

prop_compose! {
    fn any_fill()(quantity in any::<u32>(), price in any_price(), at in proptest::option::of(any_time())) -> Fill {
        Fill { quantity, price, at }
    }
}

fn any_rung_state() -> impl Strategy<Value = RungState> {
    let order = || "\\PC{1,20}".prop_map(OrderId);
    prop_oneof![
        Just(RungState::Sending),
        order().prop_map(|order| RungState::Named { order }),
        order().prop_map(|order| RungState::Accepted { order }),
        "\\PC{0,40}".prop_map(|reason| RungState::Refused { reason }),
        "\\PC{0,40}".prop_map(|reason| RungState::Unknown { reason }),
        "\\PC{0,40}".prop_map(|reason| RungState::NeverAccepted { reason }),
        (any::<u32>(), "\\PC{1,20}", "\\PC{1,40}", any_time()).prop_map(|(filled, by, why, at)| {
            RungState::Resolved { filled, decision: Decision { by, why, at } }
        }),
        (order(), any_status(), any::<u32>(), prop::collection::vec(any_fill(), 0..4))
            .prop_map(|(order, status, filled, fills)| RungState::Terminal { order, status, filled, fills }),
    ]
}

prop_compose! {
    fn any_rung()(
        intent in any_intent_key(),
        numbers in (1..=u32::MAX, any::<u32>()),
        price in any_price(),
        at in any_time(),
        seen in prop::collection::vec("\\PC{1,12}".prop_map(OrderId), 0..4),
        writer in any_writer(),
        state in any_rung_state(),
        nbbo in (any_price(), any_price(), any_price()),
    ) -> RungRecord {
        RungRecord { intent, number: numbers.0, price, quantity: numbers.1, at, seen, writer, state, nbbo }
    }
}

proptest! {
    #[test]
    fn days_read_back(day in any_day()) {
        let key = keys().day("test", &day.strategy).unwrap();
        prop_assert_eq!(day_from(&day_item(&key, &day)).unwrap(), day);
    }

    #[test]
    fn intents_read_back(intent in any_intent()) {
        let key = keys().intent("test", &intent.key).unwrap();
        prop_assert_eq!(intent_from(&intent_item(&key, &intent)).unwrap(), intent);
    }

    #[test]
    fn rungs_read_back(rung in any_rung()) {
        let key = keys().rung("test", &rung.intent, rung.number).unwrap();
        prop_assert_eq!(rung_from(&rung_item(&key, &rung)).unwrap(), rung);
    }

    /// Whatever field is lost or comes as another type, the error names item and field; no field is filled in
    /// silently.
    #[test]
    fn a_lost_or_wrong_field_is_named(day in any_day(), intent in any_intent(), rung in any_rung()) {
        let day = day_item(&keys().day("test", &day.strategy).unwrap(), &day);
        let intent = intent_item(&keys().intent("test", &intent.key).unwrap(), &intent);
        let rung = rung_item(&keys().rung("test", &rung.intent, rung.number).unwrap(), &rung);
        all_named(&day, |item| day_from(item).map(drop))?;
        all_named(&intent, |item| intent_from(item).map(drop))?;
        all_named(&rung, |item| rung_from(item).map(drop))?;
    }

    #[test]
    fn a_lease_never_ends_early(at in any_time()) {
        let stored = expiry_ms(at) * 1_000_000;
        prop_assert!(stored >= at.as_nanosecond() && stored - at.as_nanosecond() < 1_000_000);
    }
}

fn all_named(item: &Item, read: impl Fn(&Item) -> Result<(), Malformed>) -> Result<(), TestCaseError> {
    for field in item.keys() {
        let mut wrong = item.clone();
        wrong.insert(field.clone(), AttributeValue::Null(true));
        let mut lost = item.clone();
        lost.remove(field);
        for (broken, may_be_absent) in [(wrong, false), (lost, field == "outcome")] {
            match read(&broken) {
                Ok(()) => prop_assert!(may_be_absent, "{field} was not missed"),
                Err(error) => prop_assert!(
                    error.to_string().starts_with(&format!("field {field}: got ")),
                    "{field}: {error}"
                ),
            }
        }
    }
    Ok(())
}

#[test]
fn an_item_under_the_wrong_key_is_refused() {
    let key = IntentKey { strategy: "constant_stable".into(), slot: Right::Put.into(), revision: 1 };
    let sell: OptionSymbol = "SPXW260212P6900".parse().unwrap();
    let intent = IntentRecord {
        package: Vertical::new(sell, "SPXW260212P6895".parse().unwrap()).unwrap().into(),
        effect: Effect::Credit,
        quantity: 2,
        planned_sides: 2,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(85),
        writer: Writer { run_id: "run".into(), fence: 1 },
        state: IntentState::Open,
        filled: 0,
        held: BTreeMap::from([(sell, -2)]),
        key,
    };
    let second = IntentKey { revision: 2, ..intent.key.clone() };
    let item = intent_item(&keys().intent("test", &second).unwrap(), &intent);
    let error = intent_from(&item).unwrap_err().during("load day").to_string();
    assert_eq!(
        error,
        "ledger: load day schwab#2026-02-12/intent#constant_stable#put#r02: field sk: got \"intent#constant_stable#put#r02\", \
         expected the key that the item's own fields spell"
    );
}

#[test]
fn keys_are_cut_by_account_and_cannot_be_forged() {
    for account in ["", " ", "control", "token", "all", "schwab#2026-02-12"] {
        assert!(DayKeys::new("test", account, date(2026, 2, 12)).is_err(), "{account:?}");
    }
    assert!(keys().day("test", "constant#stable").is_err());
    assert!(keys().run("test", "").is_err());
    let key = IntentKey { strategy: "constant_stable".into(), slot: Right::Call.into(), revision: 3 };
    assert_eq!(
        keys().rung("test", &key, 12).unwrap().to_string(),
        "schwab#2026-02-12/rung#constant_stable#call#r03#12"
    );
    assert!(keys().rung("test", &key, 0).is_err());
    assert!(keys().intent("test", &IntentKey { revision: 0, ..key }).is_err());
}

#[test]
fn a_package_of_any_legs_and_an_older_item_read_back() {
    let leg = |symbol: &str, action| (Leg::close(symbol.parse().unwrap(), action), 1);
    let long = (Leg::open("SPXW260219P6800".parse().unwrap(), LegAction::Buy), 1);
    let roll =
        Package::custom([leg("SPXW260212P6900", LegAction::Sell), long]).unwrap().directed(Effect::Debit);
    let put = Package::vertical(
        Vertical::new("SPXW260212P6900".parse().unwrap(), "SPXW260212P6895".parse().unwrap()).unwrap(),
    );
    let intent = |slot: &str, package: Package| IntentRecord {
        key: IntentKey { strategy: "roller".into(), slot: Slot(slot.into()), revision: 1 },
        package,
        effect: package.effect().unwrap(),
        quantity: 1,
        planned_sides: 1,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(125),
        writer: Writer { run_id: "run".into(), fence: 1 },
        state: IntentState::Open,
        filled: 0,
        held: BTreeMap::new(),
    };
    for record in [intent("roll/long-put", roll), intent("close", put.reversed()), intent("put", put)] {
        let item = intent_item(&keys().intent("test", &record.key).unwrap(), &record);
        assert_eq!(intent_from(&item).unwrap(), record);
    }
    // What is written today of a put's vertical, called as it was before.
    let record = intent("put", put);
    let mut older = intent_item(&keys().intent("test", &record.key).unwrap(), &record);
    let slot = older.remove("slot").unwrap();
    older.insert("side".to_owned(), slot);
    assert_eq!(intent_from(&older).unwrap(), record);
    assert!(
        keys().intent("test", &IntentKey { slot: Slot("a#b".into()), ..record.key }).is_err(),
        "a slot cannot forge a key"
    );
}
