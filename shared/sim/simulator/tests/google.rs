//! The simulated Google over its wire: tokens, refusals, quotas, faults, and the pages for people.

use crate::sheets::{ID, SCOPE, Sheets};
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::google::{Quota, Tab};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::json;

const VALUES: &str = "book-1/values/Trades";

#[tokio::test]
async fn an_assertion_must_be_the_accounts_own_and_timely() {
    let sheets = Sheets::start().await;
    let now = sheets.now().as_second();
    for (changed, error, words) in [
        (json!({ "iss": "nobody@example.com" }), "invalid_grant", "account not found"),
        (json!({ "aud": "https://example.com/token" }), "invalid_grant", "Failed audience check"),
        (json!({ "iat": now - 3601, "exp": now - 1 }), "invalid_grant", "Check your iat and exp values"),
        (json!({ "iat": now + 400, "exp": now + 4000 }), "invalid_grant", "Check your iat and exp values"),
        (json!({ "exp": now + 3601 }), "invalid_grant", "Check your iat and exp values"),
        (
            json!({ "scope": "https://www.googleapis.com/auth/calendar" }),
            "invalid_scope",
            "Invalid OAuth scope",
        ),
    ] {
        let (status, body) = sheets.grant(&sheets.assertion(&changed)).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{changed}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains(words), "{body}");
    }
    // Claims that another signature belongs to.
    let (good, other) = (sheets.assertion(&json!({})), sheets.assertion(&json!({ "exp": now + 60 })));
    let swapped = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    let (status, body) = sheets.grant(&swapped).await;
    assert_eq!(
        (status, &body["error_description"]),
        (StatusCode::BAD_REQUEST, &json!("Invalid JWT Signature."))
    );
    assert_eq!(sheets.grant("no.jwt").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        sheets.grant(&sheets.assertion(&json!({ "aud": "https://oauth2.googleapis.com/token" }))).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_machines_clock_counts_only_where_it_may() {
    let real = json!({ "iat": 1_790_000_000_i64, "exp": 1_790_003_600_i64 });
    let sheets = Sheets::start().await;
    assert_eq!(
        sheets.grant(&sheets.assertion(&real)).await.0,
        StatusCode::BAD_REQUEST,
        "neither clock shows that"
    );
    let config = SimulatorConfig::of_2025_09_03(1).unwrap();
    assert!(!config.google.accept_real_time, "functions go by the virtual clock");
}

#[tokio::test]
async fn every_call_needs_a_token_that_is_alive_and_wide_enough() {
    let mut sheets = Sheets::start().await;
    sheets.pass(3598.seconds()).await;
    assert_eq!(sheets.get(VALUES).await.0, StatusCode::OK);
    sheets.pass(1.seconds()).await;
    let (status, body) = sheets.get(VALUES).await;
    assert_eq!(
        (status, &body["error"]["status"], &body["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED"), &json!(401)),
        "{body}"
    );
    sheets.log_in().await;
    sheets.simulator.faults().add(Rule::on(Route::SheetsWrite).fault(Fault::AccessTokenDies));
    assert_eq!(sheets.append("x").await.0, StatusCode::UNAUTHORIZED);

    let (_, body) = sheets.grant(&sheets.assertion(&json!({ "scope": format!("{SCOPE}.readonly") }))).await;
    body["access_token"].as_str().unwrap().clone_into(&mut sheets.token);
    assert_eq!(sheets.get(VALUES).await.0, StatusCode::OK);
    let (status, body) = sheets.append("x").await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")),
        "{body}"
    );
    assert_eq!(sheets.simulator.spreadsheets().writes(ID), 0);
}

#[tokio::test]
async fn what_is_not_shared_or_not_there_is_refused() {
    let sheets = Sheets::start().await;
    sheets.simulator.spreadsheets().share(ID, false);
    let (status, body) = sheets.get(VALUES).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (StatusCode::FORBIDDEN, &json!("The caller does not have permission"))
    );
    sheets.simulator.spreadsheets().share(ID, true);
    assert_eq!(sheets.get(VALUES).await.0, StatusCode::OK);
    let (status, body) = sheets.get("book-2").await;
    assert_eq!((status, &body["error"]["status"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
    let (status, body) = sheets.get(&format!("{VALUES}?valueRender=FORMULA")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("Unknown name \"valueRender\""), "{body}");
}

#[tokio::test]
async fn a_quota_is_a_minute_of_virtual_time() {
    let sheets = Sheets::start().await;
    sheets.simulator.spreadsheets().set_quota(Some(Quota { reads: 2, writes: 1 }));
    let statuses = [
        sheets.get(VALUES).await.0,
        sheets.append("a").await.0,
        sheets.get(VALUES).await.0,
        sheets.get(VALUES).await.0,
    ];
    assert_eq!(statuses.map(|status| status.as_u16()), [200, 200, 200, 429]);
    let (status, body) = sheets.append("b").await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("RESOURCE_EXHAUSTED"))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Quota exceeded for quota metric 'Write requests'"),
        "{body}"
    );
    sheets.pass(60.seconds()).await;
    assert_eq!((sheets.append("c").await.0, sheets.get(VALUES).await.0), (StatusCode::OK, StatusCode::OK));
    let rows = sheets.simulator.spreadsheets().text(ID, "Trades").unwrap();
    assert_eq!(rows[2..], [["a"], ["c"]], "what was refused was not written");
}

