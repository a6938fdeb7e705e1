//! On schedule: every broker's token refreshed and written back, and a word to a person in time.

mod function;

use function::TokenKeeperFunction;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    gamma_lambda::serve::<TokenKeeperFunction>().await
}
