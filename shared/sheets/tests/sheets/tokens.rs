//! The access token: how it is asked for, how long it is kept, when it is replaced.

use gamma_sheets::SheetsError;
use jiff::SignedDuration;
use serde_json::json;

use crate::google::{Bench, CELLS, CHANGES, Reply, TABS, TOKEN, assertion, fails, says, token};

fn no_tabs() -> Reply {
    says(200, &json!({}))
}

#[tokio::test]
async fn the_assertion_is_for_spreadsheets_only_and_for_an_hour() {
    let bench = Bench::new().await;
    bench.on(TABS, [no_tabs()]);
    bench.sheets().read(&[]).await.unwrap();
    let (header, claims) = assertion(&bench.seen()[0].body);
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "canary-key-id"}));
    let expected = json!({"iss": "canary@p.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/spreadsheets",
        "aud": format!("{}/token", bench.url), "iat": 1_786_738_800, "exp": 1_786_742_400});
    assert_eq!(claims, expected);
    assert_eq!(bench.seen()[1].authorization, "Bearer canary-access-1");
}

#[tokio::test]
async fn a_token_serves_invocations_until_its_last_minutes() {
    let bench = Bench::new().await;
    bench.on(TABS, [no_tabs()]);
    for (minutes, asked) in [(0, 1), (30, 1), (24, 1), (1, 2), (54, 2)] {
        bench.clock.advance(SignedDuration::from_mins(minutes));
        bench.sheets_for(24 * 3600).read(&[]).await.unwrap();
        assert_eq!(
            bench.targets().iter().filter(|target| *target == TOKEN).count(),
            asked,
            "{minutes} minutes later"
        );
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let tab = says(
        200,
        &json!({"sheets": [{"properties": {"title": "Log", "gridProperties": {"rowCount": 1, "columnCount": 1}}}]}),
    );
    let cells = says(200, &json!({"valueRanges": [{"range": "Log!A1:A1"}]}));
    let bench = Bench::new().await;
    bench.on(TOKEN, [token("canary-access-1"), token("canary-access-2"), token("canary-access-3")]);
    bench.on(TABS, [fails(401), tab.clone()]);
    bench.on(CELLS, [cells]);
    bench.sheets().read(&["Log"]).await.unwrap();
    assert_eq!(bench.targets(), [TOKEN, TABS, TOKEN, TABS, CELLS]);
    assert_eq!(bench.seen()[4].authorization, "Bearer canary-access-2");
    // A 401 proves that nothing was changed, so changes are sent again too.
    bench.on(CHANGES, [fails(401)]);
    let sheets = bench.sheets();
    let add = gamma_sheets::grid::Change::AddTab { title: "New".to_owned(), rows: 1, columns: 1 };
    let error = sheets.apply(&[add], &gamma_sheets::grid::Workbook::default()).await.unwrap_err();
    assert_eq!(error, SheetsError::Login("a new token is refused with 401 too".to_owned()));
    assert_eq!(bench.targets()[5..], [CHANGES, TOKEN, CHANGES]);
}

#[tokio::test]
async fn a_login_refused_by_google_is_not_retried_and_shows_no_secret() {
    for (reply, message) in [
        (
            says(400, &json!({"error": "invalid_grant", "error_description": "Invalid JWT\n Signature."})),
            "400 invalid_grant: Invalid JWT Signature.",
        ),
        (says(403, &json!({"message": "canary"})), "403 (20 bytes in no known shape, not shown)"),
        (says(200, &json!({"id_token": "canary"})), "access_token: got none, expected a text"),
        (
            says(200, &json!({"access_token": "canary"})),
            "expires_in: got none within a day, expected whole seconds",
        ),
        (Reply::Says(200, "canary".to_owned()), "body: got 6 bytes that do not read"),
    ] {
        let bench = Bench::new().await;
        bench.on(TOKEN, [reply]);
        let error = bench.sheets().read(&[]).await.unwrap_err();
        assert!(matches!(error, SheetsError::Login(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("sheets: no token for the service account: {message}")), "{text}");
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(bench.targets(), [TOKEN]);
    }
}

#[tokio::test]
async fn a_login_that_breaks_is_tried_again() {
    let bench = Bench::new().await;
    bench.on(TOKEN, [fails(503), Reply::Later("3"), Reply::Breaks, token("canary-access-1")]);
    bench.on(TABS, [no_tabs()]);
    bench.sheets().read(&[]).await.unwrap();
    assert_eq!(bench.targets(), [TOKEN, TOKEN, TOKEN, TOKEN, TABS]);
    assert!((3000..5000).contains(&bench.clock.waited_ms()), "{}", bench.clock.waited_ms());

    let bench = Bench::new().await;
    bench.on(TOKEN, [fails(503)]);
    let error = bench.sheets_for(10).read(&[]).await.unwrap_err();
    assert!(
        matches!(&error, SheetsError::Unavailable { what, reason } if what == "token" && reason.starts_with("status 503")),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let bench = Bench::new().await;
    bench.on(TABS, [no_tabs()]);
    let sheets = bench.sheets();
    sheets.read(&[]).await.unwrap();
    let shown = format!("{sheets:?} {:?}", bench.tokens);
    assert!(
        shown.contains("sheet-1")
            && shown.ends_with("SheetsTokens { kept: true }")
            && !shown.contains("canary"),
        "{shown}"
    );
}
