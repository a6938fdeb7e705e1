//! One account's trading Lambda: parse the event, assemble the ports, run, map the outcome.

mod function;
mod warmup;

use function::Trade;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    gamma_lambda::serve::<Trade>().await
}
