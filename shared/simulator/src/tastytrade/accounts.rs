//! The login and the accounts it shows (reference section 4).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::errors::ApiError;
use super::{Face, Holder, wire};

/// `GET /customers/me/accounts`.
pub(super) async fn all(State(face): State<Arc<Face>>) -> Response {
    let rows = face.holders.iter().map(|holder| json!({ "account": account(holder), "authority-level": "owner" })).collect();
    wire::items("/customers/me/accounts", rows)
}

/// `GET /customers/me/accounts/{number}`: the account without a wrapper.
pub(super) async fn one(State(face): State<Arc<Face>>, Path(number): Path<String>) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    Ok(wire::ok(&format!("/customers/me/accounts/{number}"), account(holder)))
}

fn account(holder: &Holder) -> Value {
    json!({
        "account-number": holder.number,
        "account-type-name": "Individual",
        "created-at": "2024-02-01T15:00:00.000+00:00",
        "day-trader-status": false,
        "external-id": format!("A-{}", holder.number),
        "investment-objective": "SPECULATION",
        "is-closed": false,
        "is-firm-error": false,
        "is-firm-proprietary": false,
        "is-foreign": false,
        "is-futures-approved": true,
        "is-test-drive": false,
        "margin-or-cash": "Margin",
        "nickname": format!("Simulated {}", holder.number),
        "opened-at": "2024-02-01T15:00:00.000+00:00",
        "suitable-options-level": "No Restrictions",
    })
}
