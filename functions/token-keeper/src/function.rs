//! A round over every login: its token refreshed and written back, or only looked at.

use std::sync::Arc;

use gamma_accounts::brokers::BrokerLogin;
use gamma_accounts::login::{LoginAssembly, TokenUse};
use gamma_accounts::names;
use gamma_cloud::{SdkConfig, Secrets, SnsTopic, aws};
use gamma_execution::ports::{BrokerError, Clock, Notice, Notifier};
use gamma_http::{HttpClient, HttpConfig};
use gamma_lambda::metrics::{Metric, Metrics};
use gamma_lambda::{Failure, Function, Invocation};
use gamma_notify::{MailSettings, Ways};
use gamma_token_keeper::config::{Config, LoginPlace};
use gamma_token_keeper::event;
use gamma_token_keeper::round::{Finding, Trouble, error_types, failure};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A token with twelve minutes left is refreshed already. From the warm-up (16:10) to the end of the run pass
/// seven, and a run refreshes what has less than five: after a round just before them, neither has to. It is
/// less than the fifteen that tastytrade's tokens live, so that a second delivery finds nothing to do.
const FRESH_SECONDS: i64 = 12 * 60;

/// A broker that is out of order is asked again: nobody waits for this function, and its next round is half a
/// day away.
const TRIES: u32 = 3;
const PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// What the environment says, checked.
pub(crate) struct TokenKeeperFunction(Config);

impl Function for TokenKeeperFunction {
    const FAILURES_ALARM: bool = true;

    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        Config::from_env(read).map(Self)
    }

    fn clock_url(&self) -> Option<&str> {
        self.0.clock_url.as_deref()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        keep(&self.0, invocation).await
    }
}

async fn keep(config: &Config, invocation: Invocation) -> Result<Value, Failure> {
    let Invocation { event, run_id, clock, metrics, .. } = invocation;
    event::check(&event)?;
    let clock: Arc<dyn Clock> = clock;
    let aws = aws::load().await;
    let http =
        HttpClient::new(&HttpConfig::default()).map_err(|error| Failure::new("HttpUnavailable", error))?;
    let assembly = LoginAssembly {
        aws: &aws,
        table: &config.table,
        clock: Arc::clone(&clock),
        run_id: &run_id,
        tokens: config.tokens,
    };
    let mut findings = Vec::new();
    for place in &config.logins {
        let finding = match config.tokens {
            TokenUse::Keep => refreshed(&assembly, place, &http).await,
            TokenUse::Borrow => looked_at(&assembly, place).await,
        };
        say(&finding, &metrics, &*clock);
        findings.push(finding);
    }
    let notices: Vec<Notice> = findings.iter().filter_map(Finding::notice).collect();
    let beside: Vec<Trouble> =
        tell(config, &aws, &clock, &notices).await.err().map(Trouble::from).into_iter().collect();
    // The gravest is counted with the Lambda error it names; the others have alarms of their own.
    for error_type in error_types(&findings, &beside).into_iter().skip(1) {
        metrics.write(clock.now(), Metric::Failed(error_type));
    }
    match failure(&findings, &beside) {
        Some(failure) => Err(failure),
        None => Ok(
            json!({ "status": "ok", "run_id": run_id, "borrowed": config.tokens == TokenUse::Borrow, "logins": findings }),
        ),
    }
}

/// Refreshed and written back, by the one that is meant to write it.
async fn refreshed(assembly: &LoginAssembly<'_>, place: &LoginPlace, http: &HttpClient) -> Finding {
    let (broker, tokens) = match assembly.open(&place.names, http, &place.url).await {
        Ok(open) => open,
        Err(failure) => return Finding::unopened(place, failure),
    };
    let refreshed = patiently(broker.as_ref(), assembly.clock.as_ref()).await;
    let summary = tokens.flush().await;
    Finding::kept(place, refreshed, summary, tokens.age(), assembly.clock.now())
}

async fn patiently(broker: &dyn BrokerLogin, clock: &dyn Clock) -> Result<bool, BrokerError> {
    let mut tries = 1;
    loop {
        match broker.refresh_within(FRESH_SECONDS).await {
            Err(error) if error.fault.may_pass() && tries < TRIES => tracing::warn!("{error}; trying again"),
            answer => return answer,
        }
        tries += 1;
        clock.sleep_until(clock.now() + PAUSE).await;
    }
}

async fn looked_at(assembly: &LoginAssembly<'_>, place: &LoginPlace) -> Finding {
    match assembly.look(&place.names).await {
        Ok(tokens) => Finding::looked_at(place, tokens.age(), assembly.clock.now()),
        Err(failure) => Finding::unopened(place, failure),
    }
}

fn say(finding: &Finding, metrics: &Metrics, clock: &dyn Clock) {
    let Finding { login, refreshed, hours_left, .. } = finding;
    if let Some(hours) = *hours_left {
        metrics.write(clock.now(), Metric::LoginHoursLeft { login, hours });
    }
    if let Some(notice) = finding.notice() {
        tracing::warn!(login, hours_left, alarm = true, "{}: {}", notice.subject(), notice.lines().join(" "));
    }
    if finding.alarm {
        tracing::error!(login, alarm = true, "tokens: {}", finding.notes.join("; "));
    }
    for trouble in &finding.troubles {
        tracing::error!(login, error_type = trouble.error_type, alarm = true, "{}", trouble.detail);
    }
    tracing::info!(login, refreshed, hours_left, "looked after");
}

/// Tells a person. How that is done is read only when there is something to tell.
async fn tell(
    config: &Config,
    aws: &SdkConfig,
    clock: &Arc<dyn Clock>,
    notices: &[Notice],
) -> Result<(), Failure> {
    if notices.is_empty() {
        return Ok(());
    }
    let topic = || config.topic.as_ref().map(|arn| Box::new(SnsTopic::new(aws, arn)) as Box<dyn Notifier>);
    let settings = match Secrets::new(aws, Arc::clone(clock)).read_with(&[], &names::MAIL.all()).await {
        Ok(secrets) => MailSettings::read(&names::MAIL, |name| secrets.optional(name))
            .map_err(|error| Failure::new("BadMailSettings", error)),
        Err(error) => Err(Failure::new("SecretsUnavailable", error)),
    };
    let ways = settings
        .and_then(|mail| Ways::of(topic(), mail).map_err(|error| Failure::new("BadMailSettings", error)));
    // Mail that cannot be sent keeps no word back from topic or log.
    let (ways, trouble) = match ways {
        Ok(ways) => (Ok(ways), Ok(())),
        Err(failure) => {
            (Ways::of(topic(), None).map_err(|error| Failure::new("BadMailSettings", error)), Err(failure))
        }
    };
    let ways = ways?;
    for notice in notices {
        ways.tell(notice).await;
    }
    trouble
}
