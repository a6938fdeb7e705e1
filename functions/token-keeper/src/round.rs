//! What a round over all logins came to: an answer, words to a person, and the error that pages.

use gamma_execution::ports::{BrokerError, BrokerFault, Notice, Severity};
use gamma_execution::tokens::{TokenAge, TokenSaved, TokenSummary};
use gamma_lambda::Failure;
use jiff::Timestamp;
use serde::Serialize;

use crate::config::LoginPlace;
use crate::runway::Runway;

/// What can be the matter, the gravest first: the first of a round names the Lambda error.
const BY_GRAVITY: [&str; 7] = [
    "TokenDead",
    "LoginExpiring",
    "BadToken",
    "TokenNotSaved",
    "SecretsUnavailable",
    "BrokerUnavailable",
    "BadMailSettings",
];

/// Something that somebody has to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Its stable type.
    pub error_type: &'static str,
    /// In words, with the next step.
    pub detail: String,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type, detail: failure.to_string() }
    }
}

/// What became of one login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The broker.
    pub login: &'static str,
    /// The name of its token document.
    pub document: String,
    /// The accounts that trade by it.
    pub accounts: Vec<String>,
    /// Whether there is another access token than before.
    pub refreshed: bool,
    /// What became of the document, where it was kept.
    pub token: Option<TokenSaved>,
    /// When the access token expires.
    pub expires: Option<Timestamp>,
    /// Whole hours until the login ends, where it does and that is known.
    pub hours_left: Option<i64>,
    /// Whether `notes` hold something that an operator should look at.
    pub alarm: bool,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// What somebody has to act on.
    pub troubles: Vec<Trouble>,
    /// How the login stands, where it ends at all.
    #[serde(skip)]
    pub runway: Option<Runway>,
    /// What a person should know of that, where there is something to do.
    #[serde(skip)]
    pub reminder: Option<String>,
}

impl Finding {
    /// Of a login that could not be opened.
    #[must_use]
    pub fn unopened(place: &LoginPlace, failure: Failure) -> Self {
        Self { troubles: vec![failure.into()], ..Self::of(place) }
    }

    /// Of a login whose document was only looked at.
    #[must_use]
    pub fn looked_at(place: &LoginPlace, age: Option<TokenAge>, now: Timestamp) -> Self {
        let notes = vec!["this deployment borrows the token: it was looked at, not refreshed".to_owned()];
        Self { notes, ..Self::of(place) }.aged(place, age, now)
    }

    /// Of a login that was refreshed, or could not be.
    #[must_use]
    pub fn kept(
        place: &LoginPlace,
        refreshed: Result<bool, BrokerError>,
        summary: TokenSummary,
        age: Option<TokenAge>,
        now: Timestamp,
    ) -> Self {
        let TokenSummary { saved, notes, alarm } = summary;
        let mut troubles = Vec::new();
        if let TokenSaved::Failed { reason } = &saved {
            let detail = format!(
                "tokens not saved: {reason}; the next refresh begins with the old one, see docs/runbook.md, 'Token notes'"
            );
            troubles.push(Trouble { error_type: "TokenNotSaved", detail });
        }
        let refreshed = refreshed.unwrap_or_else(|error| {
            let error_type = if matches!(error.fault, BrokerFault::TokenDead(_)) {
                "TokenDead"
            } else {
                "BrokerUnavailable"
            };
            troubles.push(Trouble { error_type, detail: error.to_string() });
            false
        });
        Self { refreshed, token: Some(saved), alarm, notes, troubles, ..Self::of(place) }
            .aged(place, age, now)
    }

    fn of(place: &LoginPlace) -> Self {
        Self {
            login: place.login(),
            document: place.names.token.as_str().to_owned(),
            accounts: place.accounts.clone(),
            refreshed: false,
            token: None,
            expires: None,
            hours_left: None,
            alarm: false,
            notes: Vec::new(),
            troubles: Vec::new(),
            runway: None,
            reminder: None,
        }
    }

