//! Where accounts are steered from: the operator's use cases over the stack that is meant.

use std::collections::BTreeMap;

use gamma_accounts::login::usual_login;
use gamma_cloud::{Closures, DynamoLedger, EventBridgeSchedules, Functions, OperatorControls, SsmTokenStore};
use gamma_execution::ports::ControlScope;
use gamma_operator::{Login, Operator, OperatorError, OperatorPorts, Who};

use crate::arguments::Because;
use crate::desk::World;
use crate::trouble::Trouble;

/// The ports of [`Operator`], put together.
pub(crate) struct Bridge<'w> {
    world: &'w World,
    records: OperatorControls,
    days: DynamoLedger,
    schedules: EventBridgeSchedules,
    sessions: Closures,
    functions: Functions,
    tokens: SsmTokenStore,
    logins: BTreeMap<String, Login>,
}

impl<'w> Bridge<'w> {
    pub(crate) fn of(world: &'w World) -> Self {
        Self {
            records: OperatorControls::new(&world.aws, &world.names.table, world.clock.clone()),
            days: world.ledger(),
            schedules: EventBridgeSchedules::new(&world.aws, &world.names.schedules),
            sessions: world.closures(),
            functions: world.functions(),
            tokens: SsmTokenStore::new(&world.aws),
            logins: world
                .names
                .accounts()
                .filter_map(|account| Some((account.to_owned(), usual_login(account)?)))
                .collect(),
            world,
        }
    }

    /// The stack as an operator should see it named: by its ledger, where decisions are kept.
    pub(crate) fn stack(&self) -> &str {
        let table = self.world.names.table.as_str();
        table.strip_suffix("-ledger").unwrap_or(table)
    }

    pub(crate) fn operator(&self) -> Operator<'_> {
        let ports = OperatorPorts {
            clock: self.world.clock.as_ref(),
            records: &self.records,
            days: &self.days,
            schedules: &self.schedules,
            sessions: &self.sessions,
            functions: &self.functions,
            tokens: &self.tokens,
        };
        Operator { names: &self.world.names, logins: &self.logins, ports }
    }
}

/// Who asks, as it is recorded.
pub(crate) fn who(because: &Because) -> Who<'_> {
    Who { by: &because.by, why: &because.why }
}

/// An account, or all where none is said.
pub(crate) fn scope(account: Option<&str>) -> ControlScope {
    account.map_or(ControlScope::All, ControlScope::from)
}

/// What an operator asked for was not done, or nobody knows.
pub(crate) fn trouble(attempted: &str, error: &OperatorError) -> Trouble {
    match error {
        OperatorError::UnknownAccount { .. } => {
            Trouble::no(attempted, error).next("--accounts names those of a stack with others")
        }
        OperatorError::Unsaid { .. } | OperatorError::NotConfirmed { .. } => Trouble::no(attempted, error),
        OperatorError::Ledger(refused) if refused.refused => {
            Trouble::no(attempted, refused).next("nothing was written; `gamma check` says what is missing")
        }
        OperatorError::Ledger(_) => Trouble::unknown(attempted, error)
            .next("it may have been done all the same: look with `gamma status`, or do it again"),
        OperatorError::Function(_) => {
            Trouble::unknown(attempted, error).next("`gamma status` says how the account stands")
        }
    }
}
