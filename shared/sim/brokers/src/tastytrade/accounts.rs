//! The login and the accounts it shows (docs/reference/tastytrade.md, Accounts).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::errors::ApiError;
use super::{Face, Holder, wire};

/// `GET /customers/me/accounts`.
pub(super) async fn all(State(face): State<Arc<Face>>) -> Response {
    let rows = face
        .holders
        .iter()
        .map(|holder| json!({ "account": account(holder), "authority-level": "owner" }))
        .collect();
    wire::items("/customers/me/accounts", rows)
}

/// `GET /customers/me/accounts/{number}`: the account without a wrapper.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    Ok(wire::ok(&format!("/customers/me/accounts/{number}"), account(holder)))
}

/// `GET /customers/me`.
pub(super) async fn customer(State(face): State<Arc<Face>>) -> Response {
    let address = json!({
        "city": "Chicago", "country": "USA", "is-domestic": true, "is-foreign": false, "postal-code": "60607", "state-region": "IL",
        "street-one": "1 Simulated Street",
    });
    let shown = json!({
        "id": "me",
        "first-name": "Simulated",
        "last-name": "Customer",
        "address": address,
        "mailing-address": address,
        "is-foreign": false,
        "usa-citizenship-type": "Citizen",
        "mobile-phone-number": "+15555550100",
        "birth-date": "1980-01-01",
        "email": "trader@example.com",
        "tax-number-type": "SSN",
        "subject-to-tax-withholding": false,
        "has-industry-affiliation": false,
        "has-listed-affiliation": false,
        "has-political-affiliation": false,
        "has-delayed-quotes": false,
        "has-pending-or-approved-application": true,
        "is-professional": false,
        "permitted-account-types": [],
        "created-at": "2024-02-01T15:00:00.000+00:00",
        "external-id": face.config.username,
    });
    wire::ok("/customers/me", shown)
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
