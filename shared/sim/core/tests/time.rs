//! The clock as its users see it: when it stands, when it jumps, and where to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gamma_sim_core::connections::Connections;
use gamma_sim_core::time::{Advance, VirtualClock, router};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

fn start() -> Timestamp {
    "2026-03-02T14:30:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn clock() -> VirtualClock {
    VirtualClock::new(start(), None)
}

/// Lets every task of this (single-threaded) runtime do what it can.
async fn turns() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A world that writes down where it was brought, and what the clock showed then.
struct World {
    clock: VirtualClock,
    seen: Mutex<Vec<(Timestamp, Timestamp)>>,
}

impl World {
    fn of(clock: &VirtualClock) -> Arc<Self> {
        let world = Arc::new(Self { clock: clock.clone(), seen: Mutex::default() });
        clock.on_advance(world.clone());
        world
    }

    fn stops(&self) -> Vec<Timestamp> {
        self.seen.lock().unwrap().iter().map(|(to, _)| *to).collect()
    }
}

impl Advance for World {
    fn advance_to(&self, now: Timestamp) {
        self.seen.lock().unwrap().push((now, self.clock.now()));
    }
}

#[tokio::test]
async fn time_stands_for_a_busy_run_then_jumps_to_the_earliest_wait() {
    let clock = clock();
    assert!(clock.attach("a") && clock.attach("b") && !clock.attach("b"));
    let a = tokio::spawn(clock.wait("a", at(300)));
    turns().await;
    assert_eq!((clock.now(), clock.busy()), (start(), vec!["b".to_owned()]));
    assert_eq!(clock.wait("b", at(180)).await, at(180));
    turns().await;
    assert!(!a.is_finished());
    let b = tokio::spawn(clock.wait("b", at(600)));
    assert_eq!(a.await.unwrap(), at(300));
    turns().await;
    assert!(!b.is_finished(), "a is busy again");
    clock.detach("a");
    assert_eq!(b.await.unwrap(), at(600));
}

#[tokio::test]
async fn worlds_are_there_before_anybody_wakes() {
    let clock = clock();
    let world = World::of(&clock);
    clock.attach("a");
    clock.wait("a", at(60)).await;
    assert_eq!(*world.seen.lock().unwrap(), [(at(60), start())]);
}

#[tokio::test]
async fn an_alarm_waits_for_busy_runs_and_holds_back_none() {
    let clock = clock();
    clock.attach("a");
    let alarm = tokio::spawn({
        let alarm = clock.alarm(at(90));
        let clock = clock.clone();
        async move {
            let _hold = alarm.await;
            clock.now()
        }
    });
    turns().await;
    assert!(!alarm.is_finished(), "time would move under a busy run");
    assert_eq!(clock.wait("a", at(60)).await, at(60));
    assert_eq!(clock.wait("a", at(120)).await, at(120));
    assert_eq!(alarm.await.unwrap(), at(90));
}

#[tokio::test]
async fn alarms_alone_move_time_and_keep_their_moment() {
    let clock = clock();
    let late = tokio::spawn(clock.alarm(at(7200)));
    let hold = clock.alarm(at(60)).await;
    turns().await;
    assert_eq!(clock.now(), at(60), "the observer has not let go");
    // What it starts at that moment happens before anything later.
    clock.attach("retry");
    drop(hold);
    turns().await;
    assert_eq!(clock.now(), at(60));
    clock.detach("retry");
    drop(late.await.unwrap());
    assert_eq!(clock.now(), at(7200));
}

#[tokio::test]
async fn runs_in_turns_work_at_their_time_and_never_too_many_at_once() {
    const AT_ONCE: usize = 2;
    let clock = clock();
    clock.take_turns(AT_ONCE);
    let most = Arc::new(AtomicUsize::new(0));
    let runs: Vec<_> = (0..7)
        .map(|number| {
            let (clock, most, run) = (clock.clone(), Arc::clone(&most), format!("run {number}"));
            clock.attach(&run);
            let turn = clock.turn(&run);
            tokio::spawn(async move {
                let mut shown = vec![turn.await];
                for seconds in [60, 90] {
                    turns().await;
                    most.fetch_max(clock.busy().len(), Ordering::SeqCst);
                    shown.push(clock.wait(&run, at(seconds)).await);
                }
                turns().await;
                clock.detach(&run);
                shown
            })
        })
        .collect();
    for run in runs {
        assert_eq!(
            run.await.unwrap(),
            [start(), at(60), at(90)],
            "whoever waits for its turn is still at its moment"
        );
    }
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE, "as many as may");
    clock.attach("later");
    assert_eq!(clock.turn("later").await, at(90), "with nobody else there it is at once its turn");
}