    fn aged(mut self, place: &LoginPlace, age: Option<TokenAge>, now: Timestamp) -> Self {
        self.expires = age.and_then(|age| Timestamp::from_second(age.expires).ok());
        // Where a login does not end by itself, what the document calls its creation is the last refresh.
        let Some((age, end)) = age.zip(place.names.broker.facts().login_end) else { return self };
        let runway = Runway::of(age.created, end.lasts, now);
        (self.runway, self.hours_left, self.reminder) =
            (Some(runway), runway.hours(), runway.words(end.runbook));
        let dead = self.troubles.iter().any(|trouble| trouble.error_type == "TokenDead");
        if let Runway::Ending { .. } = runway
            && !dead
            && let Some(detail) = self.reminder.clone()
        {
            self.troubles.push(Trouble { error_type: "LoginExpiring", detail });
        }
        self
    }

    /// The word to a person: of a login that a person has to renew, soon or now.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        let page =
            self.troubles.iter().find(|trouble| ["TokenDead", "LoginExpiring"].contains(&trouble.error_type));
        let (severity, what, words) = match (page, self.reminder.clone()) {
            (Some(trouble), _) if trouble.error_type == "TokenDead" => {
                (Severity::Alarm, "login is dead", trouble.detail.clone())
            }
            (Some(trouble), _) => (Severity::Alarm, "login is ending", trouble.detail.clone()),
            (None, Some(words)) if self.runway == Some(Runway::Unknown) => {
                (Severity::Warning, "login is of unknown age", words)
            }
            (None, Some(words)) => (Severity::Warning, "login ends soon", words),
            (None, None) => return None,
        };
        let lines =
            [words, format!("Accounts: {}. Token document: {}.", self.accounts.join(", "), self.document)];
        Some(Notice::new(severity, &format!("[{severity}] {}: {what}", self.login), lines))
    }
}

/// The error types of a round, each once: all are counted, whichever of them names the Lambda error.
#[must_use]
pub fn error_types(findings: &[Finding], beside: &[Trouble]) -> Vec<&'static str> {
    let mut types: Vec<&'static str> = findings
        .iter()
        .flat_map(|finding| &finding.troubles)
        .chain(beside)
        .map(|trouble| trouble.error_type)
        .collect();
    types.sort_by_key(|error_type| {
        BY_GRAVITY.iter().position(|known| known == error_type).unwrap_or(BY_GRAVITY.len())
    });
    types.dedup();
    types
}

