//! The user's preferences (docs/reference/schwab.md, User preference).

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::logins::LoginId;
use super::{Face, uuid, wire};

/// `GET /userPreference`.
pub(super) async fn user_preference(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
) -> Response {
    let accounts = face.of_login(login).enumerate().map(|(at, holder)| account(&holder.number, at == 0));
    wire::ok(&json!({
        "accounts": accounts.collect::<Vec<_>>(),
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

fn account(number: &str, primary: bool) -> Value {
    let shown = number.get(number.len().saturating_sub(3)..).unwrap_or_default();
    json!({
        "accountNumber": number,
        "primaryAccount": primary,
        "type": "BROKERAGE",
        "nickName": "Simulated",
        "accountColor": "Green",
        "displayAcctId": format!("...{shown}"),
        "autoPositionEffect": true,
    })
}
