//! The steps of a run, what can go wrong at each, and how often it did.

use std::fmt;

/// One kind of call that a run makes of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub &'static str, pub Kind);

/// What kind of call it is, and so what can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A read of the table or the parameter store.
    AwsRead,
    /// A write there.
    AwsWrite,
    /// A read of the broker that shows no order.
    BrokerRead,
    /// A read of the broker's orders.
    OrderRead,
    /// An order is sent.
    Place,
    /// A cancel is asked for.
    Cancel,
    /// A token is refreshed.
    Refresh,
    /// The signal is read.
    Signal,
    /// The feed gets ready.
    Prepare,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Its answer comes late, yet in time.
    Slow,
    /// It arrives late, yet is answered in time.
    Late,
    /// It never arrives; the caller waits until it gives up.
    LostBefore,
    /// It takes effect, its answer never comes.
    LostAfter,
    /// It takes effect after its caller has given up.
    Afterwards,
    /// It takes effect twice, and the second answer is the one that comes.
    Twice,
    /// It fails at once without effect.
    Fails,
    /// It takes effect and is reported failed.
    FailsAfter,
    /// Its whole process stands still, longer than its lease lasts, and then goes on.
    Stalls,
    /// The run dies before it arrives.
    DiesBefore,
    /// The run dies with its effect, before the answer.
    DiesAfter,
    /// 401.
    Unauthorized,
    /// 429.
    TooMany,
    /// No connection is made.
    NotConnected,
    /// The broker says no.
    Refused,
    /// Success without an order id.
    NoId,
    /// The newest orders are not shown yet.
    Unseen,
    /// A status nobody knows.
    Odd,
    /// "Filled" before its fills are attached.
    Unattached,
    /// An answer that does not read.
    Garbled,
    /// The edge in front of the broker answers with its page; what was asked never reached the broker.
    Page,
    /// 404.
    NotFound,
    /// Success with nothing in it.
    Empty,
    /// The order is taken, and its reply names another order of the account.
    NamesAnother,
    /// The order is not taken, and its reply names another order of the account.
    NamesInstead,
}

use Fault::{
    Afterwards, DiesAfter, DiesBefore, Empty, Fails, FailsAfter, Garbled, Late, LostAfter, LostBefore,
    NamesAnother, NamesInstead, NoId, NotConnected, NotFound, Odd, Page, Refused, Slow, Stalls, TooMany,
    Twice, Unattached, Unauthorized, Unseen,
};

impl Kind {
    /// What can go wrong with it.
    #[must_use]
    pub const fn faults(self) -> &'static [Fault] {
        match self {
            Self::AwsRead => &[Slow, LostBefore, Fails, Stalls, DiesBefore, DiesAfter],
            Self::AwsWrite => &[
                Slow, Late, LostBefore, LostAfter, Afterwards, Twice, Fails, FailsAfter, Stalls, DiesBefore,
                DiesAfter,
            ],
            Self::BrokerRead => {
                &[Slow, LostBefore, Fails, Unauthorized, TooMany, Garbled, Stalls, DiesBefore, DiesAfter]
            }
            Self::OrderRead => &[
                Slow,
                Late,
                LostBefore,
                Fails,
                Unauthorized,
                TooMany,
                Unseen,
                Odd,
                Unattached,
                Garbled,
                Stalls,
                DiesBefore,
                DiesAfter,
            ],
            Self::Place => &[
                Slow,
                Late,
                LostBefore,
                LostAfter,
                Afterwards,
                Fails,
                FailsAfter,
                NotConnected,
                Unauthorized,
                TooMany,
                Refused,
                NoId,
                Stalls,
                DiesBefore,
                DiesAfter,
            ],
            Self::Cancel => &[
                Slow,
                Late,
                LostBefore,
                LostAfter,
                Afterwards,
                Twice,
                Fails,
                FailsAfter,
                Unauthorized,
                Refused,
                Stalls,
                DiesBefore,
                DiesAfter,
            ],
            Self::Refresh => &[Slow, LostBefore, LostAfter, Fails, Stalls, DiesBefore, DiesAfter],
            Self::Signal => &[Slow, LostBefore, Fails, Unauthorized, Garbled, Stalls, DiesBefore, DiesAfter],
            Self::Prepare => &[Slow, Stalls, DiesBefore, DiesAfter],
        }
    }

    /// What can go wrong with it besides on an unkind day. They stand apart because kind days aim at their
    /// pairs by number.
    #[must_use]
    pub const fn unkind(self) -> &'static [Fault] {
        match self {
            Self::AwsRead | Self::AwsWrite | Self::Prepare => &[],
            Self::BrokerRead | Self::OrderRead => &[Page, NotFound, Empty],
            Self::Place => &[Page, NamesAnother, NamesInstead],
            Self::Cancel => &[Page, NotFound],
            Self::Refresh => &[Page],
            Self::Signal => &[Page, Empty],
        }
    }

    /// Whether this can go wrong with it at all.
    #[must_use]
    pub fn may(self, fault: Fault) -> bool {
        self.faults().contains(&fault) || self.unkind().contains(&fault)
    }
}

