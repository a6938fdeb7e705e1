//! The operator's function, unmodified, on the local stack: what it changes is what the next run, or the run
//! at work, reads. Needs moto: scripts/test runs these.

use gamma_execution::ports::RungState;
use gamma_operator::Names;
use gamma_simulator::exchange::OrderState;
use gamma_tests::audit::After;
use gamma_tests::control::CONTROL;
use gamma_tests::moto::Moto;
use gamma_tests::operator::Operator;
use gamma_tests::stack::{Answer, CANARIES, SCHWAB, Stack, StackConfig, TRADERS, TT_IRA, Trader};
use serde_json::{Value, json};

const LIVE: &str = include_str!("../../events/schwab.json");
const SWEEP: &str = include_str!("../../events/sweep.json");
const ARM: &str = include_str!("../../events/control-arm.json");
const DISARM: &str = include_str!("../../events/control-disarm.json");
const HALT: &str = include_str!("../../events/control-halt.json");
const RESUME: &str = include_str!("../../events/control-resume.json");
const SCHEDULES: &str = include_str!("../../events/control-schedules.json");
const STATUS: &str = include_str!("../../events/control-status.json");
const CHANGES: &str = include_str!("../../events/control-changes.json");
const RECOVER: &str = include_str!("../../events/control-recover.json");
const HAND_OFF: &str = include_str!("../../events/control-hand-off.json");

/// Nothing fills by itself: each side's ladder of three rungs is worked to its end.
const QUIET: u64 = 4;
/// Both sides fill.
const FILLING: u64 = 2;

struct Desk {
    stack: Stack,
    moto: Moto,
}

impl Desk {
    async fn open(config: StackConfig) -> Self {
        let moto = Moto::start().await.unwrap();
        let stack = Stack::start(&moto, &StackConfig { control: true, ..config }).await.unwrap();
        Self { stack, moto }
    }

    async fn ask(&self, event: &str) -> Answer {
        self.stack.invoke_function(CONTROL, event).await.unwrap()
    }

    async fn asked(&self, event: &str) -> Value {
        let answer = self.ask(event).await;
        assert_eq!(answer.function_error, None, "{event}: {}", answer.body);
        answer.body
    }

    async fn refused(&self, event: &str) -> String {
        self.ask(event).await.error_type().to_owned()
    }

