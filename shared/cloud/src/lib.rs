//! AWS: secrets and tokens in SSM or Secrets Manager; ledger, lease and token lock in DynamoDB.
//!
//! The only room that names `aws-sdk-*`. Each invocation makes one [`aws::load`] and hands the configuration
//! to [`Secrets`], [`token_store`], [`DynamoTokenLock`] and [`DynamoLedger`]; everything else sees the ports
//! of `gamma-execution`.

pub mod aws;
mod closures;
mod functions;
mod handoff;
pub mod inspection;
mod ledger;
mod log_lines;
mod parameters;
mod refusal;
mod scheduler;
mod secret_name;
mod secret_tokens;
mod secrets;
mod secrets_manager;
mod service_error;
mod sns;
mod tokens;

pub use aws_config::SdkConfig;
pub use closures::{Closures, announced};
pub use functions::{Deployed, Functions, Invoked};
pub use handoff::LambdaHandoff;
pub use ledger::{DynamoLedger, DynamoTokenLock, OperatorControls, create_table, table};
pub use log_lines::{LoggedLine, log_lines};
pub use parameters::Parameters;
pub use refusal::CallError;
pub use scheduler::EventBridgeSchedules;
pub use secret_name::{SecretName, SecretNameError};
pub use secret_tokens::SecretTokenStore;
pub use secrets::{SecretSet, Secrets, SecretsError};
pub use sns::SnsTopic;
pub use tokens::{SsmTokenStore, token_store};
