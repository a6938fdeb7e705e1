mod memory;
mod status;

use gamma_execution::ports::{ChangeState, ControlScope, ControlVerb, RunKey};
use serde_json::json;

use super::{Recovery, Switch, SwitchResult, Who};
use crate::error::OperatorError;
use crate::ports::{Answered, Wait};
use memory::{World, pending};

const ME: Who<'_> = Who { by: "Ada", why: "a drill" };

fn schwab() -> ControlScope {
    ControlScope::from("schwab")
}

fn changed(world: &World) -> Vec<(String, ControlVerb, ChangeState)> {
    world
        .records
        .lock()
        .unwrap()
        .changes
        .iter()
        .map(|change| (change.scope.to_string(), change.verb, change.state))
        .collect()
}

#[tokio::test]
async fn only_the_first_arming_requires_the_accounts_name() {
    let world = World::new();
    let operator = world.operator();
    assert!(operator.arms_first("schwab").await.unwrap());
    for (confirm, words) in [
        (None, "never armed"),
        (Some("tt-ira"), "got \"tt-ira\", expected \"schwab\""),
        (Some(""), "not the account"),
    ] {
        let error = operator.arm("schwab", ME, confirm).await.unwrap_err();
        assert!(error.name() == "NotConfirmed" && error.to_string().contains(words), "{confirm:?}: {error}");
    }
    assert_eq!(changed(&world), [], "nothing was changed");
    assert!(operator.arm("schwab", ME, Some("schwab")).await.unwrap().on);
    operator.disarm("schwab", ME).await.unwrap();
    assert!(
        operator.arm("schwab", ME, Some("tt-ira")).await.is_err(),
        "a wrong confirmation is a mistake at any time"
    );
    let armed = operator.arm("schwab", Who { by: " Grace ", why: "the drill is over" }, None).await.unwrap();
    assert_eq!((armed.decision.by.as_str(), armed.decision.why.as_str()), ("Grace", "the drill is over"));
    assert!(operator.arms_first("tt-ira").await.unwrap(), "another account was never armed");
    let done = |verb| ("schwab".to_owned(), verb, ChangeState::Done);
    assert_eq!(changed(&world), [done(ControlVerb::Arm), done(ControlVerb::Disarm), done(ControlVerb::Arm)]);
}

/// Nor does it stop disarming.
#[tokio::test]
async fn an_unreadable_armed_record_arms_nothing_and_blocks_no_halt() {
    let world = World::new();
    world.records.lock().unwrap().unreadable = true;
    let operator = world.operator();
    assert_eq!(operator.arm("schwab", ME, None).await.unwrap_err().name(), "LedgerUnavailable");
    assert!(!operator.disarm("schwab", ME).await.unwrap().on);
    assert!(operator.halt(&ControlScope::All, ME).await.unwrap().on);
    assert!(operator.halt(&schwab(), ME).await.unwrap().on);
    assert_eq!(changed(&world).len(), 3);
}

#[tokio::test]
async fn an_account_unknown_to_the_deployment_is_always_refused() {
    let world = World::new();
    let operator = world.operator();
    let stranger = ControlScope::from("schwab-ira");
    let switch = Switch { scope: stranger.clone(), on: true, sweeps: false };
    let errors = [
        operator.arm("schwab-ira", ME, Some("schwab-ira")).await.unwrap_err(),
        operator.disarm("schwab-ira", ME).await.unwrap_err(),
        operator.halt(&stranger, ME).await.unwrap_err(),
        operator.resume(&stranger, ME).await.unwrap_err(),
        operator.switch(&switch, ME).await.unwrap_err(),
        operator.status(&stranger).await.unwrap_err(),
        operator.schedules(&stranger).await.unwrap_err(),
        operator.changes(&stranger).await.unwrap_err(),
        operator.recover("schwab-ira", None, Wait::Queued).await.unwrap_err(),
        operator.hand_off("schwab-ira", &world).await.unwrap_err(),
        // All cannot be armed at once.
        operator.arm("all", ME, Some("all")).await.unwrap_err(),
        operator.disarm("all", ME).await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            error.to_string().contains("expected one of schwab, tt-ira") && error.name() == "UnknownAccount",
            "{error}"
        );
    }
    assert!(changed(&world).is_empty() && world.invoked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_change_says_who_and_why() {
    let world = World::new();
    let long = "x".repeat(1001);
    for (who, field) in
        [(Who { by: " ", ..ME }, "by"), (Who { why: "", ..ME }, "why"), (Who { why: &long, ..ME }, "why")]
    {
        let switch = Switch { scope: schwab(), on: false, sweeps: false };
        for error in [
            world.operator().halt(&ControlScope::All, who).await.unwrap_err(),
            world.operator().arm("schwab", who, Some("schwab")).await.unwrap_err(),
            world.operator().switch(&switch, who).await.unwrap_err(),
        ] {
            assert!(matches!(error, OperatorError::Unsaid { field: named, .. } if named == field), "{error}");
        }
    }
    assert!(changed(&world).is_empty());
}

#[tokio::test]
async fn halts_of_all_and_of_one_are_lifted_apart_and_listed_together() {
    let world = World::new();
    let operator = world.operator();
    operator.halt(&schwab(), ME).await.unwrap();
    operator.halt(&ControlScope::All, ME).await.unwrap();
    operator.resume(&schwab(), ME).await.unwrap();
    let verbs = |scope: ControlScope| async move {
        operator
            .changes(&scope)
            .await
            .unwrap()
            .into_iter()
            .map(|change| format!("{} {}", change.verb, change.scope))
            .collect::<Vec<_>>()
    };
    assert_eq!(verbs(schwab()).await, ["resume schwab", "halt all", "halt schwab"], "newest first");
    assert_eq!(verbs(ControlScope::from("tt-ira")).await, ["halt all"]);
    assert_eq!(verbs(ControlScope::All).await, ["halt all"]);
}

#[tokio::test]
async fn schedules_but_sweeps_are_switched_after_the_change_is_kept() {
    let world = World::new();
    let operator = world.operator();
    let off = |sweeps| Switch { scope: schwab(), on: false, sweeps };
    let (change, switched) = operator.switch(&off(false), ME).await.unwrap();
    assert_eq!(
        switched.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["gamma-cs-schwab-warmup", "gamma-cs-schwab"]
    );
    assert!(
        change.state == ChangeState::Done && switched.iter().all(|one| one.result == SwitchResult::Changed)
    );
    let on: Vec<String> = world
        .schedules
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, schedule)| schedule.enabled)
        .map(|(name, _)| name.clone())
        .collect();
    let others = [
        "gamma-cs-schwab-last-sweep",
        "gamma-cs-schwab-sweep",
        "gamma-cs-tt-ira",
        "gamma-cs-tt-ira-last-sweep",
        "gamma-cs-tt-ira-sweep",
    ];
    assert_eq!(on, [&others[..], &["gamma-cs-tt-ira-warmup"]].concat());
    assert_eq!(world.recorded_before_switching.lock().unwrap().as_slice(), [true, true]);

    let (_, switched) = operator.switch(&off(true), ME).await.unwrap();
    let results: Vec<_> = switched.into_iter().map(|one| one.result).collect();
    assert_eq!(
        results,
        [SwitchResult::Already, SwitchResult::Already, SwitchResult::Changed, SwitchResult::Changed]
    );
}

