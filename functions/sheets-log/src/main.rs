//! Post-trade: an account's day as rows of the spreadsheet, and a word to a person where one is due.

mod function;

use function::SheetsLog;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    gamma_lambda::serve::<SheetsLog>().await
}
