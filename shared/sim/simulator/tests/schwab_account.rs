//! Tokens, accounts and transactions over Schwab's wire.

use crate::session::{Session, assert_shape, json_of, vertical};
use gamma_market::Price;
use gamma_simulator::schwab::SchwabConfig;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// `simulated-app-key:simulated-app-secret`.
const BASIC: &str = "Basic c2ltdWxhdGVkLWFwcC1rZXk6c2ltdWxhdGVkLWFwcC1zZWNyZXQ=";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const REFRESH: &str = "grant_type=refresh_token&refresh_token=simulated-refresh-token%40";

async fn token(session: &Session, basic: &str, form: &str) -> (u16, Value) {
    let url = format!("{}/v1/oauth/token", session.simulator.schwab_url());
    let (status, body) =
        json_of(session.raw(Method::POST, &url, &[("authorization", basic), FORM], form).await).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_refresh_gives_half_an_hour() {
    let mut session = Session::start(1).await;
    session.pass(1799.seconds()).await;
    session.read("/trader/v1/accounts/accountNumbers").await;
    session.pass(1.seconds()).await;
    for path in ["/trader/v1/accounts/accountNumbers", "/marketdata/v1/quotes?symbols=$SPX"] {
        assert_eq!(session.get(path).await.0, 401, "{path}");
    }
    let (status, body) = token(&session, BASIC, REFRESH).await;
    assert_eq!(status, 200);
    let reference = json!({ "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "", "access_token": "", "id_token": "" });
    assert_shape(&body, &reference, "token");
    assert_eq!(
        (&body["expires_in"], &body["refresh_token"]),
        (&json!(1800), &json!("simulated-refresh-token@"))
    );
    session.token = body["access_token"].as_str().unwrap().to_owned();
    session.read("/trader/v1/accounts/accountNumbers").await;
    session.pass(1800.seconds()).await;
    assert_eq!(session.get("/trader/v1/accounts/accountNumbers").await.0, 401);
}

#[tokio::test]
async fn a_refresh_token_dies_seven_days_after_login_despite_refresh() {
    let session = Session::start(1).await;
    session.pass((7 * 24 * 3600 - 1).seconds()).await;
    assert_eq!(token(&session, BASIC, REFRESH).await.0, 200);
    session.pass(1.seconds()).await;
    let (status, body) = token(&session, BASIC, REFRESH).await;
    assert_eq!((status, &body["error"]), (400, &json!("unsupported_token_type")));
    assert!(body["error_description"].as_str().unwrap().contains("refresh_token_authentication_error"));
}

#[tokio::test]
async fn with_rotation_every_refresh_kills_the_token_before() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.schwab = SchwabConfig { rotate_refresh_token: true, ..SchwabConfig::default() };
    let session = Session::with(config).await;
    let (status, body) = token(&session, BASIC, REFRESH).await;
    assert_eq!(status, 200);
    assert_eq!(token(&session, BASIC, REFRESH).await.0, 400, "the old one");
    let next = body["refresh_token"].as_str().unwrap().replace('@', "%40");
    assert_eq!(
        token(&session, BASIC, &format!("grant_type=refresh_token&refresh_token={next}")).await.0,
        200
    );
}

#[tokio::test]
async fn the_token_endpoint_says_what_is_wrong_in_its_own_shape() {
    let session = Session::start(1).await;
    for (basic, form, status, error) in [
        ("Basic bm9ib2R5Om5vdGhpbmc=", REFRESH, 401, "invalid_client"),
        ("", REFRESH, 401, "invalid_client"),
        (BASIC, "grant_type=refresh_token", 400, "invalid_request"),
        (BASIC, "grant_type=password", 400, "invalid_request"),
        (BASIC, "", 400, "invalid_request"),
        (
            BASIC,
            "grant_type=authorization_code&code=C0.made-up%40&redirect_uri=https://127.0.0.1",
            400,
            "invalid_request",
        ),
        (BASIC, "grant_type=refresh_token&refresh_token=other", 400, "unsupported_token_type"),
    ] {
        let (came, body) = token(&session, basic, form).await;
        assert_eq!((came, &body["error"]), (status, &json!(error)), "{basic} {form}");
        assert!(body["error_description"].is_string());
    }
}

#[tokio::test]
async fn calls_without_a_good_token_are_401_in_the_shape_of_their_api() {
    let mut session = Session::start(1).await;
    session.token = "I0.unknown@".into();
    let (status, body) = session.get("/trader/v1/accounts").await;
    assert_eq!(status, 401);
    assert_shape(&body, &json!({ "message": "", "errors": [""] }), "trader");
    let (status, body) = session.get("/marketdata/v1/chains").await;
    assert_eq!(status, 401);
    assert_shape(
        &body["errors"][0],
        &json!({ "id": "", "status": 401, "title": "", "detail": "", "source": { "header": "" } }),
        "market data",
    );
    let url = format!("{}/trader/v1/accounts", session.simulator.schwab_url());
    assert_eq!(session.raw(Method::GET, &url, &[], "").await.status(), 401);
    assert_eq!(session.raw(Method::GET, &url, &[("authorization", "Basic abc")], "").await.status(), 401);
}

#[tokio::test]
async fn an_unknown_route_is_answered_by_the_gateway() {
    let session = Session::start(1).await;
    let response = session.send(Method::GET, "/trader/v2/accounts", None).await;
    assert_eq!(response.status(), 404);
    assert!(response.headers().contains_key("schwab-client-correlid"));
    assert!(response.text().await.unwrap().starts_with("404 Not Found: Requested route"));
}

/// Reference section 5, a short position.
fn account_reference() -> Value {
    serde_json::from_str(
        r#"{"securitiesAccount":{"type":"MARGIN","accountNumber":"12345678","roundTrips":0,"isDayTrader":false,"isClosingOnlyRestricted":false,"pfcbFlag":false,
 "positions":[{"shortQuantity":1.0,"averagePrice":4.1534,"currentDayProfitLoss":35.0,"currentDayProfitLossPercentage":8.43,"longQuantity":0.0,
   "settledLongQuantity":0.0,"settledShortQuantity":-1.0,
   "instrument":{"assetType":"OPTION","cusip":"0SPXW.HL60590000","symbol":"SPXW  260821P05900000","description":"S & P 500 INDEX 08/21/2026 $5900 Put",
     "netChange":-0.35,"type":"VANILLA","putCall":"PUT","underlyingSymbol":"$SPX"},
   "marketValue":-380.0,"maintenanceRequirement":500.0,"averageShortPrice":4.16,"taxLotAverageShortPrice":4.1534,"shortOpenProfitLoss":35.34,
   "previousSessionShortQuantity":1.0,"currentDayCost":0.0}],
 "initialBalances":{"accruedInterest":0.0,"availableFundsNonMarginableTrade":25000.0,"bondValue":100000.0,"buyingPower":50000.0,"cashBalance":25000.0,
   "cashAvailableForTrading":0.0,"cashReceipts":0.0,"dayTradingBuyingPower":100000.0,"dayTradingBuyingPowerCall":0.0,"dayTradingEquityCall":0.0,
   "equity":25000.0,"equityPercentage":100.0,"liquidationValue":24620.0,"longMarginValue":0.0,"longOptionMarketValue":0.0,"longStockValue":0.0,
   "maintenanceCall":0.0,"maintenanceRequirement":500.0,"margin":25000.0,"marginEquity":25000.0,"moneyMarketFund":0.0,"mutualFundValue":25000.0,
   "regTCall":0.0,"shortMarginValue":0.0,"shortOptionMarketValue":-380.0,"shortStockValue":0.0,"totalCash":0.0,"isInCall":false,"unsettledCash":0.0,
   "pendingDeposits":0.0,"marginBalance":0.0,"shortBalance":0.0,"accountValue":24620.0},
 "currentBalances":{"accruedInterest":0.0,"cashBalance":25000.0,"cashReceipts":0.0,"longOptionMarketValue":0.0,"liquidationValue":24620.0,
   "longMarketValue":0.0,"moneyMarketFund":0.0,"savings":0.0,"shortMarketValue":0.0,"pendingDeposits":0.0,"mutualFundValue":0.0,"bondValue":0.0,
   "shortOptionMarketValue":-380.0,"availableFunds":24500.0,"availableFundsNonMarginableTrade":24500.0,"buyingPower":49000.0,
   "buyingPowerNonMarginableTrade":24500.0,"dayTradingBuyingPower":98000.0,"equity":25000.0,"equityPercentage":100.0,"longMarginValue":0.0,
   "maintenanceCall":0.0,"maintenanceRequirement":500.0,"marginBalance":0.0,"regTCall":0.0,"shortBalance":0.0,"shortMarginValue":0.0,"sma":24500.0},
 "projectedBalances":{"availableFunds":24500.0,"availableFundsNonMarginableTrade":24500.0,"buyingPower":49000.0,"dayTradingBuyingPower":98000.0,
   "dayTradingBuyingPowerCall":0.0,"maintenanceCall":0.0,"regTCall":0.0,"isInCall":false,"stockBuyingPower":49000.0}},
 "aggregatedBalance":{"currentLiquidationValue":24620.0,"liquidationValue":24620.0}}"#,
    )
    .unwrap()
}

