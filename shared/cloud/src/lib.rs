//! AWS: secrets and tokens in SSM, ledger and lease in DynamoDB.
//!
//! The only room that names `aws-sdk-*`. Each invocation makes one [`aws::load`] and hands the configuration to
//! [`Secrets`], [`SsmTokenStore`] and [`DynamoLedger`]; everything else sees the ports of `gamma-execution`.

pub mod aws;
mod ledger;
mod secrets;
mod service_error;
mod tokens;

pub use aws_config::SdkConfig;
pub use ledger::{DynamoLedger, HaltScope, OperatorControls, create_table};
pub use secrets::{SecretSet, Secrets, SecretsError};
pub use tokens::SsmTokenStore;
