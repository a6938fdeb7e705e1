//! Looking at what is deployed, for an operator. Changes nothing.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TimeToLiveStatus;

use crate::refusal::CallError;

/// Who asks, as AWS knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The AWS account's number.
    pub account: String,
    /// User or role.
    pub arn: String,
}

/// The ledger's table as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSeen {
    /// `ACTIVE`, where it can be used.
    pub status: String,
    /// Its key attributes, partition key first.
    pub keys: Vec<String>,
    /// The attribute by which items expire, where they do.
    pub expires_by: Option<String>,
}

/// A schedule as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSeen {
    /// Whether it fires.
    pub enabled: bool,
    /// When, as `cron(13 16 ? * MON-FRI *)`.
    pub expression: String,
    /// Where that is the time.
    pub time_zone: String,
}

/// Who asks.
///
/// # Errors
/// [`CallError`] when the credentials are no good, or nobody answered.
pub async fn identity(config: &SdkConfig) -> Result<Identity, CallError> {
    let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let answer = answer.map_err(|error| CallError::of("sts:GetCallerIdentity", "", &error))?;
    Ok(Identity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
}

/// The table; `None` when there is none of that name.
///
/// # Errors
/// [`CallError`] when the service refused or did not answer.
pub async fn table_seen(config: &SdkConfig, name: &str) -> Result<Option<TableSeen>, CallError> {
    let client = aws_sdk_dynamodb::Client::new(config);
    let sent = client.describe_table().table_name(name).send().await;
    let table = match sent.map_err(|error| CallError::of("dynamodb:DescribeTable", name, &error)) {
        Err(error) if error.is_absent() => return Ok(None),
        answer => answer?.table,
    };
    let expiry = client.describe_time_to_live().table_name(name).send().await;
    let expiry = expiry
        .map_err(|error| CallError::of("dynamodb:DescribeTimeToLive", name, &error))?
        .time_to_live_description;
    let is_on = |status: Option<&TimeToLiveStatus>| {
        matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
    };
    Ok(Some(TableSeen {
        status: table
            .as_ref()
            .and_then(|table| table.table_status.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default(),
        keys: table
            .and_then(|table| table.key_schema)
            .unwrap_or_default()
            .into_iter()
            .map(|key| key.attribute_name)
            .collect(),
        expires_by: expiry
            .filter(|expiry| is_on(expiry.time_to_live_status.as_ref()))
            .and_then(|expiry| expiry.attribute_name),
    }))
}

/// A schedule of a group; `None` when there is none of that name.
///
/// # Errors
/// [`CallError`] when the service refused or did not answer.
pub async fn schedule_seen(
    config: &SdkConfig,
    group: &str,
    name: &str,
) -> Result<Option<ScheduleSeen>, CallError> {
    let sent =
        aws_sdk_scheduler::Client::new(config).get_schedule().group_name(group).name(name).send().await;
    match sent.map_err(|error| CallError::of("scheduler:GetSchedule", name, &error)) {
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
        Ok(seen) => Ok(Some(ScheduleSeen {
            enabled: seen.state.is_some_and(|state| state.as_str() == "ENABLED"),
            expression: seen.schedule_expression.unwrap_or_default(),
            time_zone: seen.schedule_expression_timezone.unwrap_or_default(),
        })),
    }
}