#[tokio::test]
async fn an_alarm_rings_at_its_moment_though_runs_wait_for_their_turn() {
    let clock = clock();
    clock.take_turns(1);
    for run in ["a", "b"] {
        clock.attach(run);
    }
    let (a, b) = (tokio::spawn(clock.wait("a", at(60))), tokio::spawn(clock.wait("b", at(60))));
    assert_eq!(a.await.unwrap(), at(60));
    turns().await;
    let alarm = tokio::spawn(clock.alarm(at(61)));
    turns().await;
    assert!(!b.is_finished() && !alarm.is_finished(), "a is busy");
    let a = tokio::spawn(clock.wait("a", at(300)));
    assert_eq!(b.await.unwrap(), at(60));
    let b = tokio::spawn(clock.wait("b", at(300)));
    drop(alarm.await.unwrap());
    assert_eq!((a.await.unwrap(), clock.now()), (at(300), at(300)));
    clock.detach("a");
    assert_eq!(b.await.unwrap(), at(300));
}

#[tokio::test]
async fn the_clock_knows_when_a_run_was_busy_also_when_it_has_ended() {
    let clock = clock();
    clock.attach("a");
    let spans = |run: &str| clock.worked(run);
    assert_eq!(spans("a").len(), 1, "busy since it was attached");
    clock.wait("a", at(60)).await;
    clock.wait("a", at(90)).await;
    clock.detach("a");
    let worked = spans("a");
    assert_eq!(worked.len(), 3, "before the first wait, between the two, and after");
    assert!(worked.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    assert!(spans("b").is_empty());
}

#[tokio::test]
async fn a_wait_without_a_point_returns_at_once() {
    let clock = clock();
    clock.attach("a");
    for (case, run, until) in [("past", "a", at(-5)), ("now", "a", start()), ("never attached", "x", at(60))]
    {
        assert_eq!(timeout(Duration::from_secs(5), clock.wait(run, until)).await, Ok(start()), "{case}");
    }
    assert_eq!(timeout(Duration::from_secs(5), clock.alarm(at(-5))).await.map(drop), Ok(()), "past alarm");
    clock.attach("busy");
    let wait = tokio::spawn(clock.wait("a", at(60)));
    clock.detach("a");
    assert_eq!(
        timeout(Duration::from_secs(5), wait).await.unwrap().unwrap(),
        start(),
        "detached while waiting"
    );
}

#[tokio::test]
async fn a_dropped_wait_is_as_if_it_had_never_been() {
    let clock = clock();
    let world = World::of(&clock);
    clock.attach("a");
    clock.attach("b");
    drop(clock.wait("a", at(10)));
    drop(clock.alarm(at(20)));
    let b = tokio::spawn(clock.wait("b", at(30)));
    turns().await;
    assert_eq!(clock.busy(), ["a"]);
    let a = tokio::spawn(clock.wait("a", at(40)));
    assert_eq!(b.await.unwrap(), at(30));
    clock.detach("b");
    assert_eq!(a.await.unwrap(), at(40));
    assert_eq!(world.stops(), [at(30), at(40)]);
}

#[tokio::test]
async fn an_alarm_that_rang_and_is_dropped_lets_time_go() {
    let clock = clock();
    let rang = clock.alarm(at(10));
    turns().await;
    assert_eq!(clock.now(), at(10));
    let later = tokio::spawn(clock.alarm(at(20)));
    turns().await;
    assert_eq!(clock.now(), at(10), "the first observer has not looked yet");
    drop(rang);
    drop(later.await.unwrap());
    assert_eq!(clock.now(), at(20));
}

#[tokio::test]
async fn speed_stretches_jumps_in_real_time() {
    for (speed, least) in [(Some(600.0), 100), (None, 0), (Some(0.0), 0), (Some(f64::NAN), 0)] {
        let clock = VirtualClock::new(start(), speed);
        clock.attach("a");
        let began = Instant::now();
        let wait = tokio::spawn(clock.wait("a", at(60)));
        turns().await;
        assert_eq!(wait.is_finished(), least == 0, "{speed:?}");
        assert_eq!(wait.await.unwrap(), at(60));
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(least) && took < Duration::from_secs(5),
            "{speed:?} took {took:?}"
        );
    }
}

