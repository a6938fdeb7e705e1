//! `gamma completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Gamma;
use crate::output::print;
use crate::trouble::End;

/// For bash: `gamma completions bash > ~/.local/share/bash-completion/completions/gamma`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> End {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Gamma::command(), "gamma", &mut script);
        print(&String::from_utf8_lossy(&script));
        End::Done
    }
}