/// The Lambda error of a round: the gravest trouble names it, all of them are told, login by login.
#[must_use]
pub fn failure(findings: &[Finding], beside: &[Trouble]) -> Option<Failure> {
    let gravest = error_types(findings, beside).into_iter().next()?;
    let of_logins = findings.iter().map(|finding| {
        let troubles: Vec<String> = finding
            .troubles
            .iter()
            .map(|trouble| format!("{}: {}", trouble.error_type, trouble.detail))
            .collect();
        let how = match (troubles.is_empty(), finding.refreshed) {
            (false, _) => troubles.join("; "),
            (true, true) => "refreshed".to_owned(),
            (true, false) => "in order".to_owned(),
        };
        format!("{}: {how}", finding.login)
    });
    let words: Vec<String> = of_logins
        .chain(beside.iter().map(|trouble| format!("{}: {}", trouble.error_type, trouble.detail)))
        .collect();
    Some(Failure::new(gravest, words.join(" | ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const NOW: i64 = 1_790_000_000;
    const DAY: i64 = 86_400;

    fn places() -> Vec<LoginPlace> {
        let value = |name: &str| {
            [("GAMMA_TABLE", "t"), ("GAMMA_ACCOUNTS", "schwab,tt-ira")]
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, text)| (*text).to_owned())
        };
        Config::from_env(value).unwrap().logins
    }

    fn kept(
        place: &LoginPlace,
        days: i64,
        refreshed: Result<bool, BrokerFault>,
        saved: TokenSaved,
    ) -> Finding {
        let age = TokenAge { created: NOW - days * DAY, expires: NOW + 1800 };
        let refreshed =
            refreshed.map_err(|fault| BrokerError { broker: "x", operation: "token refresh", fault });
        let summary = TokenSummary { saved, notes: vec![], alarm: false };
        Finding::kept(place, refreshed, summary, Some(age), Timestamp::from_second(NOW).unwrap())
    }

    fn said(finding: &Finding) -> (Vec<&'static str>, Option<String>) {
        (
            error_types(std::slice::from_ref(finding), &[]),
            finding.notice().map(|notice| notice.subject().to_owned()),
        )
    }

    #[test]
    fn what_each_age_and_each_end_of_a_refresh_says() {
        let places = places();
        let (schwab, tastytrade) = (&places[0], &places[1]);
        let dead = || Err(BrokerFault::TokenDead("log in".into()));
        let down = || Err(BrokerFault::Unavailable("503".into()));
        let lost = || TokenSaved::Failed { reason: "throttled".into() };
        for (finding, types, subject) in [
            (kept(schwab, 4, Ok(true), TokenSaved::Unchanged), vec![], None),
            (
                kept(schwab, 5, Ok(true), TokenSaved::Unchanged),
                vec![],
                Some("[warning] schwab: login ends soon"),
            ),
            (
                kept(schwab, 6, Ok(true), TokenSaved::Unchanged),
                vec!["LoginExpiring"],
                Some("[alarm] schwab: login is ending"),
            ),
            (
                kept(schwab, 6, down(), TokenSaved::Unchanged),
                vec!["LoginExpiring", "BrokerUnavailable"],
                Some("[alarm] schwab: login is ending"),
            ),
            (
                kept(schwab, 7, dead(), TokenSaved::Unchanged),
                vec!["TokenDead"],
                Some("[alarm] schwab: login is dead"),
            ),
            (
                kept(schwab, -1, Ok(true), TokenSaved::Unchanged),
                vec![],
                Some("[warning] schwab: login is of unknown age"),
            ),
            (kept(schwab, 1, Ok(true), lost()), vec!["TokenNotSaved"], None),
            (kept(tastytrade, 300, Ok(true), TokenSaved::Unchanged), vec![], None),
            (
                kept(tastytrade, 1, dead(), TokenSaved::Unchanged),
                vec!["TokenDead"],
                Some("[alarm] tastytrade: login is dead"),
            ),
        ] {
            assert_eq!(said(&finding), (types, subject.map(str::to_owned)), "{finding:?}");
        }
        let looked = Finding::looked_at(
            schwab,
            Some(TokenAge { created: NOW - 6 * DAY, expires: NOW }),
            Timestamp::from_second(NOW).unwrap(),
        );
        assert_eq!(
            (said(&looked).0, looked.hours_left, looked.token),
            (vec!["LoginExpiring"], Some(24), None)
        );
    }

    #[test]
    fn the_worst_issue_names_the_error_and_every_login_is_reported() {
        let places = places();
        let down = kept(&places[1], 1, Err(BrokerFault::Unavailable("503".into())), TokenSaved::Unchanged);
        let fine = kept(&places[0], 1, Ok(true), TokenSaved::Unchanged);
        assert_eq!(failure(std::slice::from_ref(&fine), &[]), None);
        let failed = failure(&[fine, down.clone()], &[]).unwrap();
        assert_eq!(
            (failed.error_type, failed.to_string().as_str()),
            (
                "BrokerUnavailable",
                "schwab: refreshed | tastytrade: BrokerUnavailable: x token refresh: unavailable: 503"
            )
        );
        let expiring = kept(&places[0], 6, Ok(true), TokenSaved::Unchanged);
        let mail = Trouble { error_type: "BadMailSettings", detail: "smtp".into() };
        let failed = failure(&[down.clone(), expiring.clone()], std::slice::from_ref(&mail)).unwrap();
        assert!(
            failed.error_type == "LoginExpiring" && failed.to_string().ends_with(" | BadMailSettings: smtp"),
            "{failed}"
        );
        assert_eq!(
            error_types(&[down.clone(), expiring, down], &[mail]),
            ["LoginExpiring", "BrokerUnavailable", "BadMailSettings"]
        );
    }
}
