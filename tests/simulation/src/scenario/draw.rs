//! Drawing a day from a seed.

use gamma_execution::run::{Resolve, Task};
use gamma_market::{Price, Right};
use jiff::civil::date;
use rust_decimal::Decimal;

use super::{
    ACCOUNTS, Account, Delivery, Happening, MOST, Mode, SCHEDULED, SWEEPS, Scenario, Signal, sweeps, trade,
    trade_date,
};
use crate::chance::Chance;
use crate::exchange::{Market, Ms};
use crate::fault::{Fault, Kind, Step, pairs, step};

/// An operator's decision of how much of a side was filled; how much, he sees at the broker when the time
/// comes.
fn decision(side: Right) -> Task {
    Task::Resolve(Resolve {
        date: trade_date(),
        side,
        filled: 0,
        by: "operator".to_owned(),
        why: "looked at the broker's history".to_owned(),
    })
}

const fn aws(step: Step) -> bool {
    matches!(step.1, Kind::AwsRead | Kind::AwsWrite)
}

pub(super) const fn broker_reads(step: Step) -> bool {
    matches!(step.1, Kind::BrokerRead | Kind::OrderRead)
}

pub(super) const fn orders_and_cancels(step: Step) -> bool {
    matches!(step.1, Kind::Place | Kind::Cancel)
}

pub(super) const fn feed(step: Step) -> bool {
    matches!(step.1, Kind::Signal)
}

