//! The command of an operator: `gamma --help`.
//!
//! `arguments.rs` says what every command takes, `commands.rs` which commands there are, `desk.rs` what they
//! work with.

mod arguments;
mod bridge;
mod commands;
mod desk;
mod local;
mod output;
mod prompt;
mod redirect;
mod slots;
mod token_store;
mod trouble;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Gamma;
use desk::Desk;
use output::Output;
use trouble::{End, Trouble};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let Gamma { global, command } = Gamma::parse();
    let output = Output::new(global.json);
    let desk = Desk::new(global, output);
    let end = match Box::pin(command.run(&desk)).await {
        Ok(end) => end,
        Err(trouble) => tell(output, &trouble),
    };
    end.into()
}

/// What went wrong, for people on standard error, for programs on standard output too.
fn tell(output: Output, trouble: &Trouble) -> End {
    output.trouble(trouble);
    trouble.end
}