#[tokio::test]
async fn faults_strike_before_or_after_the_effect() {
    let sheets = Sheets::start().await;
    let strike = |route: Route, fault: &Fault| {
        sheets.simulator.faults().add(Rule::on(route).at(Service::Google).fault(fault.clone()))
    };
    for (fault, status, word) in [
        (Fault::TooManyRequests { retry_after: Some(7) }, 429, "RESOURCE_EXHAUSTED"),
        (Fault::TooManyRequests { retry_after: None }, 429, "RESOURCE_EXHAUSTED"),
        (Fault::Unauthorized, 401, "UNAUTHENTICATED"),
        (Fault::ServerError(500, When::BeforeEffect), 500, "INTERNAL"),
        (Fault::ServerError(503, When::BeforeEffect), 503, "UNAVAILABLE"),
        (Fault::EdgePage, 403, "<!DOCTYPE html>"),
    ] {
        strike(Route::SheetsWrite, &fault);
        let body = json!({ "values": [["lost"]] });
        let response = sheets
            .send(Method::POST, &format!("{VALUES}:append?valueInputOption=RAW"), Some(&body))
            .await
            .unwrap();
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            after.as_deref(),
            matches!(fault, Fault::TooManyRequests { retry_after: Some(7) }).then_some("7")
        );
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().contains(word), "{fault:?}");
    }
    strike(Route::SheetsWrite, &Fault::Dropped(When::BeforeEffect));
    let append = async |text: &str| {
        let body = json!({ "values": [[text]] });
        sheets
            .send(Method::POST, &format!("{VALUES}:append?valueInputOption=RAW"), Some(&body))
            .await
            .map(|response| response.status())
    };
    assert!(append("lost").await.is_err());
    let spreadsheets = sheets.simulator.spreadsheets();
    assert_eq!(
        (spreadsheets.writes(ID), spreadsheets.text(ID, "Trades").unwrap().len()),
        (0, 2),
        "nothing took effect"
    );
    strike(Route::SheetsWrite, &Fault::Dropped(When::AfterEffect));
    assert!(append("kept").await.is_err());
    strike(Route::SheetsWrite, &Fault::ServerError(503, When::AfterEffect));
    assert_eq!(append("kept too").await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(spreadsheets.text(ID, "Trades").unwrap()[2..], [["kept"], ["kept too"]]);
    strike(Route::SheetsToken, &Fault::ServerError(500, When::BeforeEffect));
    assert_eq!(
        sheets.grant(&sheets.assertion(&json!({}))).await,
        (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "internal_failure" }))
    );
    strike(Route::SheetsRead, &Fault::ServerError(502, When::BeforeEffect));
    assert_eq!(sheets.get(VALUES).await.0, StatusCode::BAD_GATEWAY);
    assert_eq!(sheets.simulator.faults().fired().len(), 11, "each struck what it was for");
    let last = sheets.simulator.requests().pop().unwrap();
    assert_eq!(
        (last.service, last.path.as_str(), last.status),
        (Service::Google, "/v4/spreadsheets/book-1/values/Trades", Some(502))
    );
}

#[tokio::test]
async fn a_person_at_the_spreadsheet_and_the_api_see_the_same() {
    let sheets = Sheets::start().await;
    let spreadsheets = sheets.simulator.spreadsheets();
    spreadsheets.type_into(ID, "Trades!C2", "=B2*2").unwrap();
    let refused = spreadsheets.type_into(ID, "Gone!A1", "x").unwrap_err().to_string();
    assert_eq!(refused, "spreadsheet \"book-1\", range \"Gone!A1\": Unable to parse range: Gone!A1");
    let (_, body) = sheets.get(&format!("{VALUES}?valueRenderOption=FORMULA")).await;
    assert_eq!(body["values"], json!([["date", "net"], [45903, 12.5, "=B2*2"]]));
    assert_eq!(spreadsheets.writes(ID), 0, "what a person types is no request");
}

#[tokio::test]
async fn people_see_every_tab_and_nothing_of_it_runs() {
    let sheets = Sheets::start().await;
    let tab = Tab::new("<b>&").row(["a", "b"]).row(["<script>alert(1)</script>", "1.25"]);
    sheets.simulator.spreadsheets().create("odd id/1", "\"Odd\"", [tab, Tab::new("Empty")]);
    let (status, page) = sheets.page("/browse").await;
    assert!(
        status == StatusCode::OK && page.contains("/browse/book-1") && page.contains("/browse/odd%20id%2F1"),
        "{page}"
    );
    let (status, page) = sheets.page("/browse/odd%20id%2F1").await;
    assert_eq!(status, StatusCode::OK);
    for part in
        ["&lt;b&gt;&amp;", "&lt;script&gt;", "<td class=\"n\">1.25</td>", "<p>Empty.</p>", "&quot;Odd&quot;"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    assert_eq!(sheets.page("/browse/none").await.0, StatusCode::NOT_FOUND);
}
