//! The user's preferences (reference section 10).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Face, uuid, wire};

/// `GET /userPreference`.
pub(super) async fn user_preference(State(face): State<Arc<Face>>) -> Response {
    let number = &face.config.account_number;
    let shown = number.get(number.len().saturating_sub(3)..).unwrap_or_default();
    wire::ok(&json!({
        "accounts": [{
            "accountNumber": number,
            "primaryAccount": true,
            "type": "BROKERAGE",
            "nickName": "Simulated",
            "accountColor": "Green",
            "displayAcctId": format!("...{shown}"),
            "autoPositionEffect": true,
        }],
        "streamerInfo": [{
            "streamerSocketUrl": "wss://streamer-api.schwab.com/ws",
            "schwabClientCustomerId": uuid(face.seed, 0),
            "schwabClientCorrelId": face.next_uuid(),
            "schwabClientChannel": "N9",
            "schwabClientFunctionId": "APIAPP",
        }],
        "offers": [{ "level2Permissions": true, "mktDataPermission": "NP" }],
    }))
}
