//! One Schwab and two tastytrade accounts at the same minute, through the unmodified function, and the stream
//! of quotes in all weathers. Needs moto: scripts/test runs these.

use std::time::Duration;

use gamma_simulator::dxlink::{HangUp, Switch, Which};
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{
    Answer, CANARIES, Stack, StackConfig, TASTYTRADE_TOKEN, TRADERS, TT_INDIVIDUAL, TT_IRA, Trader,
};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

/// Nothing fills on this day by itself.
const QUIET: u64 = 4;
const FILLING: u64 = 2;

fn live(trader: Trader) -> String {
    json!({ "account": trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string()
}

fn warm_up(_: Trader) -> String {
    json!({ "account": "warmup" }).to_string()
}

/// Requests of one method and end of path, at one service.
fn count(stack: &Stack, service: Service, method: &str, end: &str) -> usize {
    stack
        .simulator
        .requests()
        .iter()
        .filter(|request| {
            request.service == service && request.method == method && request.path.ends_with(end)
        })
        .count()
}

async fn in_order(stack: &Stack) {
    for trader in TRADERS {
        assert_eq!(
            stack.audit_of(trader, After::Everything).await.unwrap(),
            Vec::<String>::new(),
            "{}",
            trader.account
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn three_accounts_trade_at_once_and_redeliveries_place_nothing() {
    let moto = Moto::start().await.unwrap();
    for seed in [FILLING, QUIET, 1] {
        let stack = Stack::start(&moto, &StackConfig::of_seed(seed)).await.unwrap();
        let mut lines = stack.host.subscribe();
        let (_, before) = stack.token_of(TASTYTRADE_TOKEN).await.unwrap();
        for (trader, answer) in stack.invoke_all(live).await.unwrap() {
            assert_eq!(answer.function_error, None, "{}: {}", trader.account, answer.body);
            assert_eq!(answer.body["account"], trader.account);
        }
        in_order(&stack).await;
        let posts: Vec<usize> =
            TRADERS.iter().map(|trader| stack.book_of(*trader).unwrap().posts().len()).collect();
        assert!(posts.iter().all(|orders| *orders >= 2), "{posts:?}");

        // The two tastytrade runs share one token: whoever comes second finds the other's.
        let (document, version) = stack.token_of(TASTYTRADE_TOKEN).await.unwrap();
        assert_eq!((count(&stack, Service::Tastytrade, "POST", "/oauth/token"), version), (1, before + 1));
        assert!(
            document["expires_at"].is_i64() && document["refresh_token"] == CANARIES[7].1,
            "the refresh token stays"
        );
        // One connection each; every package quote is one question on it, and nothing is asked over REST.
        let counters = stack.simulator.dxlink().counters();
        assert_eq!((counters.connections, count(&stack, Service::DxLink, "SETUP", "/0")), (2, 2));
        assert_eq!(count(&stack, Service::Tastytrade, "GET", "/market-data/by-type"), 0);

        for (trader, again) in stack.invoke_all(live).await.unwrap() {
            assert_eq!(again.outcome(), "already_traded", "{}: {}", trader.account, again.body);
        }
        let after: Vec<usize> =
            TRADERS.iter().map(|trader| stack.book_of(*trader).unwrap().posts().len()).collect();
        assert_eq!(posts, after);
        assert_eq!(stack.simulator.dxlink().counters().connections, 2, "a day that is over needs no quotes");
        while let Ok(line) = lines.try_recv() {
            assert!(CANARIES.iter().all(|(_, secret)| !line.line.contains(secret)), "{}", line.line);
        }
        stack.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_quote_token_outlives_an_invocation_its_connection_does_not() {
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(
        &moto,
        &StackConfig { start: "2025-09-03T20:10:00Z".parse().unwrap(), ..StackConfig::of_seed(FILLING) },
    )
    .await
    .unwrap();
    for (trader, answer) in stack.invoke_all(warm_up).await.unwrap() {
        let quote_token = &answer.body["quote_token"];
        assert_eq!(
            (&answer.body["sized_by"], answer.body["unit_dollars"].is_string()),
            (&json!("accounts.toml"), true),
            "{}",
            answer.body
        );
        assert_eq!(
            (answer.body["status"].as_str(), quote_token.as_str()),
            (Some("ok"), (trader.account != "schwab").then_some("fetched")),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        (
            count(&stack, Service::Tastytrade, "GET", "/api-quote-tokens"),
            stack.simulator.dxlink().counters().connections
        ),
        (2, 0)
    );
    assert_eq!(count(&stack, Service::Tastytrade, "POST", "/oauth/token"), 1);
    stack.until("20:13:05").await;
    for (trader, answer) in stack.invoke_all(live).await.unwrap() {
        assert_eq!(answer.function_error, None, "{}: {}", trader.account, answer.body);
    }
    assert_eq!(
        (
            count(&stack, Service::Tastytrade, "GET", "/api-quote-tokens"),
            stack.simulator.dxlink().counters().connections
        ),
        (2, 2)
    );
    in_order(&stack).await;
}

/// An operator who turns everything on at three in the morning must be able to show the log to somebody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_loudest_log_shows_no_secret() {
    let moto = Moto::start().await.unwrap();
    let loud = [("GAMMA_LOG".to_owned(), "trace".to_owned())].into();
    let stack = Stack::start(
        &moto,
        &StackConfig { expired_token: true, environment: loud, ..StackConfig::of_seed(FILLING) },
    )
    .await
    .unwrap();
    let mut lines = stack.host.subscribe();
    // Read as they come: more are written than are kept.
    let reader = tokio::spawn(async move {
        let (mut loud, mut showing) = (0, Vec::new());
        loop {
            match lines.recv().await {
                Ok(line) => {
                    loud += usize::from(line.line.contains("\"DEBUG\""));
                    let shown =
                        CANARIES.iter().find(|(_, secret)| line.line.contains(secret)).map(|(name, _)| *name);
                    let shown = shown.or(line.line.contains(r#"AUTH\"#).then_some("quote token"));
                    showing.extend(shown.map(|name| format!("{name}: {}", line.line)));
                }
                Err(RecvError::Lagged(missed)) => showing.push(format!("{missed} lines were missed")),
                Err(RecvError::Closed) => return (loud, showing),
            }
        }
    });
    for (trader, answer) in stack.invoke_all(live).await.unwrap() {
        assert_eq!(answer.function_error, None, "{}: {}", trader.account, answer.body);
    }
    stack.host.stop().await;
    drop(stack);
    let (loud, showing) = reader.await.unwrap();
    assert!(loud > 0 && showing.is_empty(), "{loud} lines of level DEBUG; {showing:#?}");
}

/// One run of tt-ira on a day on which the second order of each side fills.
async fn run(
    moto: &Moto,
    rules: impl IntoIterator<Item = Rule>,
    switches: impl IntoIterator<Item = Switch>,
) -> (Stack, Answer, u32) {
    let stack = Stack::start(moto, &StackConfig::of_seed(QUIET)).await.unwrap();
    switches.into_iter().for_each(|switch| stack.simulator.dxlink().set(switch));
    rules.into_iter().for_each(|rule| stack.faults().add(rule));
    stack.faults().add(Rule::on(Route::PlaceOrder).after(2).always().fault(Fault::PartFill(u32::MAX)));
    let answer = stack.invoke_of(TT_IRA, &live(TT_IRA)).await.unwrap();
    let filled =
        stack.book_of(TT_IRA).unwrap().filled_packages().iter().map(|package| package.fill.quantity).sum();
    (stack, answer, filled)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn with_one_read_fault_a_tastytrade_run_fills_as_without() {
    let moto = Moto::start().await.unwrap();
    let faults = [
        Fault::ServerError(503, When::BeforeEffect),
        Fault::ServerError(502, When::AfterEffect),
        Fault::Dropped(When::BeforeEffect),
        Fault::TooManyRequests { retry_after: None },
        Fault::TooManyRequests { retry_after: Some(1) },
        Fault::Unauthorized,
        Fault::EdgePage,
        Fault::Refused(Duration::from_secs(1)),
    ];
    let mut wrong = Vec::new();
    for route in [
        Route::Token,
        Route::Account,
        Route::Positions,
        Route::ListOrders,
        Route::ReadOrder,
        Route::QuoteToken,
        Route::Chain,
    ] {
        for fault in &faults {
            if route == Route::Token && *fault == Fault::Unauthorized {
                // An answer about the application: asking again would change nothing.
                continue;
            }
            let (stack, answer, filled) =
                run(&moto, [Rule::on(route.clone()).fault(fault.clone())], []).await;
            let struck = stack.faults().fired().iter().any(|fired| fired.fault == *fault);
            let audit = stack.audit_of(TT_IRA, After::Everything).await.unwrap();
            if !struck || answer.outcome() != "filled" || filled != 10 || !audit.is_empty() {
                wrong.push(format!(
                    "{route:?}, {fault:?}: struck {struck}, filled {filled}, {audit:?}: {:.300}",
                    answer.body.to_string()
                ));
            }
            stack.host.stop().await;
        }
    }
    let (stack, answer, filled) =
        run(&moto, [Rule::on(Route::Token).fault(Fault::SpuriousRefusal)], []).await;
    assert_eq!((answer.outcome(), filled), ("filled", 10), "{}", answer.body);
    stack.host.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn whatever_the_stream_does_prices_are_real_and_the_run_fills() {
    let moto = Moto::start().await.unwrap();
    let leg = || Which::only(".SPXW250904P6425");
    // What the stream does, and whether REST must help.
    let weathers = [
        (Switch::LazyConfig, false),
        (Switch::ConfigAfterData, false),
        (Switch::NoConfig, false),
        (Switch::OwnFieldOrder, false),
        (Switch::HonourFull, false),
        (Switch::RowsPerFrame(1), false),
        (Switch::TypesTogether, false),
        (Switch::DuplicateRows, false),
        (Switch::Stamped, false),
        (Switch::Silent(leg()), true),
        (Switch::KeepaliveOnly, true),
        (Switch::BrokenBlock, true),
        (Switch::OneSided(leg()), true),
        (Switch::Crossed(leg()), true),
        (Switch::Partial(1), true),
        (Switch::RefuseUpgrade(502), true),
        (Switch::RefuseUpgrade(401), true),
        (Switch::AuthRefused, true),
        (Switch::Freeze, true),
        (Switch::CloseAfter(5, HangUp::Cut), true),
        // Each connection answers one question, and the next is there in time.
        (Switch::CloseAfter(6, HangUp::Cut), false),
        (Switch::CloseAfter(7, HangUp::Close(1000)), false),
        (Switch::MessageLimit(60), true),
    ];
    let (plain, undisturbed, _) = run(&moto, [], []).await;
    plain.host.stop().await;
    let prices = |answer: &Answer| {
        let sides = answer.body["sides"].as_array().cloned().unwrap_or_default();
        sides.iter().map(|side| side["decision_nbbo"].to_string()).collect::<Vec<_>>()
    };
    let mut wrong = Vec::new();
    for (switch, rest) in weathers {
        let (stack, answer, filled) = run(&moto, [], [switch.clone()]).await;
        let asked = count(&stack, Service::Tastytrade, "GET", "/market-data/by-type") > 0;
        let audit = stack.audit_of(TT_IRA, After::Everything).await.unwrap();
        let same = prices(&answer) == prices(&undisturbed);
        if answer.outcome() != "filled" || filled != 10 || asked != rest || !same || !audit.is_empty() {
            wrong.push(format!(
                "{switch:?}: filled {filled}, REST asked {asked}, same prices {same}, {audit:?}: {:.300}",
                answer.body.to_string()
            ));
        }
        stack.host.stop().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Quotes that the feed itself dates too far back count for nothing. The market is no older than 8 s when
    // the first are asked for.
    let (stack, answer, filled) = run(&moto, [], [Switch::Stale(Duration::from_secs(60))]).await;
    assert_eq!((answer.outcome(), filled), ("filled", 10), "{}", answer.body);
    assert!(count(&stack, Service::Tastytrade, "GET", "/market-data/by-type") > 0);
    stack.host.stop().await;
    // Nothing anywhere: no price is made up, and nothing is sent.
    let lost = Rule::on(Route::Quotes).always().fault(Fault::ServerError(503, When::BeforeEffect));
    let (stack, answer, _) = run(&moto, [lost], [Switch::KeepaliveOnly]).await;
    assert_eq!(
        (answer.outcome() == "filled", stack.book_of(TT_IRA).unwrap().posts().len()),
        (false, 0),
        "{}",
        answer.body
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn sizing_by_account_number_and_a_document_that_does_not_read() {
    let moto = Moto::start().await.unwrap();
    let sized = |text: &str| StackConfig {
        parameters: [("/gamma/tt/account_sizing".to_owned(), text.to_owned())].into(),
        ..StackConfig::of_seed(FILLING)
    };
    let both = r#"{"5WT20360": {"label": "IRA", "unit_dollars": 12500}, "5WT09219": {"label": "Individual", "unit_dollars": 25000}}"#;
    let stack = Stack::start(&moto, &sized(both)).await.unwrap();
    let answers = stack.invoke_all(live).await.unwrap();
    let units: Vec<i64> =
        answers.iter().map(|(_, answer)| answer.body["plan"]["units"].as_i64().unwrap()).collect();
    assert_eq!(units, [2, 2, 1], "Schwab's is not touched by it");
    stack.host.stop().await;

    let stack = Stack::start(&moto, &sized("{\"5WT20360\": 12500}")).await.unwrap();
    let answer = stack.invoke_of(TT_INDIVIDUAL, &live(TT_INDIVIDUAL)).await.unwrap();
    assert_eq!(answer.error_type(), "BadProfile");
    assert!(
        answer.body["errorMessage"].as_str().unwrap().contains("parameter /gamma/tt/account_sizing"),
        "{}",
        answer.body
    );
    assert_eq!(stack.book_of(TT_INDIVIDUAL).unwrap().posts().len(), 0);
}
