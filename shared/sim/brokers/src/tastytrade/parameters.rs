//! Query parameters: `name=a`, and lists as `name[]=a&name[]=b`, as a repeated name or with commas.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::errors::ApiError;

/// What a request asks for beside its path.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// One value; of a repeated name the last counts.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Every value under `name` or `name[]`.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let given =
            self.0.iter().filter(|(given, _)| given == name || given.strip_suffix("[]") == Some(name));
        given.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
    }

    /// A value that must read as `T`.
    pub(super) fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| ApiError::invalid(name, format!("got {text:?}, expected {expected}")))
        };
        self.one(name).map(parse).transpose()
    }

    /// How many to a page, at most `most`, and which page, counted from 0.
    pub(super) fn page(&self, usual: usize, most: usize) -> Result<(usize, usize), ApiError> {
        let per_page = self.parse("per-page", "a whole number")?.unwrap_or(usual);
        let page = self.parse("page-offset", "a whole number")?.unwrap_or(0);
        let fits = (1..=most).contains(&per_page);
        fits.then_some((per_page, page))
            .ok_or_else(|| ApiError::invalid("per-page", format!("got {per_page}, expected 1 to {most}")))
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Query::try_from_uri(&parts.uri).map(|Query(pairs)| Self(pairs)).unwrap_or_default())
    }
}
