//! The commands. Each has a file of its own in `commands/`: arguments as a clap struct, and `run`.
//!
//! A new one is a module here, a line in [`Command`] and a line in [`Command::run`].

mod arm;
mod check;
mod completions;
mod halt;
mod invoke;
mod login;
mod logs;
mod recover;
mod run_show;
mod runs;
mod schedules;
mod seed;
mod status;

use clap::Subcommand;

use crate::desk::Desk;
use crate::trouble::Ended;

/// What gamma can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How each account stands: armed, halted, last run, next fire, login, what is open
    Status(status::Status),
    /// Lets an account trade for real
    Arm(arm::Arm),
    /// Takes that back
    Disarm(arm::Disarm),
    /// Stops trading at once, of one account or all; a run at work cancels its orders
    Halt(halt::Halt),
    /// Lifts a halt
    Resume(halt::Resume),
    /// Lists the schedules, or switches them on or off
    Schedules(schedules::Schedules),
    /// Proves and records what a run left open, and hands off what was left
    Recover(recover::Recover),
    /// Logs in at a broker and stores its token document
    #[command(subcommand)]
    Login(login::Login),
    /// Writes the parameters that the functions read
    Seed(seed::Seed),
    /// Looks whether everything is there, and says what to do where it is not
    Check(check::Check),
    /// Runs an account's function now, dry unless --live
    Invoke(invoke::Invoke),
    /// Refreshes an account's token and looks whether all is ready
    Warmup(invoke::Warmup),
    /// Records what became of orders that nobody could prove
    Resolve(invoke::Resolve),
    /// The runs of the last days, and how each ended
    Runs(runs::Runs),
    /// One run: its inputs, plan, approvals, rungs, fills and notes
    #[command(subcommand)]
    Run(run_show::Run),
    /// What an account's function logged
    Logs(logs::Logs),
    /// A script that completes gamma's commands in a shell
    Completions(completions::Completions),
}

impl Command {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        match self {
            Self::Status(command) => command.run(desk).await,
            Self::Arm(command) => command.run(desk).await,
            Self::Disarm(command) => command.run(desk).await,
            Self::Halt(command) => command.run(desk).await,
            Self::Resume(command) => command.run(desk).await,
            Self::Schedules(command) => command.run(desk).await,
            Self::Recover(command) => command.run(desk).await,
            Self::Login(command) => command.run(desk).await,
            Self::Seed(command) => command.run(desk).await,
            Self::Check(command) => command.run(desk).await,
            Self::Invoke(command) => command.run(desk).await,
            Self::Warmup(command) => command.run(desk).await,
            Self::Resolve(command) => command.run(desk).await,
            Self::Runs(command) => command.run(desk).await,
            Self::Run(command) => command.run(desk).await,
            Self::Logs(command) => command.run(desk).await,
            Self::Completions(command) => Ok(command.run()),
        }
    }
}
