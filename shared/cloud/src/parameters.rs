//! Parameters as an operator sees them: which are there, and written one by one. Values are never shown.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::BuildError;
use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType};
use secrecy::{ExposeSecret, SecretString};

use crate::refusal::CallError;

/// The most values a filter takes.
const BATCH: usize = 50;

/// The parameter store.
#[derive(Debug, Clone)]
pub struct Parameters {
    client: Client,
}

impl Parameters {
    /// Over `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// The version of each of `names` that is there. Reads no value.
    ///
    /// # Errors
    /// [`CallError`] when the service refused or did not answer.
    pub async fn existing(&self, names: &[&str]) -> Result<BTreeMap<String, i64>, CallError> {
        let action = "ssm:DescribeParameters";
        let mut found = BTreeMap::new();
        for batch in names.chunks(BATCH) {
            let values = batch.iter().map(|name| (*name).to_owned()).collect();
            let unbuilt = |error: BuildError| CallError::unreadable(action, "*", &error);
            let filter = ParameterStringFilter::builder()
                .key("Name")
                .option("Equals")
                .set_values(Some(values))
                .build()
                .map_err(unbuilt)?;
            let mut pages =
                self.client.describe_parameters().parameter_filters(filter).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| CallError::of(action, "*", &error))?;
                let named = page.parameters.unwrap_or_default().into_iter();
                found.extend(named.filter_map(|parameter| Some((parameter.name?, parameter.version))));
            }
        }
        Ok(found)
    }

    /// Writes a SecureString; gives the version that the write made.
    ///
    /// # Errors
    /// [`CallError`]; without `overwrite` also when there is one of that name already
    /// ([`CallError::is_taken`]).
    pub async fn put(&self, name: &str, value: &SecretString, overwrite: bool) -> Result<i64, CallError> {
        let request =
            self.client.put_parameter().name(name).r#type(ParameterType::SecureString).overwrite(overwrite);
        let answer = request.value(value.expose_secret()).send().await;
        answer.map(|answer| answer.version).map_err(|error| CallError::of("ssm:PutParameter", name, &error))
    }
}
