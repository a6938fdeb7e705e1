//! How AWS is reached: one configuration for each invocation.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;

const CONNECT: Duration = Duration::from_secs(1);
const ATTEMPT: Duration = Duration::from_millis(2500);
const OPERATION: Duration = Duration::from_secs(6);
const HURRIED_ATTEMPT: Duration = Duration::from_secs(1);
const HURRIED_OPERATION: Duration = Duration::from_millis(2500);
const ATTEMPTS: u32 = 3;

/// The configuration from the environment: region, role credentials, and the standard `AWS_ENDPOINT_URL` and
/// `AWS_ENDPOINT_URL_<SERVICE>` where a local stack stands in for AWS.
///
/// Connecting may take 1 s, an attempt 2.5 s, an operation with its retries 6 s. Three attempts with the
/// SDK's standard back-off. The run tries a ledger call three times, a second apart: 20 s when none is
/// answered, as long as a whole lease. So no operation here may be taken to end within the lease it began
/// under; the run looks at what is left of it before every POST.
///
/// Load it **once for each invocation**, not once for each process. Between two invocations a Lambda is
/// frozen, and the idle sockets of the last one are dead when it thaws: a client kept from then would spend
/// its first attempt of the day on finding that out.
pub async fn load() -> SdkConfig {
    patient(aws_config::defaults(BehaviorVersion::latest())).load().await
}

/// The same for a local stack at `endpoint` (`http://127.0.0.1:5555`), with made-up credentials and region
/// and nothing read from the environment.
pub async fn load_for(endpoint: &str) -> SdkConfig {
    patient(aws_config::defaults(BehaviorVersion::latest()))
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local stack"))
        .load()
        .await
}

/// For an operator at a terminal: as [`load`], from the profile and in the region that are named, where they
/// are.
pub async fn load_for_operator(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
    // Somebody waits for it, over whatever line there is: a handshake on a telephone takes longer than a
    // function may wait.
    let seconds = Duration::from_secs;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(seconds(5))
        .operation_attempt_timeout(seconds(10))
        .operation_timeout(seconds(35))
        .build();
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(seconds(5)).build();
    let mut loader = patient(aws_config::defaults(BehaviorVersion::latest()))
        .timeout_config(timeouts)
        .stalled_stream_protection(stalled);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// `config` for calls that trading does not wait for: the token's lock and its store. A second for an attempt
/// and 2.5 s for an operation, on the same connections.
#[must_use]
pub fn hurried(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(HURRIED_ATTEMPT)
        .operation_timeout(HURRIED_OPERATION)
        .build();
    config.to_builder().timeout_config(timeouts).build()
}

fn patient(loader: ConfigLoader) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    loader
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        // An answer that stops flowing fails before the attempt's own timeout, so that a retry still fits.
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(CONNECT).build())
}
