//! Messages to a person through an SNS topic.

use std::fmt;

use async_trait::async_trait;
use aws_config::SdkConfig;
use gamma_execution::ports::{Notice, Notifier, NotifyError};

use crate::aws::hurried;
use crate::service_error::reason;

/// What SNS takes as a subject: fewer than 100 characters of printable ASCII.
const LONGEST_SUBJECT: usize = 99;

/// Publishes messages to a topic; its subscribers (mail, SMS, a chat's webhook) are the operator's choice.
pub struct SnsTopic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl SnsTopic {
    /// The topic `arn:aws:sns:…`. Calls take 2.5 s at most, attempts of the SDK included: a message said
    /// twice does no harm.
    #[must_use]
    pub fn new(config: &SdkConfig, arn: &str) -> Self {
        Self { client: aws_sdk_sns::Client::new(&hurried(config)), arn: arn.trim().to_owned() }
    }
}

#[async_trait]
impl Notifier for SnsTopic {
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let text = if notice.lines().is_empty() { notice.subject().to_owned() } else { notice.text() };
        let publish =
            self.client.publish().topic_arn(&self.arn).subject(subject(notice.subject())).message(text);
        Box::pin(publish.send())
            .await
            .map(drop)
            .map_err(|error| NotifyError { by: "sns", reason: reason(&error) })
    }
}

fn subject(text: &str) -> String {
    let ascii: String = text
        .chars()
        .map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' })
        .take(LONGEST_SUBJECT)
        .collect();
    // SNS refuses a subject that is empty or begins with a blank.
    let trimmed = ascii.trim();
    if trimmed.is_empty() { "gamma-trading".to_owned() } else { trimmed.to_owned() }
}

/// The topic.
impl fmt::Debug for SnsTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsTopic").field("arn", &self.arn).finish_non_exhaustive()
    }
}
