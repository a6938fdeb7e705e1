//! The spreadsheet over HTTP: Sheets API v4.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpError, Request, Response};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::account::{ServiceAccount, safe_address};
use crate::error::SheetsError;
use crate::grid::{Change, Workbook};
use crate::patience::{Patience, asked_wait};
use crate::token::{self, SheetsTokens};
use crate::{a1, wire};

/// Which spreadsheet, where, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetsConfig {
    /// [`SheetsConfig::GOOGLE`], or a local stand-in.
    pub base_url: String,
    /// Its id: what stands between `/d/` and the next slash of its address.
    pub spreadsheet: String,
    /// Nothing is begun or waited for beyond this moment.
    pub deadline: Timestamp,
}

impl SheetsConfig {
    /// Where Google serves the API.
    pub const GOOGLE: &'static str = "https://sheets.googleapis.com";
}

/// One spreadsheet. It can read it ([`Sheets::read`]) and change it ([`Sheets::apply`]), and serves one
/// invocation.
pub struct Sheets {
    http: HttpClient,
    clock: Arc<dyn Clock>,
    config: SheetsConfig,
    account: ServiceAccount,
    tokens: SheetsTokens,
}

/// Whether a request may be repeated without knowing what became of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

impl Kind {
    /// The longest exchange in real time; a change recalculates the spreadsheet.
    const fn longest(self) -> Duration {
        match self {
            Self::Read => Duration::from_secs(10),
            Self::Write => Duration::from_secs(20),
        }
    }

    /// What must be left until the deadline to begin: a change that is cut off has an unknown outcome.
    const fn least(self) -> Duration {
        match self {
            Self::Read => Duration::from_millis(1),
            Self::Write => Duration::from_secs(2),
        }
    }
}

/// What an exchange came to.
enum Verdict {
    Done(Response),
    /// A success too large to be read: the changes are made.
    DoneUnread,
    TokenRefused,
    /// It may work in a moment, but not before this has passed.
    Again(String, Duration),
    Failed(SheetsError),
}

impl Sheets {
    /// A spreadsheet reached through `http`. Nothing is sent yet; what is wrong with `config` is said when it
    /// is used.
    #[must_use]
    pub fn new(
        http: HttpClient,
        clock: Arc<dyn Clock>,
        config: SheetsConfig,
        account: ServiceAccount,
        tokens: SheetsTokens,
    ) -> Self {
        Self { http, clock, config, account, tokens }
    }

