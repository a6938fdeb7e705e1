//! What functions logged, out of CloudWatch Logs.

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use jiff::Timestamp;

use crate::refusal::CallError;

/// A line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedLine {
    /// Unlike any other's, for whoever asks again.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The line.
    pub text: String,
}

/// What a function logged since then, in order.
///
/// # Errors
/// [`CallError`] when the service refused or did not answer; [`CallError::is_absent`] where the function
/// never logged anything.
pub async fn log_lines(
    config: &SdkConfig,
    function: &str,
    since: Timestamp,
) -> Result<Vec<LoggedLine>, CallError> {
    let group = format!("/aws/lambda/{function}");
    let request =
        Client::new(config).filter_log_events().log_group_name(&group).start_time(since.as_millisecond());
    let (mut pages, mut lines) = (request.into_paginator().send(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| CallError::of("logs:FilterLogEvents", &group, &error))?;
        lines.extend(page.events.unwrap_or_default().into_iter().filter_map(|event| {
            let at = Timestamp::from_millisecond(event.timestamp?).ok()?;
            Some(LoggedLine {
                id: event.event_id.unwrap_or_default(),
                at,
                text: event.message.unwrap_or_default(),
            })
        }));
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}