    /// Requests of the scheduler, as the template's deployment makes them.
    async fn scheduler(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let signature = "AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0";
        let request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.moto.url()))
            .header("authorization", signature);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn schedule(&self, name: &str) -> Value {
        self.scheduler(reqwest::Method::GET, &format!("/schedules/{name}?groupName=gamma-cs"), &Value::Null)
            .await
    }

    async fn make_schedules(&self, names: &[(&str, &str)]) {
        self.scheduler(reqwest::Method::POST, "/schedule-groups/gamma-cs", &json!({})).await;
        for (name, expression) in names {
            let target = json!({"Arn": "arn:aws:lambda:us-east-1:1:function:trade", "RoleArn": "arn:aws:iam::1:role/r", "Input": LIVE,
                "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}});
            let body = json!({"GroupName": "gamma-cs", "ScheduleExpression": expression, "ScheduleExpressionTimezone": "America/New_York",
                "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED", "Description": "made by the template", "Target": target});
            self.scheduler(reqwest::Method::POST, &format!("/schedules/{name}"), &body).await;
        }
    }
}

fn of(trader: Trader, event: &str) -> String {
    event.replace("\"schwab\"", &format!("\"{}\"", trader.account))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_halt_stops_a_run_between_rungs_with_its_orders_terminal() {
    for trader in [SCHWAB, TT_IRA] {
        let desk = Desk::open(StackConfig {
            start: "2025-09-03T20:13:05Z".parse().unwrap(),
            ..StackConfig::of_seed(QUIET)
        })
        .await;
        let stack = &desk.stack;
        let clock = stack.simulator.clock();
        let before_it_began = clock.hold();
        let operator = async {
            while stack.simulator.requests().is_empty() {
                tokio::task::yield_now().await;
            }
            let halted_at = clock.alarm("2025-09-03T20:13:42Z".parse().unwrap());
            drop(before_it_began);
            // From then on time stands still until the halt is written.
            let hold = halted_at.await;
            let live: Vec<_> =
                stack.book_of(trader).unwrap().posts().iter().map(|order| order.state.clone()).collect();
            assert!(
                live.len() == 2 && live.iter().all(|state| *state == OrderState::Working),
                "{live:?}: one live order a side"
            );
            let answer = desk.asked(HALT).await;
            drop(hold);
            answer
        };
        let event = of(trader, LIVE);
        let (run, halt) = tokio::join!(stack.invoke_of(trader, &event), operator);
        let run = run.unwrap();
        assert_eq!((halt["account"].as_str(), halt["halted"].as_bool()), (Some("all"), Some(true)));
        assert_eq!(run.outcome(), "halted", "{}", run.body);
        // On this day a run that nobody halts posts six.
        let book = stack.book_of(trader).unwrap();
        let orders: Vec<_> = book.posts().iter().map(|order| (order.state.clone(), order.filled())).collect();
        assert_eq!(
            orders,
            vec![(OrderState::Canceled, 0); 2],
            "cancelled at the broker, and none after them"
        );
        let posts = stack
            .simulator
            .requests()
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with("/orders"))
            .count();
        assert_eq!(posts, 2);
        let rungs = stack.day_of(trader.account).await.unwrap().rungs;
        assert!(
            rungs.len() == 2
                && rungs.iter().all(|rung| matches!(rung.state, RungState::Terminal { filled: 0, .. })),
            "proven over: {rungs:?}"
        );
        assert_eq!(stack.audit_of(trader, After::Everything).await.unwrap(), Vec::<String>::new());

        // Whoever comes next is halted too, until it is lifted; the day is the halted run's then.
        let again = stack.invoke_of(trader, &event).await.unwrap();
        assert_eq!(stack.book_of(trader).unwrap().posts().len(), 2, "{}", again.body);
        desk.asked(RESUME).await;
        let again = stack.invoke_of(trader, &event).await.unwrap();
        assert_eq!(
            (again.outcome(), stack.book_of(trader).unwrap().posts().len()),
            ("already_traded", 2),
            "{}",
            again.body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_account_is_armed_with_its_name_and_trades_then() {
    let desk = Desk::open(StackConfig { armed: false, ..StackConfig::of_seed(FILLING) }).await;
    assert_eq!(
        desk.refused(include_str!("../../events/refused/control-unconfirmed.json")).await,
        "NotConfirmed"
    );
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "not_armed");
    let armed = desk.asked(ARM).await;
    assert_eq!((&armed["armed"], &armed["decision"]["by"]), (&json!(true), &json!("your name")));
    desk.stack.until("20:13:40").await;
    desk.asked(DISARM).await;
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "not_armed");
    desk.stack.until("20:13:45").await;
    desk.asked(&ARM.replace(", \"confirm\": \"schwab\"", "")).await;
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "filled");
    let changes = desk.asked(CHANGES).await;
    let verbs: Vec<_> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, ["arm", "disarm", "arm"]);
    assert_eq!(changes["changes"][1]["why"], "away for two weeks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_is_not_understood_changes_nothing() {
    let desk = Desk::open(StackConfig::of_seed(QUIET)).await;
    let before = desk.moto.items(desk.stack.table()).await.unwrap();
    for (event, error_type) in [
        ("{}", "EmptyEvent"),
        (include_str!("../../events/refused/control-two-verbs.json"), "MalformedEvent"),
        (include_str!("../../events/refused/control-nobody.json"), "MalformedEvent"),
        (include_str!("../../events/refused/control-unknown-field.json"), "MalformedEvent"),
        (&HALT.replace("\"all\"", "\"schwab-ira\""), "UnknownAccount"),
        (&ARM.replace("\"schwab\"", "\"all\""), "UnknownAccount"),
    ] {
        assert_eq!(desk.refused(event).await, error_type, "{event}");
    }
    assert_eq!(desk.moto.items(desk.stack.table()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn schedules_go_off_and_on_and_a_missing_one_is_told() {
    let desk = Desk::open(StackConfig::of_seed(QUIET)).await;
    let trade = "cron(13 16 ? * MON-FRI *)";
    let of_schwab = [
        ("gamma-cs-schwab-warmup", "cron(10 16 ? * MON-FRI *)"),
        ("gamma-cs-schwab", trade),
        ("gamma-cs-schwab-sweep", "cron(16 16 ? * MON-FRI *)"),
    ];
    desk.make_schedules(&of_schwab).await;
    desk.stack.until("20:14:20").await;
    let off = SCHEDULES.replace("\"all\"", "\"schwab\"");
    let before = desk.schedule("gamma-cs-schwab").await;
    let answer = desk.asked(&off).await;
    assert_eq!(
        (&answer["change"]["state"], &answer["schedules"][1]["result"]),
        (&json!("done"), &json!("changed"))
    );
    let mut after = desk.schedule("gamma-cs-schwab").await;
    assert_eq!(after["State"], "DISABLED");
    (after["State"], after["LastModificationDate"]) =
        (before["State"].clone(), before["LastModificationDate"].clone());
    assert_eq!(after, before, "everything else is as it was");
    assert_eq!(desk.schedule("gamma-cs-schwab-sweep").await["State"], "ENABLED", "sweeps stay on");

    desk.stack.until("20:14:30").await;
    // The other accounts have no schedules here: told, and not made.
    let all = desk.ask(&SCHEDULES.replace("\"off\"", "\"on\"")).await;
    assert_eq!(all.error_type(), "SchedulesNotSwitched");
    assert!(all.body["errorMessage"].as_str().unwrap().contains("gamma-cs-tt-ira: missing"), "{}", all.body);
    assert_eq!(desk.schedule("gamma-cs-schwab").await["State"], "ENABLED");
    let listed =
        desk.scheduler(reqwest::Method::GET, "/schedules?ScheduleGroup=gamma-cs", &Value::Null).await;
    assert_eq!(listed["Schedules"].as_array().unwrap().len(), 3);
    let changes = desk.asked(CHANGES).await;
    let states: Vec<_> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (&change["verb"], &change["state"]))
        .collect();
    assert_eq!(
        states[..2],
        [(&json!("schedules_on"), &json!("failed")), (&json!("schedules_off"), &json!("done"))]
    );

    let status = desk.asked(STATUS).await;
    let schedules = &status["accounts"][0]["schedules"];
    assert_eq!((&schedules[1]["name"], &schedules[1]["on"]), (&json!("gamma-cs-schwab"), &json!(true)));
    assert_eq!(schedules[1]["next"]["at"]["local"], "Thu 2025-09-04 16:13", "{schedules}");
    assert_eq!(
        (&schedules[3]["on"], &schedules[3]["next"]),
        (&Value::Null, &Value::Null),
        "the last sweep is missing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn status_tells_the_day_and_shows_no_secret() {
    let desk = Desk::open(StackConfig::of_seed(FILLING)).await;
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "filled");
    desk.stack.until("20:16:10").await;
    assert_eq!(desk.stack.invoke(SWEEP).await.unwrap().outcome(), "swept");
    desk.asked(&HALT.replace("\"all\"", "\"tt-ira\"")).await;
    let answer = desk.ask(STATUS).await;
    let status = &answer.body;
    let account = |name: &str| {
        status["accounts"].as_array().unwrap().iter().find(|account| account["account"] == name).unwrap()
    };
    let schwab = account("schwab");
    assert_eq!(
        (&schwab["last_run"]["outcome"], &schwab["last_run"]["date"]),
        (&json!("filled"), &json!("2025-09-03"))
    );
    assert_eq!(
        (&schwab["last_sweep"]["outcome"], &schwab["open_intents"], &schwab["outbox"]),
        (&json!("swept"), &json!([]), &json!([]))
    );
    assert_eq!((&schwab["armed"]["armed"], &schwab["armed"]["by"]), (&json!(true), &json!("the demo")));
    // The stack's login is a day old.
    assert_eq!(
        (&schwab["login"]["broker"], &schwab["login"]["hours_left"]),
        (&json!("schwab"), &json!(143)),
        "{schwab}"
    );
    assert_eq!(account("tt-ira")["login"]["hours_left"], Value::Null);
    assert_eq!((&account("tt-ira")["halted"][0]["whom"], &schwab["halted"]), (&json!("tt-ira"), &json!([])));
    assert_eq!(account("tt-ira")["last_run"], Value::Null);
    let logs = format!("{status}{:?}", desk.stack.host.logs(&answer.request_id));
    for (what, canary) in CANARIES {
        assert!(!logs.contains(canary.trim_end_matches('@')), "{what} is shown");
    }
    assert_eq!(
        desk.asked(&STATUS.replace("{}", "{\"account\": \"tt-ira\"}")).await["accounts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_dead_run_is_recovered_and_handed_off_for_an_operator() {
    let names = Names::of_stack(Names::STACK, Names::SCHEDULES, TRADERS.map(|trader| trader.account));
    let consumers = [names.sheets_log.clone(), names.edge_guard[SCHWAB.account].clone()];
    let trade = names.trade[SCHWAB.account].clone();
    let desk =
        Desk::open(StackConfig { names: Some(names), post_trade: true, ..StackConfig::of_seed(FILLING) })
            .await;
    let reach =
        |reachable| consumers.iter().for_each(|consumer| desk.stack.host.set_reachable(consumer, reachable));
    reach(false);
    assert_eq!(desk.stack.invoke_function(&trade, LIVE).await.unwrap().outcome(), "filled");
    let left = desk.asked(STATUS).await["accounts"][0]["outbox"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(2), "{left}");
    let counted = |handed: &Value| ["taken", "left"].map(|what| handed[what].as_array().map(Vec::len));
    let handed = desk.asked(HAND_OFF).await;
    assert_eq!(counted(&handed), [Some(0), Some(2)], "{handed}");
    reach(true);
    let handed = desk.asked(HAND_OFF).await;
    assert_eq!(counted(&handed), [Some(2), Some(0)], "{handed}");
    assert_eq!(desk.asked(STATUS).await["accounts"][0]["outbox"], json!([]));

    desk.stack.until("20:16:10").await;
    assert_eq!(desk.asked(RECOVER).await["recovery"], "asked_for");
    desk.stack.host.settled().await;
    assert_eq!(desk.asked(STATUS).await["accounts"][0]["last_sweep"]["outcome"], "swept");
}

/// The command's own words, and how it ended.
async fn says(operator: &Operator, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let said = operator.types(arguments, &[], typed).await.unwrap();
    (said.code, format!("{}{}", said.out, said.err))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_person_steers_with_the_command_and_status_fits_a_screen() {
    let desk = Desk::open(StackConfig { armed: false, ..StackConfig::of_seed(FILLING) }).await;
    let operator = Operator::of(&desk.stack, &desk.moto).unwrap();
    let by = ["--by", "Ada", "--why", "the dry week was right"];
    let with = |words: &[&'static str]| words.iter().copied().chain(by).collect::<Vec<_>>();

    let (code, words) = says(&operator, &with(&["arm", "schwab"]), "tt-ira\n").await;
    assert!(code == Some(1) && words.contains("nothing was changed"), "{words}");
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "not_armed");
    let (code, words) = says(&operator, &with(&["arm", "schwab"]), "schwab\n").await;
    assert!(code == Some(0) && words.contains("schwab of gamma-") && words.contains("is armed"), "{words}");
    let (code, words) = says(&operator, &with(&["arm", "schwab-ira"]), "schwab-ira\n").await;
    assert!(code == Some(1) && words.contains("expected one of schwab, tt-individual, tt-ira"), "{words}");
    let (code, words) = says(&operator, &["halt", "all", "--by", "Ada"], "").await;
    assert!(code == Some(2) && words.contains("--why"), "who says not why halts nobody: {words}");
    let (code, words) = says(&operator, &with(&["halt", "all"]), "").await;
    assert!(
        code == Some(0) && words.contains("Every account of gamma-") && words.contains("is halted"),
        "{words}"
    );
    assert_eq!(desk.stack.invoke(LIVE).await.unwrap().outcome(), "halted");
    let (code, _) = says(&operator, &with(&["resume", "all"]), "").await;
    assert_eq!((code, desk.stack.invoke(LIVE).await.unwrap().outcome()), (Some(0), "filled"));

    let trade = "cron(13 16 ? * MON-FRI *)";
    let names = ["schwab", "tt-ira", "tt-individual"].map(|account| {
        ["-warmup", "", "-sweep", "-last-sweep"].map(|kind| format!("gamma-cs-{account}{kind}"))
    });
    let schedules: Vec<(&str, &str)> = names.iter().flatten().map(|name| (name.as_str(), trade)).collect();
    desk.make_schedules(&schedules).await;
    let (code, words) = says(&operator, &with(&["schedules", "off", "schwab"]), "").await;
    assert!(code == Some(0) && words.matches("switched off").count() == 2, "{words}");
    let (code, words) = says(&operator, &["schedules"], "").await;
    assert!(
        code == Some(1) && words.contains("gamma-cs-token-keeper") && words.contains("missing"),
        "this stack has no token keeper: {words}"
    );
    assert!(words.contains("Thu 2025-09-04 16:13"), "{words}");

    desk.stack.until("20:16:10").await;
    let (code, words) = says(&operator, &["recover", "schwab"], "").await;
    assert!(code == Some(0) && words.contains("the day ended filled"), "{words}");
    says(&operator, &with(&["halt", "tt-ira"]), "").await;
    let (code, words) = says(&operator, &["status"], "").await;
    println!("{words}");
    assert_eq!(code, Some(0), "{words}");
    for expected in [
        "armed since Wed 2025-09-03",
        "2025-09-03 filled",
        "never armed",
        "HALTED (tt-ira)",
        "trade off",
        "143 hours left",
        "does not end by itself",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert!(
        words.lines().count() <= 30 && words.lines().all(|line| line.chars().count() <= 120),
        "one screen: {words}"
    );
    let (_, json) = says(&operator, &["--json", "status", "tt-ira"], "").await;
    let status: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["accounts"][0]["halted"][0]["by"], "Ada");
}