#[tokio::test]
async fn a_missing_schedule_is_reported_and_the_rest_switched() {
    let world = World::new();
    world.schedules.lock().unwrap().remove("gamma-cs-schwab");
    *world.refuses.lock().unwrap() = Some("gamma-cs-tt-ira-warmup".to_owned());
    let (change, switched) = world
        .operator()
        .switch(&Switch { scope: ControlScope::All, on: false, sweeps: false }, ME)
        .await
        .unwrap();
    let results: Vec<_> = switched.into_iter().map(|one| one.result).collect();
    let refused = SwitchResult::Failed("AccessDenied".to_owned());
    assert_eq!(results, [SwitchResult::Changed, SwitchResult::Missing, refused, SwitchResult::Changed]);
    assert_eq!(
        change.detail.as_deref(),
        Some("gamma-cs-schwab: missing; gamma-cs-tt-ira-warmup: AccessDenied")
    );
    assert_eq!(changed(&world), [("all".to_owned(), ControlVerb::SchedulesOff, ChangeState::Failed)]);
    assert!(!world.schedules.lock().unwrap().contains_key("gamma-cs-schwab"), "none is made");
}

#[tokio::test]
async fn an_unrecorded_change_is_not_tried_an_unfinished_one_stays() {
    let switch = Switch { scope: schwab(), on: false, sweeps: false };
    let world = World::new();
    world.records.lock().unwrap().writes_left = Some(0);
    assert_eq!(world.operator().switch(&switch, ME).await.unwrap_err().name(), "LedgerUnavailable");
    assert!(
        world.schedules.lock().unwrap().values().all(|schedule| schedule.enabled),
        "no schedule was touched"
    );

    let world = World::new();
    world.records.lock().unwrap().writes_left = Some(1);
    let (change, switched) = world.operator().switch(&switch, ME).await.unwrap();
    assert!(switched.iter().all(|one| one.result.is_so()));
    assert!(change.state == ChangeState::AskedFor && change.detail.unwrap().contains("is not recorded"));
    assert_eq!(changed(&world), [("schwab".to_owned(), ControlVerb::SchedulesOff, ChangeState::AskedFor)]);
}

#[tokio::test]
async fn recovering_asks_the_accounts_own_function_for_a_sweep() {
    let world = World::new();
    let operator = world.operator();
    assert_eq!(operator.recover("tt-ira", None, Wait::Queued).await.unwrap(), Recovery::AskedFor);
    world
        .answers
        .lock()
        .unwrap()
        .push(Answered::Failed { error_type: "Unresolved".to_owned(), message: "run 1".to_owned() });
    let failed = Recovery::Failed { error_type: "Unresolved".to_owned(), message: "run 1".to_owned() };
    assert_eq!(
        operator.recover("schwab", Some(jiff::civil::date(2025, 9, 2)), Wait::Answer).await.unwrap(),
        failed
    );
    let invoked = world.invoked.lock().unwrap().clone();
    let event = json!({"account": "tt-ira", "sweep": true});
    assert_eq!(invoked[0], ("gamma-trading-trade-tt-ira".to_owned(), event, Wait::Queued));
    let event = json!({"account": "schwab", "sweep": true, "date": "2025-09-02"});
    assert_eq!(invoked[1], ("gamma-trading-trade-schwab".to_owned(), event, Wait::Answer));
}

#[tokio::test]
async fn what_was_left_is_handed_off() {
    let world = World::new();
    world.outbox.lock().unwrap().extend([pending("schwab", "run-1"), pending("tt-ira", "run-2")]);
    let given = world.operator().hand_off("schwab", &world).await.unwrap();
    assert_eq!(given.taken, ["sheets-log run-1"]);
    let left: Vec<RunKey> = world.outbox.lock().unwrap().iter().map(|pending| pending.run.clone()).collect();
    assert_eq!(left, [pending("tt-ira", "run-2").run]);
}
