//! Post-trade: what the account was worth, and what the sequential test says of its next run.

mod function;

use function::EdgeGuard;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    gamma_lambda::serve::<EdgeGuard>().await
}
