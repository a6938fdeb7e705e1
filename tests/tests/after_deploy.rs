//! What scripts/deploy looks at once it has deployed: every account's function answers a dry run, and is dry
//! or live as was asked. Needs moto: scripts/test runs it.

use std::collections::BTreeMap;

use gamma_operator::Names;
use gamma_tests::moto::Moto;
use gamma_tests::schedules;
use gamma_tests::stack::{CANARIES, Stack, StackConfig, TASTYTRADE_TOKEN, TRADERS};
use tokio::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/lib/after_deploy.py");

/// Whether it was content, and all that it said.
async fn looks(stack: &Stack, moto: &Moto, expected: [&str; 2]) -> (bool, String) {
    let python = std::env::var_os("GAMMA_SAM_PYTHON")
        .expect("GAMMA_SAM_PYTHON: unset, expected a Python with boto3; scripts/test sets it");
    let mut command = Command::new(python);
    command.args([
        SCRIPT,
        "--stack",
        Names::STACK,
        "--expect-dry-run",
        expected[0],
        "--expect-schedules",
        expected[1],
    ]);
    command.env("AWS_ENDPOINT_URL_LAMBDA", stack.host.url()).env("AWS_ENDPOINT_URL", moto.url());
    command
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_DEFAULT_REGION", "us-east-1");
    let output = command.output().await.unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(CANARIES.iter().all(|(_, secret)| !said.contains(secret)), "{said}");
    (output.status.success(), said)
}

/// The mode is the one that was requested.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_deployment_passes_if_every_account_answers_in_its_mode() {
    let moto = Moto::start().await.unwrap();
    let names = Some(Names::of_stack(Names::STACK, Names::SCHEDULES, TRADERS.map(|trader| trader.account)));
    let dry = StackConfig { names, live: false, ..StackConfig::of_seed(1) };
    let stack = Stack::start(&moto, &dry).await.unwrap();
    schedules::deploy(&moto).await.unwrap();
    let (content, said) = looks(&stack, &moto, ["true", "ENABLED"]).await;
    assert!(
        content
            && TRADERS.iter().all(|trader| said.contains(&format!("{:<14} dry   dry_run", trader.account))),
        "{said}"
    );
    let (content, said) = looks(&stack, &moto, ["false", "ENABLED"]).await;
    assert!(
        !content && said.contains("gamma-trading-trade-schwab: GAMMA_DRY_RUN: got true, expected false"),
        "{said}"
    );
    schedules::change(&moto, Names::SCHEDULES, "gamma-cs-schwab", |schedule| {
        schedule["State"] = "DISABLED".into()
    })
    .await
    .unwrap();
    let (content, said) = looks(&stack, &moto, ["true", "ENABLED"]).await;
    assert!(
        !content
            && said.contains("gamma-cs-schwab: got DISABLED, expected ENABLED")
            && said.matches("expected ENABLED").count() == 1,
        "{said}"
    );
    drop(stack);

    let parameters = BTreeMap::from([(TASTYTRADE_TOKEN.to_owned(), String::new())]);
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(&moto, &StackConfig { parameters, ..dry }).await.unwrap();
    schedules::deploy(&moto).await.unwrap();
    let (content, said) = looks(&stack, &moto, ["true", "ENABLED"]).await;
    assert!(
        !content
            && said.contains("schwab         dry   dry_run")
            && said.matches("SecretsUnavailable").count() == 2,
        "{said}"
    );
}