impl Scenario {
    /// What `seed` makes happen in a world whose broker tells the truth. What a seed draws here never
    /// changes.
    #[must_use]
    pub fn kind(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 1);
        match seed % 10 {
            0 => Self::trades(seed, &mut chance),
            1..=4 => Self::anything(seed, Mode::Liveness, &mut chance),
            _ => Self::anything(seed, Mode::Safety, &mut chance),
        }
    }

    /// A day on which it must trade.
    fn trades(seed: u64, chance: &mut Chance) -> Self {
        let mut day = Self { seed, ..Self::plain() };
        day.draw_accounts(chance);
        for account in &mut day.accounts {
            account.held = 0;
        }
        let signal = draw_signal(chance);
        day.plans.clear();
        day.add_plans(signal);
        day.feed = vec![
            (SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))),
            (SCHEDULED + 30_000, signal.row(trade_date())),
        ];
        for key in day.sides() {
            let (after, every, cancel) = (chance.below(1500), chance.below(200), chance.below(800));
            let market = Market {
                fills_at: Some(*chance.pick(&[0, 0, 5])),
                after,
                every,
                cancel,
                liquidity: 100,
                deaf: 0,
                rejects: false,
            };
            day.markets.insert(key, market);
        }
        day.deliveries = day
            .all_accounts()
            .flat_map(|account| first(account, chance).into_iter().chain(sweeps(account)))
            .collect();
        if chance.per_mille(200) {
            day.token_ends = SCHEDULED + chance.between(-100_000, 300_000);
        }
        let at = SCHEDULED + chance.between(0, 60_000);
        // "One AWS or read fault": a POST that fails is neither.
        day.faults.orders_arrive = true;
        let quick = [
            Fault::Fails,
            Fault::Fails,
            Fault::FailsAfter,
            Fault::Twice,
            Fault::TooMany,
            Fault::Garbled,
            Fault::Unauthorized,
        ];
        match chance.below(5) {
            0 => {}
            1 => day.faults.outage = Some((aws, at, at + 2000)),
            2 => day.faults.outage = Some((broker_reads, at, at + 2000)),
            3 => day.faults.outage = Some((feed, SCHEDULED + 30_000, SCHEDULED + 32_000)),
            _ => {
                day.faults.at_call =
                    Some((u32::try_from(chance.below(140)).unwrap_or(0), *chance.pick(&quick)))
            }
        }
        day
    }

    /// A day on which anything may go wrong.
    fn anything(seed: u64, mode: Mode, chance: &mut Chance) -> Self {
        let mut day = Self { seed, mode, ..Self::plain() };
        day.draw_accounts(chance);
        let moves = chance.per_mille(250);
        let signal = draw_signal(chance);
        day.plans.clear();
        day.add_plans(signal);
        let published = if chance.per_mille(100) {
            chance.between(40_000, 100_000)
        } else {
            chance.between(28_000, 31_500)
        };
        day.feed = vec![
            (SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))),
            (SCHEDULED + published, signal.row(trade_date())),
        ];
        if moves {
            let other = Signal { shift: if chance.per_mille(800) { 10 } else { 0 }, ..draw_signal(chance) };
            day.add_plans(other);
            day.feed.push((SCHEDULED + published + chance.between(1, 40_000), other.row(trade_date())));
        }
        for key in day.sides() {
            let market = draw_market(chance);
            day.markets.insert(key, market);
        }
        day.draw_quotes(chance);
        day.draw_deliveries(chance);
        day.tag_known = chance.per_mille(500);
        day.undated = chance.per_mille(300);
        day.draw_happenings(chance);
        day.token_ends =
            SCHEDULED + if chance.per_mille(300) { chance.between(-100_000, 400_000) } else { 1_500_000 };
        day.function = *chance.pick(&[240_000, 240_000, 240_000, 240_000, 180_000, 120_000, 90_000, 60_000]);
        day.draw_faults(chance);
        day
    }

    fn all_accounts(&self) -> std::ops::Range<usize> {
        0..self.accounts.len()
    }

    fn sides(&self) -> Vec<(usize, Right)> {
        self.all_accounts().flat_map(|account| [(account, Right::Put), (account, Right::Call)]).collect()
    }

    fn draw_accounts(&mut self, chance: &mut Chance) {
        let wanted = usize::try_from(*chance.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 3])).unwrap_or(1);
        let from = match wanted {
            1 => usize::from(chance.per_mille(400)),
            // Two accounts are most telling when they share a token.
            2 => 1,
            _ => 0,
        };
        let made = ACCOUNTS[from..from + wanted].iter().map(|(name, token, names_orders)| {
            let equity = Decimal::from(*chance.pick(&[9_000, 9_000, 25_000]));
            Account {
                name,
                token,
                equity,
                held: u32::from(chance.per_mille(100)),
                names_orders: *names_orders,
            }
        });
        self.accounts = made.collect();
    }

    pub(super) fn add_plans(&mut self, signal: Signal) {
        for (number, account) in self.accounts.iter().enumerate() {
            let mut plan = signal.plan(account);
            let plans = self.plans.entry(number).or_default();
            // What is held is of the first plan's put side: the same is topped up, its opposite would be
            // closed.
            let held = plans
                .first()
                .unwrap_or(&plan)
                .iter()
                .find(|(vertical, _)| vertical.right() == Right::Put)
                .map(|(vertical, _)| *vertical);
            for (vertical, quantity) in &mut plan {
                let opposite =
                    held.is_some_and(|held| (held.sell(), held.buy()) == (vertical.buy(), vertical.sell()));
                *quantity = match account.held {
                    0 => *quantity,
                    _ if opposite => 0,
                    packages if held == Some(*vertical) => quantity.saturating_sub(packages),
                    _ => *quantity,
                };
                *quantity = (*quantity).min(MOST);
            }
            plans.push(plan);
        }
    }

    fn draw_quotes(&mut self, chance: &mut Chance) {
        if chance.per_mille(400) {
            for _ in 0..chance.between(1, 4) {
                self.moves.push((SCHEDULED + chance.between(20_000, 118_000), chance.between(-3, 3) * 5));
            }
        }
        if chance.per_mille(80) {
            let from = SCHEDULED + chance.between(25_000, 100_000);
            self.gap = Some((from, from + chance.between(500, 15_000)));
        }
    }

    fn draw_deliveries(&mut self, chance: &mut Chance) {
        self.deliveries = self.all_accounts().flat_map(|account| first(account, chance)).collect();
        for account in self.all_accounts() {
            for _ in 0..*chance.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]) {
                let after = if chance.per_mille(400) { chance.below(600) } else { chance.below(150_000) };
                let task = trade(chance.per_mille(40));
                self.deliveries.push(Delivery { at: SCHEDULED + after, account, task, skew: skew(chance) });
            }
            self.deliveries.extend(sweeps(account).map(|sweep| Delivery {
                at: sweep.at + chance.below(900),
                skew: skew(chance),
                ..sweep
            }));
            if chance.per_mille(100) {
                self.deliveries.push(Delivery {
                    at: SWEEPS[0] + chance.below(20_000),
                    account,
                    task: Task::Sweep { date: None },
                    skew: skew(chance),
                });
            }
        }
        self.redelivered = 600;
        if chance.per_mille(150) {
            let account = *chance.pick(&self.all_accounts().collect::<Vec<_>>());
            self.deliveries.push(Delivery {
                at: SWEEPS[1] + 600_000,
                account,
                task: decision(if chance.per_mille(500) { Right::Put } else { Right::Call }),
                skew: 0,
            });
        }
    }

    fn draw_happenings(&mut self, chance: &mut Chance) {
        let account =
            usize::try_from(chance.below(i64::try_from(self.accounts.len()).unwrap_or(1))).unwrap_or(0);
        let at = SCHEDULED + chance.below(118_000);
        if chance.per_mille(60) {
            let happening =
                if chance.per_mille(500) { Happening::Halt(account) } else { Happening::Disarm(account) };
            self.happenings.push((at, happening));
        }
        if chance.per_mille(20) {
            // An account that nobody armed.
            self.happenings.push((SCHEDULED - 900, Happening::Disarm(account)));
        }
        if chance.per_mille(150) {
            // A twin of ours, or another number of it, entered by hand.
            let (vertical, quantity) = *chance.pick(&self.plans[&account][0]);
            // Where neither name nor tag is known, nothing tells an exact twin from ours.
            let told_apart = self.tag_known || self.accounts[account].names_orders;
            let quantity = if told_apart && chance.per_mille(500) { quantity.max(1) } else { 7 };
            let at = if chance.per_mille(500) { at } else { SCHEDULED + 31_000 + chance.below(3_000) };
            self.happenings.push((at, Happening::Users(account, vertical, quantity, Price::cents(195))));
        }
    }

    fn draw_faults(&mut self, chance: &mut Chance) {
        let all: Vec<(Step, Fault)> = pairs().collect();
        let (at, fault) = all[usize::try_from(self.seed / 10 % all.len() as u64).unwrap_or(0)];
        self.faults.aimed.push((
            at,
            fault,
            u32::try_from(*chance.pick(&[0, 0, 0, 1, 1, 2, 3, 5])).unwrap_or(0),
        ));
        self.lead_to(at, chance);
        self.faults.per_mille = *chance.pick(&[0, 0, 5, 20, 60, 150]);
        if chance.per_mille(250) {
            let from = SCHEDULED + chance.between(0, 140_000);
            let of = *chance.pick(&[aws as fn(Step) -> bool, broker_reads, orders_and_cancels, feed]);
            self.faults.outage = Some((of, from, from + chance.between(1_000, 30_000)));
        }
        if self.mode == Mode::Liveness {
            let moments = [
                chance.between(10_000, 60_000),
                chance.between(60_000, 200_000),
                SWEEPS[1] - SCHEDULED - 1000,
            ];
            self.faults.calm = Some(SCHEDULED + *chance.pick(&moments));
        }
    }

    /// Some steps are taken only after something else went wrong.
    fn lead_to(&mut self, at: Step, chance: &mut Chance) {
        let before = match at.0 {
            "put intents, compare" => Some(("put intents", Fault::Twice)),
            "put sending, compare" => Some(("put sending", Fault::Twice)),
            "orders in haste" => Some(("place", Fault::LostAfter)),
            "token history" => Some(("save token", Fault::Twice)),
            _ => None,
        };
        if let Some((name, fault)) = before {
            self.faults.aimed.push((step(name), fault, 0));
        }
        if matches!(
            at.0,
            "token history"
                | "save token"
                | "load token"
                | "refresh token"
                | "take token lock"
                | "release token lock"
        ) {
            self.token_ends = SCHEDULED + chance.between(-50_000, 100_000);
        }
        if self.faults.aimed[0].1 == Fault::Stalls && chance.per_mille(700) {
            // Somebody takes over while it stands still, and may die of its own.
            self.deliveries.extend(self.all_accounts().map(|account| Delivery {
                at: SCHEDULED + chance.between(1_000, 50_000),
                account,
                task: trade(false),
                skew: 0,
            }));
            let (name, which) =
                *chance.pick(&[("load day", 1), ("open day", 1), ("account", 1), ("signal", 1)]);
            self.faults.aimed.push((step(name), Fault::DiesBefore, which));
        }
        if matches!(at.0, "cancel" | "renew lease" | "order") {
            for market in self.markets.values_mut() {
                market.fills_at = if chance.per_mille(500) { None } else { market.fills_at };
            }
        }
    }
}

