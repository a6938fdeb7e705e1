//! The table itself, for local stacks and tests; the deployed one belongs to the template.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use gamma_execution::ports::LedgerError;

use super::table::failed;
use crate::service_error::reason;

/// Makes the ledger's table: keys `pk` and `sk`, both text, paid by request, expiry by `ttl`. A table of that
/// name that is there already is left as it is.
///
/// It does not wait until the table can be written to; local stands-in for DynamoDB make it at once.
///
/// # Errors
/// [`LedgerError`] when the table could not be made.
pub async fn create_table(config: &SdkConfig, name: &str) -> Result<(), LedgerError> {
    let operation = "create table";
    let client = Client::new(config);
    let unbuilt = |error: BuildError| failed(operation, name, error.to_string());
    let request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let request = request.set_attribute_definitions(Some(vec![
        attribute("pk").map_err(unbuilt)?,
        attribute("sk").map_err(unbuilt)?,
    ]));
    let request = request.set_key_schema(Some(vec![
        key("pk", KeyType::Hash).map_err(unbuilt)?,
        key("sk", KeyType::Range).map_err(unbuilt)?,
    ]));
    match request.send().await {
        Ok(_) => {}
        Err(error)
            if matches!(error.as_service_error(), Some(CreateTableError::ResourceInUseException(_))) =>
        {
            return Ok(());
        }
        Err(error) => return Err(failed(operation, name, reason(&error))),
    }
    let expiry =
        TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build().map_err(unbuilt)?;
    let request = client.update_time_to_live().table_name(name).time_to_live_specification(expiry);
    request.send().await.map(drop).map_err(|error| failed(operation, name, reason(&error)))
}

fn attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}
