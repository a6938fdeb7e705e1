//! The operator's Lambda: one event, one use case, one answer.

mod function;

use function::Control;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    gamma_lambda::serve::<Control>().await
}
