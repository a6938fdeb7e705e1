//! Operator records: who may trade live, and what is halted; read together with the edge guard's decision.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use gamma_execution::ports::{Arming, Clock, Controls, Decision, LedgerError};

use super::DynamoLedger;
use super::dynamo::DynamoTable;
use super::edge::decision_from;
use super::item::{Fields, Item, Malformed, flag, item, text};
use super::key::{self, EdgeKeys, HaltScope};
use super::table::{Table, failed};

impl DynamoLedger {
    pub(super) async fn read_controls(&self, account: &str) -> Result<Controls, LedgerError> {
        let operation = "read controls";
        let arming = key::arming(operation, account)?;
        let everyone = key::halt(operation, HaltScope::All)?;
        let own = key::halt(operation, HaltScope::Account(account))?;
        let edge = EdgeKeys::new(operation, account)?.decision();
        let mut found = self.table.get_all(operation, &[&arming, &everyone, &own, &edge]).await?;
        let (arming, everyone, own, edge) = (found.remove(&arming), found.remove(&everyone), found.remove(&own), found.remove(&edge));
        let read = || -> Result<Controls, Malformed> {
            let halts = [halt_from(everyone.as_ref(), "all accounts")?, halt_from(own.as_ref(), account)?];
            let reasons: Vec<String> = halts.into_iter().flatten().collect();
            Ok(Controls {
                arming: arming_from(arming.as_ref())?,
                halted: (!reasons.is_empty()).then(|| reasons.join("; ")),
                edge: edge.as_ref().map(decision_from).transpose()?,
            })
        };
        read().map_err(|malformed| malformed.during(operation))
    }
}

/// Absence is not armed; a record that does not read is an error, never a guess.
fn arming_from(found: Option<&Item>) -> Result<Arming, Malformed> {
    let armed = found.map(|item| Fields::of(item).flag("armed")).transpose()?;
    Ok(if armed == Some(true) { Arming::Armed } else { Arming::NotArmed })
}

fn halt_from(found: Option<&Item>, whom: &str) -> Result<Option<String>, Malformed> {
    let Some(item) = found else { return Ok(None) };
    let fields = Fields::of(item);
    if fields.flag("halted")? { Ok(Some(format!("{whom}: {}", fields.text("reason")?))) } else { Ok(None) }
}

/// Writes the operator records that [`DynamoLedger`] reads as controls. The last decision stands.
#[derive(Debug)]
pub struct OperatorControls {
    table: Arc<dyn Table>,
}

impl OperatorControls {
    /// A writer over the table called `table`.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(DynamoTable::new(config, table.to_owned(), clock)))
    }

    /// A writer over whatever keeps a table's promises.
    #[must_use]
    pub fn over(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    /// Arms an account for live trading, or disarms it.
    ///
    /// # Errors
    /// [`LedgerError`] when the decision names nobody or no reason, or is not known to be written.
    pub async fn set_arming(&self, account: &str, arming: Arming, decision: &Decision) -> Result<(), LedgerError> {
        let operation = "set arming";
        let key = key::arming(operation, account)?;
        let armed = ("armed", flag(arming == Arming::Armed));
        self.write(operation, &key, armed, decision).await
    }

    /// Halts one account or all, or lifts that halt. The halt for all and the halt of one account are lifted apart.
    ///
    /// # Errors
    /// As [`OperatorControls::set_arming`].
    pub async fn set_halt(&self, scope: HaltScope<'_>, halted: bool, decision: &Decision) -> Result<(), LedgerError> {
        let operation = "set halt";
        let key = key::halt(operation, scope)?;
        self.write(operation, &key, ("halted", flag(halted)), decision).await
    }

    async fn write(&self, operation: &'static str, key: &key::Key, fact: (&str, AttributeValue), decision: &Decision) -> Result<(), LedgerError> {
        for (field, value) in [("by", &decision.by), ("why", &decision.why)] {
            if value.trim().is_empty() {
                return Err(failed(operation, key, format!("field {field}: got nothing, expected who decided and why")));
            }
        }
        let fields = [fact, ("by", text(&decision.by)), ("reason", text(&decision.why)), ("at", text(decision.at))];
        self.table.replace(operation, key, item(key, fields)).await
    }
}