#[tokio::test]
async fn accounts_have_the_reference_shape() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.cash = Decimal::from(700_000);
    config.positions = vec![("SPXW250904P6420".parse().unwrap(), -1, Price::cents(640))];
    let session = Session::with(config).await;
    let numbers = session.read("/trader/v1/accounts/accountNumbers").await;
    assert_eq!(
        numbers,
        json!([{ "accountNumber": "12345678", "hashValue": session.simulator.schwab().account_hash() }])
    );
    assert_eq!(session.simulator.schwab().account_hash().len(), 64);

    let account = session.read(&session.account("?fields=positions")).await;
    assert_shape(&account, &account_reference(), "account");
    let position = &account["securitiesAccount"]["positions"][0];
    assert_eq!(
        (&position["shortQuantity"], &position["longQuantity"], &position["settledShortQuantity"]),
        (&json!(1.0), &json!(0.0), &json!(-1.0))
    );
    assert_eq!((&position["marketValue"], &position["shortOpenProfitLoss"]), (&json!(-630.0), &json!(10.0)));
    for balances in ["initialBalances", "currentBalances"] {
        assert_eq!(
            account["securitiesAccount"][balances]["liquidationValue"],
            json!(699_370.0),
            "{balances}"
        );
    }
    let all = session.read("/trader/v1/accounts").await;
    assert!(all[0]["securitiesAccount"].get("positions").is_none(), "only with fields=positions");
    assert_eq!(session.get("/trader/v1/accounts?fields=orders").await.0, 400);
    for hash in ["12345678", "ABC"] {
        assert_eq!(session.get(&format!("/trader/v1/accounts/{hash}")).await.0, 404);
    }
    let preference = session.read("/trader/v1/userPreference").await;
    let reference = json!({
        "accounts": [{ "accountNumber": "", "primaryAccount": true, "type": "", "nickName": "", "accountColor": "", "displayAcctId": "", "autoPositionEffect": true }],
        "streamerInfo": [{
            "streamerSocketUrl": "", "schwabClientCustomerId": "", "schwabClientCorrelId": "", "schwabClientChannel": "", "schwabClientFunctionId": "",
        }],
        "offers": [{ "level2Permissions": true, "mktDataPermission": "" }],
    });
    assert_shape(&preference, &reference, "preference");
}

