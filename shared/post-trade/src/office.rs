use std::sync::Arc;

use gamma_accounts::names;
use gamma_cloud::{DynamoLedger, DynamoTokenLock, SdkConfig, Secrets, SnsTopic};
use gamma_execution::notice::notice_of_doubled_rows;
use gamma_execution::ports::{Clock, LedgerError, Notice, Notifier, PutOutcome, RunKey, TokenLock};
use gamma_http::{HttpClient, HttpConfig};
use gamma_lambda::Failure;
use gamma_notify::{MailSettings, Ways};
use gamma_sheets::grid::{Change, Workbook};
use gamma_sheets::{ServiceAccount, Sheets, SheetsConfig, SheetsError, SheetsTokens};
use jiff::{SignedDuration, Timestamp};

use crate::PostTradeConfig;

/// How long the spreadsheet is ours at most, and how long a run waits for others' turns to end.
const TURN: SignedDuration = SignedDuration::from_secs(90);
const PATIENCE: SignedDuration = SignedDuration::from_secs(150);
const ASK_AGAIN: SignedDuration = SignedDuration::from_millis(500);
/// Kept before the function's end.
const SPARE: SignedDuration = SignedDuration::from_secs(3);
/// How often changes are worked out: again where an answer was lost.
const TRIES: u32 = 3;

/// What came of bringing the spreadsheet up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// So many changes were made; none when it was up to date.
    Changes(usize),
    /// No spreadsheet is configured.
    NoSpreadsheet,
}

/// The adapters of one invocation.
pub struct Office {
    clock: Arc<dyn Clock>,
    ways: Ways,
    lock: DynamoTokenLock,
    sheets: Option<(SheetsConfig, ServiceAccount)>,
    tokens: SheetsTokens,
    http: HttpClient,
    /// The ledger.
    pub ledger: DynamoLedger,
}

impl Office {
    /// Reads the secrets and makes the adapters. `tokens` go from one invocation to the next.
    ///
    /// # Errors
    /// [`Failure`] names what is missing or does not read.
    pub async fn open(
        config: &PostTradeConfig,
        aws: &SdkConfig,
        clock: Arc<dyn Clock>,
        deadline: Timestamp,
        tokens: &SheetsTokens,
    ) -> Result<Self, Failure> {
        let google = config.spreadsheet.as_ref().map(|_| config.google_account.as_str());
        let required: Vec<&str> = google.into_iter().collect();
        let secrets = Secrets::new(aws, Arc::clone(&clock)).read_with(&required, &names::MAIL.all()).await;
        let secrets = secrets.map_err(|error| Failure::new("SecretsUnavailable", error))?;
        let http = HttpClient::new(&HttpConfig::default())
            .map_err(|error| Failure::new("HttpUnavailable", error))?;
        let sheets = match &config.spreadsheet {
            None => None,
            Some(id) => {
                let key = secrets
                    .get(config.google_account.as_str())
                    .map_err(|error| Failure::new("SecretsUnavailable", error))?;
                let account =
                    ServiceAccount::parse(key).map_err(|error| Failure::new("BadGoogleAccount", error))?;
                let deadline = deadline.checked_sub(SPARE).unwrap_or(deadline);
                Some((
                    SheetsConfig { base_url: config.google_url.clone(), spreadsheet: id.clone(), deadline },
                    account,
                ))
            }
        };
        let mail = MailSettings::read(&names::MAIL, |name| secrets.optional(name))
            .map_err(|error| Failure::new("BadMailSettings", error))?;
        let topic = config.topic.as_ref().map(|arn| Box::new(SnsTopic::new(aws, arn)) as Box<dyn Notifier>);
        let ways = Ways::of(topic, mail).map_err(|error| Failure::new("BadMailSettings", error))?;
        let lock = DynamoTokenLock::new(aws, &config.table, Arc::clone(&clock));
        let ledger = DynamoLedger::new(aws, &config.table, Arc::clone(&clock));
        Ok(Self { clock, ways, lock, sheets, tokens: tokens.clone(), http, ledger })
    }