/// Every step that a run can take. A call that is not among them stops the simulation.
pub const STEPS: [Step; 33] = [
    Step("take lease", Kind::AwsWrite),
    Step("renew lease", Kind::AwsWrite),
    Step("release lease", Kind::AwsWrite),
    Step("load day", Kind::AwsRead),
    Step("open day", Kind::AwsWrite),
    Step("put intents", Kind::AwsWrite),
    Step("put intents, compare", Kind::AwsRead),
    Step("put sending", Kind::AwsWrite),
    Step("put sending, compare", Kind::AwsRead),
    Step("set rung", Kind::AwsWrite),
    Step("set intent", Kind::AwsWrite),
    Step("close day", Kind::AwsWrite),
    Step("put run", Kind::AwsWrite),
    Step("put run, compare", Kind::AwsRead),
    Step("read outbox", Kind::AwsRead),
    Step("hand off", Kind::AwsWrite),
    Step("clear outbox", Kind::AwsWrite),
    Step("read controls", Kind::AwsRead),
    Step("take token lock", Kind::AwsWrite),
    Step("release token lock", Kind::AwsWrite),
    Step("load token", Kind::AwsRead),
    Step("save token", Kind::AwsWrite),
    Step("token history", Kind::AwsRead),
    Step("refresh token", Kind::Refresh),
    Step("account", Kind::BrokerRead),
    Step("quotes", Kind::BrokerRead),
    Step("orders", Kind::OrderRead),
    Step("orders in haste", Kind::OrderRead),
    Step("order", Kind::OrderRead),
    Step("place", Kind::Place),
    Step("cancel", Kind::Cancel),
    Step("signal", Kind::Signal),
    Step("signal, get ready", Kind::Prepare),
];

/// Steps that came later. They stand apart because kind days aim at pairs of step and fault by number: a step
/// more would make each of them another day.
pub const LATER_STEPS: [Step; 1] = [Step("working orders", Kind::OrderRead)];

/// The step called so.
///
/// # Panics
/// When no step is called so: the tables of steps are to be complete.
#[must_use]
pub fn step(name: &str) -> Step {
    *STEPS
        .iter()
        .chain(&LATER_STEPS)
        .find(|step| step.0 == name)
        .unwrap_or_else(|| panic!("no step is called {name}: add it to STEPS"))
}

/// Every (step, fault) that a kind day aims at.
pub fn pairs() -> impl Iterator<Item = (Step, Fault)> {
    STEPS.iter().flat_map(|step| step.1.faults().iter().map(|fault| (*step, *fault)))
}

/// Every (step, fault) that only an unkind day aims at.
pub fn unkind_pairs() -> impl Iterator<Item = (Step, Fault)> {
    let later = LATER_STEPS.iter().flat_map(|step| step.1.faults().iter().map(|fault| (*step, *fault)));
    STEPS
        .iter()
        .chain(&LATER_STEPS)
        .flat_map(|step| step.1.unkind().iter().map(|fault| (*step, *fault)))
        .chain(later)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Slow => "slow",
            Late => "late",
            LostBefore => "lost before",
            LostAfter => "lost after",
            Afterwards => "after giving up",
            Twice => "twice",
            Fails => "fails",
            FailsAfter => "fails after",
            Stalls => "stalls",
            DiesBefore => "dies before",
            DiesAfter => "dies after",
            Unauthorized => "401",
            TooMany => "429",
            NotConnected => "not connected",
            Refused => "refused",
            NoId => "no id",
            Unseen => "not yet shown",
            Odd => "odd status",
            Unattached => "fills missing",
            Garbled => "garbled",
            Page => "403 page",
            NotFound => "404",
            Empty => "empty",
            NamesAnother => "names another",
            NamesInstead => "names another instead",
        })
    }
}