#[tokio::test]
async fn a_flat_account_has_no_positions_and_a_trade_changes_it() {
    let session = Session::start(1).await;
    let path = session.account("?fields=positions");
    assert!(session.read(&path).await["securitiesAccount"].get("positions").is_none());
    session.post(&vertical(2, "0.05")).await;
    session.pass(3.seconds()).await;
    let account = &session.read(&path).await["securitiesAccount"];
    let quantities: Vec<_> = account["positions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["instrument"]["symbol"].clone(), p["longQuantity"].clone(), p["shortQuantity"].clone()))
        .collect();
    assert_eq!(
        quantities,
        [
            (json!("SPXW  250904P06420000"), json!(2.0), json!(0.0)),
            (json!("SPXW  250904P06425000"), json!(0.0), json!(2.0))
        ]
    );
    assert!(
        account["positions"][0].get("averageShortPrice").is_none()
            && account["positions"][0]["averageLongPrice"].is_f64()
    );
    assert_eq!(account["currentBalances"]["maintenanceRequirement"], json!(1000.0));
    assert_eq!(account["initialBalances"]["liquidationValue"], json!(100_000.0), "the start of the day");
    assert_ne!(account["currentBalances"]["cashBalance"], json!(100_000.0));
}

#[tokio::test]
async fn transactions_are_one_a_leg_with_fees_first() {
    let reference: Value = serde_json::from_str(
        r#"{"activityId":101234567890,"time":"2026-08-20T18:30:07+0000","accountNumber":"12345678","type":"TRADE","status":"VALID","subAccount":"MARGIN",
        "tradeDate":"2026-08-20T18:30:07+0000","settlementDate":"2026-08-21T04:00:00+0000","positionId":2765432109,"orderId":1005638175790,"netAmount":818.66,
        "transferItems":[{"instrument":{"assetType":"CURRENCY","status":"ACTIVE","symbol":"CURRENCY_USD","description":"USD currency","instrumentId":1,
          "closingPrice":0.0},"amount":1.3,"cost":-1.3,"feeType":"COMMISSION"}]}"#,
    )
    .unwrap();
    let item: Value = serde_json::from_str(
        r#"{"instrument":{"assetType":"OPTION","status":"ACTIVE","symbol":"SPXW  260821P05900000","description":"S & P 500 INDEX 08/21/2026 $5900 Put",
          "instrumentId":233445567,"closingPrice":3.8,"expirationDate":"2026-08-21T04:00:00+0000",
          "optionDeliverables":[{"rootSymbol":"SPX","strikePercent":100,"deliverableNumber":1,"deliverableUnits":100.0}],
          "optionPremiumMultiplier":100,"putCall":"PUT","strikePrice":5900.0,"type":"VANILLA","underlyingSymbol":"$SPX"},
          "amount":-2.0,"cost":820.0,"price":4.1,"positionEffect":"OPENING"}"#,
    )
    .unwrap();
    let session = Session::start(1).await;
    let id = session.post(&vertical(2, "0.05")).await;
    session.pass(3.seconds()).await;
    let day = "startDate=2025-09-03T00:00:00.000Z&endDate=2025-09-05T00:00:00.000Z";
    let rows = session
        .read(&session.account(&format!("/transactions?{day}&types=TRADE,DIVIDEND_OR_INTEREST")))
        .await;
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let mut net = 0.0;
    for row in rows {
        assert_shape(row, &reference, "transaction");
        assert_eq!(row["orderId"], json!(id));
        let items = row["transferItems"].as_array().unwrap();
        assert_shape(items.last().unwrap(), &item, "item");
        let costs: Vec<f64> = items.iter().map(|item| item["cost"].as_f64().unwrap()).collect();
        assert!((costs.iter().sum::<f64>() - row["netAmount"].as_f64().unwrap()).abs() < 1e-9);
        let fees: f64 = costs[..costs.len() - 1].iter().sum();
        assert!((fees + 1.94).abs() < 1e-9, "0.97 a contract: {row}");
        net += row["netAmount"].as_f64().unwrap();
    }
    let cash =
        session.read(&session.account("")).await["securitiesAccount"]["currentBalances"]["cashBalance"]
            .as_f64()
            .unwrap();
    assert!((cash - 100_000.0 - net).abs() < 1e-6);

    let one = session.read(&session.account(&format!("/transactions/{}", rows[0]["activityId"]))).await;
    assert_eq!(one, json!([rows[0]]));
    session.until("2025-09-04T16:00:00-04:00".parse().unwrap()).await;
    let mut late = session;
    let (_, body) = token(&late, BASIC, REFRESH).await;
    late.token = body["access_token"].as_str().unwrap().to_owned();
    let expired = late.read(&late.account(&format!("/transactions?{day}&types=RECEIVE_AND_DELIVER"))).await;
    assert_eq!(expired.as_array().unwrap().len(), 2);
    assert_eq!(expired[0]["description"], "REMOVAL OF OPTION DUE TO EXPIRATION");
    for (query, words) in [
        (day.to_owned(), "types is required"),
        (format!("{day}&types=FEES"), "types: got"),
        ("types=TRADE".into(), "startDate is required"),
    ] {
        let (status, body) = late.get(&late.account(&format!("/transactions?{query}"))).await;
        assert_eq!(status, 400);
        assert!(body["errors"].to_string().contains(words), "{body}");
    }
}