    /// Requests that went to Google.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.http.requests_sent()
    }

    /// Tells a person, by every way that is configured; whether one of them worked.
    pub async fn tell(&self, notice: &Notice) -> bool {
        self.ways.tell(notice).await
    }

    /// Tells a person of rows that stand more than once, once for each account and day, and the log every
    /// time. `run` is of that day, `step` the function that found them.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known whether the person was told before.
    pub async fn tell_of_doubled_rows(
        &self,
        step: &str,
        rows: &[String],
        run: &RunKey,
    ) -> Result<(), LedgerError> {
        for row in rows {
            tracing::warn!("{row}");
        }
        let mark = RunKey { run_id: format!("{step}: doubled rows"), ..run.clone() };
        if rows.is_empty() || self.ledger.was_told(&mark).await? {
            return Ok(());
        }
        if self.tell(&notice_of_doubled_rows(&rows.join("; "), &run.account, run.trade_date)).await {
            // Marked afterwards: said twice is better than not said.
            self.ledger.set_told(&mark).await?;
        }
        Ok(())
    }

    /// Reads `tabs`, works out what has to change, and changes it, while nobody else does. A change whose
    /// answer was lost is looked at and worked out anew.
    ///
    /// # Errors
    /// [`Failure`]: the spreadsheet is as it was, or as it should be. The same again does no harm.
    pub async fn bring_up_to_date(
        &self,
        run_id: &str,
        tabs: &[&str],
        changes: impl AsyncFn(&Workbook) -> Result<Vec<Change>, Failure>,
    ) -> Result<Written, Failure> {
        let Some((config, account)) = &self.sheets else { return Ok(Written::NoSpreadsheet) };
        let name = format!("sheet/{}", config.spreadsheet);
        let ends = self.take_turn(&name, run_id).await?;
        // Nothing is sent that could arrive in another's turn.
        let config = SheetsConfig {
            deadline: config.deadline.min(ends.checked_sub(SPARE).unwrap_or(ends)),
            ..config.clone()
        };
        let sheets = Sheets::new(
            self.http.clone(),
            Arc::clone(&self.clock),
            config,
            account.clone(),
            self.tokens.clone(),
        );
        let result = work(&sheets, tabs, changes).await;
        if let Err(error) = self.lock.release(&name, run_id).await {
            tracing::warn!("the spreadsheet's lock was left to expire: {error}");
        }
        result
    }

    /// Until when it is our turn.
    async fn take_turn(&self, name: &str, run_id: &str) -> Result<Timestamp, Failure> {
        let give_up = self.clock.now() + PATIENCE;
        loop {
            let now = self.clock.now();
            let trouble = match self.lock.take(name, run_id, now, now + TURN).await {
                Ok(PutOutcome::Ours) => return Ok(now + TURN),
                Ok(PutOutcome::Theirs(holder)) => holder,
                Err(error) => error.to_string(),
            };
            if now >= give_up {
                return Err(Failure::new("SpreadsheetBusy", format!("the spreadsheet's lock: {trouble}")));
            }
            self.clock.sleep_until(now + ASK_AGAIN).await;
        }
    }
}

async fn work(
    sheets: &Sheets,
    tabs: &[&str],
    changes: impl AsyncFn(&Workbook) -> Result<Vec<Change>, Failure>,
) -> Result<Written, Failure> {
    let failed = |error: SheetsError| Failure::new("SpreadsheetUnavailable", error);
    let mut tried = 0;
    loop {
        tried += 1;
        let workbook = sheets.read(tabs).await.map_err(failed)?;
        let changes = changes(&workbook).await?;
        match sheets.apply(&changes, &workbook).await {
            Ok(()) => return Ok(Written::Changes(changes.len())),
            Err(error @ SheetsError::Unknown { .. }) if tried < TRIES => {
                tracing::warn!("{error}; reading again")
            }
            Err(error) => return Err(failed(error)),
        }
    }
}
