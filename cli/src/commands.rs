//! The commands. Each has a file of its own in `commands/`: arguments as a clap struct, and `run`.
//!
//! A new one is a module here, a line in [`Command`] and a line in [`Command::run`].

mod completions;
mod run_show;
mod runs;

use clap::Subcommand;

use crate::desk::Desk;
use crate::trouble::Ended;

/// What gamma can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The runs of the last days, and how each ended
    Runs(runs::Runs),
    /// One run: its inputs, plan, approvals, rungs, fills and notes
    #[command(subcommand)]
    Run(run_show::Run),
    /// A script that completes gamma's commands in a shell
    Completions(completions::Completions),
}

impl Command {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        match self {
            Self::Runs(command) => command.run(desk).await,
            Self::Run(command) => command.run(desk).await,
            Self::Completions(command) => Ok(command.run()),
        }
    }
}
