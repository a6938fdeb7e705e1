//! The deployment's schedules in EventBridge Scheduler: read, and switched on and off with everything else as
//! it is.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::get_schedule::{GetScheduleError, GetScheduleOutput};
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::ScheduleState;
use gamma_operator::{Schedule, ScheduleFault, Schedules};
use jiff::Timestamp;

use crate::service_error::reason;

/// The schedules of one group.
#[derive(Debug)]
pub struct EventBridgeSchedules {
    client: Client,
    group: String,
}

impl EventBridgeSchedules {
    /// Those of the group `group`.
    #[must_use]
    pub fn new(config: &SdkConfig, group: &str) -> Self {
        Self { client: Client::new(config), group: group.to_owned() }
    }

    async fn read(&self, name: &str, what: &'static str) -> Result<Option<GetScheduleOutput>, ScheduleFault> {
        match self.client.get_schedule().group_name(&self.group).name(name).send().await {
            Ok(found) => Ok(Some(found)),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(GetScheduleError::ResourceNotFoundException(_))
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(fault(name, what, reason(&error))),
        }
    }

    /// An update replaces the whole schedule, so every field goes back as it came. Whoever adds one to the
    /// service's API adds it here.
    async fn update(
        &self,
        name: &str,
        found: &GetScheduleOutput,
        state: &ScheduleState,
    ) -> Result<(), ScheduleFault> {
        let GetScheduleOutput {
            schedule_expression,
            start_date,
            end_date,
            description,
            schedule_expression_timezone,
            kms_key_arn,
            target,
            flexible_time_window,
            action_after_completion,
            ..
        } = found.clone();
        let request = self
            .client
            .update_schedule()
            .group_name(&self.group)
            .name(name)
            .state(state.clone())
            .set_schedule_expression(schedule_expression)
            .set_start_date(start_date)
            .set_end_date(end_date)
            .set_description(description)
            .set_schedule_expression_timezone(schedule_expression_timezone)
            .set_kms_key_arn(kms_key_arn)
            .set_target(target)
            .set_flexible_time_window(flexible_time_window)
            .set_action_after_completion(action_after_completion);
        request.send().await.map(drop).map_err(|error| fault(name, "switch", reason(&error)))
    }
}

#[async_trait]
impl Schedules for EventBridgeSchedules {
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, ScheduleFault> {
        self.read(name, "read").await?.map(|found| schedule_from(name, &found)).transpose()
    }

    async fn switch(&self, name: &str, on: bool) -> Result<Option<bool>, ScheduleFault> {
        let Some(before) = self.read(name, "switch").await? else { return Ok(None) };
        let wanted = if on { ScheduleState::Enabled } else { ScheduleState::Disabled };
        if before.state() == Some(&wanted) {
            return Ok(Some(false));
        }
        self.update(name, &before, &wanted).await?;
        let after = self
            .read(name, "switch")
            .await?
            .ok_or_else(|| fault(name, "switch", "it is gone since".to_owned()))?;
        if after.state() != Some(&wanted) {
            return Err(fault(
                name,
                "switch",
                format!("state: got {:?}, expected {wanted}", after.state().map(ScheduleState::as_str)),
            ));
        }
        match changed_field(&before, &after) {
            None => Ok(Some(true)),
            Some(field) => Err(fault(
                name,
                "switch",
                format!("{field}: it is not what it was before; look at the schedule and deploy again"),
            )),
        }
    }
}

/// The first field but the state in which two readings differ.
fn changed_field(before: &GetScheduleOutput, after: &GetScheduleOutput) -> Option<&'static str> {
    [
        ("expression", before.schedule_expression == after.schedule_expression),
        ("time zone", before.schedule_expression_timezone == after.schedule_expression_timezone),
        ("start date", before.start_date == after.start_date),
        ("end date", before.end_date == after.end_date),
        ("description", before.description == after.description),
        ("key", before.kms_key_arn == after.kms_key_arn),
        ("target", before.target == after.target),
        ("flexible time window", before.flexible_time_window == after.flexible_time_window),
        ("action after completion", before.action_after_completion == after.action_after_completion),
    ]
    .into_iter()
    .find_map(|(field, same)| (!same).then_some(field))
}

fn schedule_from(name: &str, found: &GetScheduleOutput) -> Result<Schedule, ScheduleFault> {
    let missing = |field: &str| fault(name, "read", format!("{field}: the answer has none"));
    let enabled = match found.state() {
        Some(ScheduleState::Enabled) => true,
        Some(ScheduleState::Disabled) => false,
        other => {
            return Err(fault(
                name,
                "read",
                format!("state: got {:?}, expected ENABLED or DISABLED", other.map(ScheduleState::as_str)),
            ));
        }
    };
    let time = |at: Option<&DateTime>, field: &str| {
        let read = |at: &DateTime| {
            Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).unwrap_or_default()).ok()
        };
        at.map(|at| {
            read(at).ok_or_else(|| fault(name, "read", format!("{field}: got {at}, expected a time")))
        })
        .transpose()
    };
    Ok(Schedule {
        expression: found.schedule_expression().ok_or_else(|| missing("expression"))?.to_owned(),
        time_zone: found.schedule_expression_timezone().unwrap_or("UTC").to_owned(),
        enabled,
        starts: time(found.start_date(), "start date")?,
        ends: time(found.end_date(), "end date")?,
    })
}

fn fault(name: &str, what: &'static str, reason: String) -> ScheduleFault {
    ScheduleFault { name: name.to_owned(), what, reason }
}