    /// Reads the titles and sizes of all tabs, and the cells of those of `tabs` that exist: two requests, one
    /// when none does.
    ///
    /// # Errors
    /// [`SheetsError`], never [`SheetsError::Unknown`]. What may pass was tried again until the deadline.
    pub async fn read(&self, tabs: &[&str]) -> Result<Workbook, SheetsError> {
        let address = self.address()?;
        let fields = "sheets.properties(sheetId,title,gridProperties(rowCount,columnCount))";
        let what = "tabs";
        let answer = self
            .exchange(Kind::Read, what, || Request::get(&address).query(&[("fields", fields.to_owned())]))
            .await?;
        let malformed = |what: &str, reason| SheetsError::Malformed { what: what.to_owned(), reason };
        let mut workbook = wire::tabs(&answer).map_err(|reason| malformed(what, reason))?;

        let exists = |title: &&str| workbook.tabs.get(*title).is_some_and(|tab| tab.columns > 0);
        let mut wanted: Vec<String> = tabs.iter().copied().filter(exists).map(str::to_owned).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(workbook);
        }
        let ranges: Vec<String> = wanted
            .iter()
            .map(|title| a1::columns(title, workbook.tabs.get(title).map_or(1, |tab| tab.columns)))
            .collect();
        let what = format!("cells of {}", wire::some_of(ranges.iter().cloned(), 5));
        let request = || {
            let query = [("valueRenderOption", "FORMULA".to_owned()), ("majorDimension", "ROWS".to_owned())];
            let query: Vec<(&str, String)> =
                query.into_iter().chain(ranges.iter().map(|range| ("ranges", range.clone()))).collect();
            Request::get(&format!("{address}/values:batchGet")).query(&query)
        };
        let answer = self.exchange(Kind::Read, &what, request).await?;
        wire::fill(&mut workbook, &wanted, &answer).map_err(|reason| malformed(&what, reason))?;
        Ok(workbook)
    }

    /// Makes `changes` to the spreadsheet that was read as `workbook`, all or none of them: one request, none
    /// for changes that change nothing.
    ///
    /// # Errors
    /// [`SheetsError::Unknown`] when the changes were sent and no answer says what became of them: they are
    /// not sent again, since somebody else may have written meanwhile. Read, and decide anew. Every other
    /// error means that nothing was changed.
    pub async fn apply(&self, changes: &[Change], workbook: &Workbook) -> Result<(), SheetsError> {
        let requests = wire::requests(changes, workbook)?;
        if requests.is_empty() {
            return Ok(());
        }
        let address = format!("{}:batchUpdate", self.address()?);
        let body = json!({ "requests": requests }).to_string().into_bytes();
        let what = format!("changes to {}", wire::places(changes));
        self.exchange(Kind::Write, &what, || Request::post(&address).json_bytes(body.clone())).await.map(drop)
    }

    fn address(&self) -> Result<String, SheetsError> {
        let SheetsConfig { base_url, spreadsheet, .. } = &self.config;
        let invalid = |field: &str, got: &str, expected| SheetsError::Invalid {
            field: field.to_owned(),
            got: got.to_owned(),
            expected,
        };
        if !safe_address(base_url) {
            return Err(invalid("base_url", "another address", "https://… (http:// only to this machine)"));
        }
        if spreadsheet.is_empty()
            || !spreadsheet.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            return Err(invalid("spreadsheet", "another text", "its id: letters, digits, - and _"));
        }
        Ok(format!("{}/v4/spreadsheets/{spreadsheet}", base_url.trim_end_matches('/')))
    }

    /// Sends until there is an answer that counts; gives its body.
    async fn exchange(
        &self,
        kind: Kind,
        what: &str,
        request: impl Fn() -> Request,
    ) -> Result<Vec<u8>, SheetsError> {
        let mut patience = Patience::new(self.clock.as_ref(), self.config.deadline);
        let mut reason = "no time left".to_owned();
        let mut renewed = false;
        loop {
            let token = token::access(
                &self.http,
                self.clock.as_ref(),
                self.config.deadline,
                &self.account,
                &self.tokens,
            )
            .await?;
            // Asked after the token is there, which may have taken its time.
            let Some(timeout) = patience.timeout(kind.least(), kind.longest()) else { break };
            let outcome = self.http.send(request().bearer(&token).timeout(timeout)).await;
            match verdict(kind, what, outcome, token.expose_secret()) {
                Verdict::Done(answer) => return Ok(answer.body),
                Verdict::DoneUnread => return Ok(Vec::new()),
                Verdict::TokenRefused if !renewed => {
                    self.tokens.forget(&token);
                    renewed = true;
                }
                Verdict::TokenRefused => {
                    return Err(SheetsError::Login("a new token is refused with 401 too".to_owned()));
                }
                Verdict::Failed(error) => return Err(error),
                Verdict::Again(why, wait) => {
                    reason = why;
                    if !patience.again(wait, &reason).await {
                        break;
                    }
                }
            }
        }
        Err(SheetsError::Unavailable {
            what: what.to_owned(),
            reason: format!("{reason} (tries: {})", patience.made()),
        })
    }
}

fn verdict(kind: Kind, what: &str, outcome: Result<Response, HttpError>, token: &str) -> Verdict {
    let what = what.to_owned();
    let may_have_happened = |what, reason: String, wait| match kind {
        Kind::Read => Verdict::Again(reason, wait),
        Kind::Write => Verdict::Failed(SheetsError::Unknown { what, reason }),
    };
    match outcome {
        Ok(answer) if answer.is_success() => Verdict::Done(answer),
        Ok(answer) if answer.status == 401 => Verdict::TokenRefused,
        Ok(answer) => {
            let (status, message) = (answer.status, wire::message(&answer, &[token]));
            match status {
                // A quota is looked at before anything is done.
                429 => Verdict::Again(format!("429 {message}"), asked_wait(&answer)),
                // Timed out, aborted, cancelled: what was done by then is not said.
                408 | 409 | 499 | 500.. => {
                    may_have_happened(what, format!("{status} {message}"), asked_wait(&answer))
                }
                _ => Verdict::Failed(SheetsError::Refused { what, status, message }),
            }
        }
        Err(error @ HttpError::NotSent { .. }) => Verdict::Again(error.to_string(), Duration::ZERO),
        Err(error @ HttpError::Lost { .. }) => may_have_happened(what, error.to_string(), Duration::ZERO),
        Err(HttpError::TooLarge { status: 200..=299, .. }) if kind == Kind::Write => Verdict::DoneUnread,
        Err(error @ HttpError::TooLarge { .. }) => match kind {
            Kind::Read => Verdict::Failed(SheetsError::Malformed { what, reason: error.to_string() }),
            Kind::Write => Verdict::Failed(SheetsError::Unknown { what, reason: error.to_string() }),
        },
        Err(error @ HttpError::Build { .. }) => {
            Verdict::Failed(SheetsError::Unavailable { what, reason: error.to_string() })
        }
    }
}

/// The spreadsheet's address; nothing of the login.
impl fmt::Debug for Sheets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheets").field("config", &self.config).finish_non_exhaustive()
    }
}