#[tokio::test]
async fn a_slow_jump_makes_way_for_an_earlier_one() {
    let clock = VirtualClock::new(start(), Some(600.0));
    let world = World::of(&clock);
    clock.attach("a");
    let a = tokio::spawn(clock.wait("a", at(600)));
    turns().await;
    drop(clock.alarm(at(6)).await);
    assert_eq!(world.stops(), [at(6)]);
    a.abort();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However many runs wait however often: each wakes exactly when it asked to, and the story is in order.
    #[test]
    fn every_run_wakes_when_it_asked_to(runs in prop::collection::vec(prop::collection::vec(0_i64..100, 0..8), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let story = runtime.block_on(async {
            let clock = clock();
            let story = Arc::new(Mutex::new(Vec::new()));
            for run in 0..runs.len() {
                clock.attach(&run.to_string());
            }
            let tasks: Vec<_> = runs.iter().cloned().enumerate().map(|(run, waits)| {
                let (clock, story) = (clock.clone(), Arc::clone(&story));
                tokio::spawn(async move {
                    let run = run.to_string();
                    for wait in waits {
                        let until = clock.now() + SignedDuration::from_secs(wait);
                        let woke = clock.wait(&run, until).await;
                        story.lock().unwrap().push((woke, until));
                    }
                    clock.detach(&run);
                })
            }).collect();
            for task in tasks {
                timeout(Duration::from_secs(10), task).await.unwrap().unwrap();
            }
            story.lock().unwrap().clone()
        });
        prop_assert!(story.iter().all(|(woke, until)| woke == until));
        prop_assert!(story.is_sorted());
        prop_assert_eq!(story.len(), runs.iter().map(Vec::len).sum::<usize>());
    }
}

struct Face {
    clock: VirtualClock,
    url: String,
    client: reqwest::Client,
    _connections: Connections,
}

impl Face {
    async fn new() -> Self {
        let (clock, connections) = (clock(), Connections::new());
        let address = connections.serve(router(clock.clone())).await.unwrap();
        Self {
            clock,
            url: format!("http://{address}/clock"),
            client: reqwest::Client::new(),
            _connections: connections,
        }
    }

    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let answer =
            self.client.post(format!("{}/{path}", self.url)).body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

#[tokio::test]
async fn over_http_a_run_attaches_waits_and_detaches() {
    let face = Face::new().await;
    for new in [true, false] {
        assert_eq!(
            face.post("attach", r#"{"run": "a"}"#).await,
            (200, json!({ "now": "2026-03-02T14:30:00Z", "new": new }))
        );
    }
    let body = r#"{"run": "a", "until": "2026-03-02T09:31:30-05:00"}"#;
    assert_eq!(face.post("wait", body).await, (200, json!({ "now": "2026-03-02T14:31:30Z" })));
    let now = face.client.get(format!("{}/now", face.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&now).unwrap(),
        json!({ "now": "2026-03-02T14:31:30Z", "busy": ["a"] })
    );
    assert_eq!(face.post("detach", r#"{"run": "a"}"#).await, (200, json!({ "now": "2026-03-02T14:31:30Z" })));
    assert!(face.clock.busy().is_empty());
}

#[tokio::test]
async fn over_http_a_client_that_hangs_up_waits_no_more() {
    let face = Face::new().await;
    for run in ["gone", "other"] {
        face.clock.attach(run);
    }
    let body = r#"{"run": "gone", "until": "2026-03-02T15:00:00Z"}"#;
    let request = tokio::spawn(face.client.post(format!("{}/wait", face.url)).body(body).send());
    let shows_busy = async |expected: &[&str]| {
        timeout(Duration::from_secs(5), async {
            while face.clock.busy() != expected {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("busy: {:?}, not {expected:?}", face.clock.busy()));
    };
    shows_busy(&["other"]).await;
    request.abort();
    shows_busy(&["gone", "other"]).await;
}

#[tokio::test]
async fn over_http_bad_input_is_named() {
    let face = Face::new().await;
    face.clock.attach("a");
    for (path, body, word) in [
        ("attach", "", "body"),
        ("attach", "[]", "body"),
        ("attach", "{}", "run"),
        ("attach", r#"{"run": ""}"#, "run"),
        ("detach", r#"{"run": 7}"#, "run"),
        ("wait", r#"{"run": "a"}"#, "until"),
        ("wait", r#"{"run": "a", "until": "tomorrow"}"#, "until"),
        ("wait", r#"{"run": "a", "until": 1772461800}"#, "until"),
        ("wait", r#"{"until": "2026-03-02T15:00:00Z"}"#, "run"),
    ] {
        let (status, answer) = face.post(path, body).await;
        let error = answer["error"].as_str().unwrap();
        assert!(status == 400 && error.starts_with(&format!("{word}: ")), "{path} {body}: {status} {error}");
    }
}
