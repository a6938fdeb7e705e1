//! Operator records: who may trade live, and what is halted; read together with the edge guard's decision.
//! Beside them every change of them, and of what stands outside the ledger.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use gamma_execution::ports::{
    Arming, ChangeState, Clock, ControlChange, ControlRecord, ControlScope, ControlVerb, Controls, Decision,
    EdgeDecision, LedgerError, OperatorLedger, Standing,
};

use super::DynamoLedger;
use super::dynamo::DynamoTable;
use super::edge::decision_from;
use super::item::{Fields, Item, Malformed, flag, item, text, word};
use super::key::{self, EdgeKeys, Key};
use super::table::{Change, Expression, Step, Table, Transacted, Written, failed};

const CONCLUDE: &str = "SET #state = :state, #detail = :detail";
const IS_KEPT: &str = "attribute_exists(#pk)";

impl DynamoLedger {
    pub(super) async fn read_controls(&self, account: &str) -> Result<Controls, LedgerError> {
        let operation = "read controls";
        let arming = key::arming(operation, account)?;
        let everyone = key::halt(operation, &ControlScope::All)?;
        let own = key::halt(operation, &ControlScope::Account(account.to_owned()))?;
        let edge = EdgeKeys::new(operation, account)?.decision();
        let mut found = self.table.get_all(operation, &[&arming, &everyone, &own, &edge]).await?;
        let (arming, everyone, own, edge) =
            (found.remove(&arming), found.remove(&everyone), found.remove(&own), found.remove(&edge));
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

/// Writes the operator records that [`DynamoLedger`] reads as controls, and reads them as operators do.
#[derive(Debug)]
pub struct OperatorControls {
    table: Arc<dyn Table>,
}

impl OperatorControls {
    /// Over the table called `table`.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(DynamoTable::new(config, table.to_owned(), clock)))
    }

    /// Over whatever keeps a table's promises.
    #[must_use]
    pub fn over(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    /// Arms an account for live trading, or disarms it.
    ///
    /// # Errors
    /// As [`OperatorLedger::decide`].
    pub async fn set_arming(
        &self,
        account: &str,
        arming: Arming,
        decision: &Decision,
    ) -> Result<(), LedgerError> {
        self.decide(
            &ControlRecord::Arming { account: account.to_owned(), armed: arming == Arming::Armed },
            decision,
        )
        .await
    }

    /// Halts one account or all, or lifts that halt.
    ///
    /// # Errors
    /// As [`OperatorLedger::decide`].
    pub async fn set_halt(
        &self,
        scope: &ControlScope,
        halted: bool,
        decision: &Decision,
    ) -> Result<(), LedgerError> {
        self.decide(&ControlRecord::Halt { scope: scope.clone(), halted }, decision).await
    }

    async fn standing(
        &self,
        operation: &'static str,
        key: &Key,
        fact: &str,
    ) -> Result<Option<Standing>, LedgerError> {
        let found = self.table.get(operation, key).await?;
        let read = |item: Item| {
            let fields = Fields::of(&item);
            Ok(Standing { on: fields.flag(fact)?, decision: decided_from(&fields)? })
        };
        found.map(read).transpose().map_err(|malformed: Malformed| malformed.during(operation))
    }
}

#[async_trait]
impl OperatorLedger for OperatorControls {
    async fn arming(&self, account: &str) -> Result<Option<Standing>, LedgerError> {
        let operation = "read arming";
        self.standing(operation, &key::arming(operation, account)?, "armed").await
    }

    async fn halt(&self, scope: &ControlScope) -> Result<Option<Standing>, LedgerError> {
        let operation = "read halt";
        self.standing(operation, &key::halt(operation, scope)?, "halted").await
    }

    async fn edge_decision(&self, account: &str) -> Result<Option<EdgeDecision>, LedgerError> {
        let operation = "read edge decision";
        let found = self.table.get(operation, &EdgeKeys::new(operation, account)?.decision()).await?;
        found.as_ref().map(decision_from).transpose().map_err(|malformed| malformed.during(operation))
    }

    async fn decide(&self, record: &ControlRecord, decision: &Decision) -> Result<(), LedgerError> {
        let (operation, key, fact) = match record {
            ControlRecord::Arming { account, armed } => {
                ("set arming", key::arming("set arming", account)?, ("armed", flag(*armed)))
            }
            ControlRecord::Halt { scope, halted } => {
                ("set halt", key::halt("set halt", scope)?, ("halted", flag(*halted)))
            }
        };
        let change = new_change(operation, &record.scope(), record.verb(), decision, ChangeState::Done)?;
        let change_key = key_of(operation, &change)?;
        let made = change_item(&change_key, &change);
        let fields =
            [fact, ("by", text(&decision.by)), ("reason", text(&decision.why)), ("at", text(decision.at))];
        let steps = vec![
            Step::Put(item(&key, fields), Expression::always()),
            Step::Put(made.clone(), Expression::absent()),
        ];
        match self.table.transact(operation, &key, steps).await? {
            Transacted::Done => Ok(()),
            // Its own change stands there already: this is the repetition of a write whose answer was lost.
            Transacted::Refused(_) if self.table.get(operation, &change_key).await? == Some(made) => Ok(()),
            Transacted::Refused(_) => {
                Err(failed(operation, &change_key, "another change stands there".to_owned()))
            }
        }
    }

    async fn ask(
        &self,
        scope: &ControlScope,
        verb: ControlVerb,
        decision: &Decision,
    ) -> Result<ControlChange, LedgerError> {
        let operation = "ask for a change";
        let change = new_change(operation, scope, verb, decision, ChangeState::AskedFor)?;
        let key = key_of(operation, &change)?;
        let made = change_item(&key, &change);
        match self.table.put(operation, &key, made.clone(), &Expression::absent()).await? {
            Written::Done(_) => Ok(change),
            Written::Refused(standing) if standing.as_ref() == Some(&made) => Ok(change),
            Written::Refused(_) => Err(failed(operation, &key, "another change stands there".to_owned())),
        }
    }

    async fn conclude(&self, change: &ControlChange) -> Result<(), LedgerError> {
        let operation = "conclude a change";
        let key = key_of(operation, change)?;
        let detail = change.detail.as_deref().unwrap_or_default();
        let set = Expression::new(CONCLUDE, [(":state", word(&change.state)), (":detail", text(detail))]);
        match self.table.update(operation, &key, &Change { set, when: Expression::new(IS_KEPT, []) }).await? {
            Written::Done(_) => Ok(()),
            Written::Refused(_) => Err(failed(operation, &key, "no such change was asked for".to_owned())),
        }
    }

    async fn changes(&self, scope: &ControlScope) -> Result<Vec<ControlChange>, LedgerError> {
        let operation = "read changes";
        let found = self.table.partition(operation, &key::controls(operation, scope)?).await?;
        let is_change = |item: &&Item| Key::of(item).is_some_and(|key| key.sort.starts_with(key::CHANGE));
        let changes: Result<Vec<_>, Malformed> =
            found.iter().filter(is_change).map(|item| change_from(item, scope)).collect();
        let mut changes = changes.map_err(|malformed| malformed.during(operation))?;
        changes.sort_by(|a, b| (b.decision.at, &b.id).cmp(&(a.decision.at, &a.id)));
        Ok(changes)
    }
}

fn key_of(operation: &'static str, change: &ControlChange) -> Result<Key, LedgerError> {
    key::change(operation, &change.scope, change.decision.at, &change.id)
}

/// A change with a name of its own: two operators may decide in the same moment.
fn new_change(
    operation: &'static str,
    scope: &ControlScope,
    verb: ControlVerb,
    decision: &Decision,
    state: ChangeState,
) -> Result<ControlChange, LedgerError> {
    for (field, value) in [("by", &decision.by), ("why", &decision.why)] {
        if value.trim().is_empty() {
            return Err(failed(
                operation,
                format!("control#{scope}"),
                format!("field {field}: got nothing, expected who decided and why"),
            ));
        }
    }
    let id = format!("{:016x}", RandomState::new().hash_one(&decision.by));
    Ok(ControlChange { scope: scope.clone(), id, verb, decision: decision.clone(), state, detail: None })
}

fn change_item(key: &Key, change: &ControlChange) -> Item {
    let ControlChange { id, verb, decision, state, detail, .. } = change;
    item(
        key,
        [
            ("id", text(id)),
            ("verb", word(verb)),
            ("by", text(&decision.by)),
            ("reason", text(&decision.why)),
            ("at", text(decision.at)),
            ("state", word(state)),
            ("detail", text(detail.as_deref().unwrap_or_default())),
        ],
    )
}

fn change_from(found: &Item, scope: &ControlScope) -> Result<ControlChange, Malformed> {
    let fields = Fields::of(found);
    Ok(ControlChange {
        scope: scope.clone(),
        id: fields.text("id")?.to_owned(),
        verb: fields.word("verb", "arm, disarm, halt, resume, schedules_on or schedules_off")?,
        decision: decided_from(&fields)?,
        state: fields.word("state", "asked_for, done or failed")?,
        detail: Some(fields.text("detail")?.to_owned()).filter(|detail| !detail.is_empty()),
    })
}

fn decided_from(fields: &Fields<'_>) -> Result<Decision, Malformed> {
    Ok(Decision {
        by: fields.text("by")?.to_owned(),
        why: fields.text("reason")?.to_owned(),
        at: fields.parsed("at", "an RFC 3339 time")?,
    })
}