pub(super) fn draw_signal(chance: &mut Chance) -> Signal {
    let (left, right) = *chance.pick(&[
        (-1, -1),
        (-1, -1),
        (-1, -1),
        (-1, -1),
        (1, 1),
        (1, -1),
        (-1, 1),
        (-1, 0),
        (0, -1),
        (0, 1),
    ]);
    Signal { left, right, shift: 0, low: chance.per_mille(600) }
}

fn draw_market(chance: &mut Chance) -> Market {
    Market {
        fills_at: *chance.pick(&[Some(0), Some(0), Some(0), Some(5), Some(10), None]),
        after: chance.below(6_000),
        every: chance.below(3_000),
        liquidity: u32::try_from(*chance.pick(&[100, 100, 100, 1, 2, 3])).unwrap_or(1),
        cancel: chance.below(2_500),
        deaf: u32::try_from(*chance.pick(&[0, 0, 0, 0, 0, 1, 2, 9])).unwrap_or(0),
        rejects: chance.per_mille(30),
    }
}

fn skew(chance: &mut Chance) -> Ms {
    if chance.per_mille(500) { 0 } else { chance.between(-1000, 1000) }
}

fn first(account: usize, chance: &mut Chance) -> Vec<Delivery> {
    vec![Delivery { at: SCHEDULED + chance.below(400), account, task: trade(false), skew: skew(chance) }]
}
