//! An operator at a terminal: the command `gamma` as it is built, beside a local stack.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use gamma_operator::Announced;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::moto::Moto;
use crate::stack::{Fallible, Stack, function_binary};

/// Somebody who calls `gamma --local` for a stack.
pub struct Operator {
    file: PathBuf,
    _announced: Announced,
}

/// What a call said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Operator {
    /// Of `stack`, for as long as this lives.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn of(stack: &Stack, moto: &Moto) -> Fallible<Self> {
        let file = std::env::temp_dir().join(format!("gamma-{}-{}.json", std::process::id(), stack.table()));
        Ok(Self { _announced: stack.local(moto).announce(&file)?, file })
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Fallible<Command> {
        let mut command = Command::new(function_binary()?.with_file_name("gamma"));
        command
            .arg("--local")
            .args(arguments)
            .env_clear()
            .env("GAMMA_LOCAL_STACK", &self.file)
            .envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// Calls it with this input and nobody at the terminal.
    ///
    /// # Errors
    /// When the command is not built or cannot be started.
    pub async fn types(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Fallible<Said> {
        let mut child = self.command(arguments, environment)?.spawn()?;
        let mut stdin = child.stdin.take().ok_or("no input")?;
        // One that never reads its input has gone.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: status.code(), out: text(stdout), err: text(stderr) })
    }

    /// The same without input.
    ///
    /// # Errors
    /// As [`Operator::types`].
    pub async fn calls(&self, arguments: &[&str]) -> Fallible<Said> {
        self.types(arguments, &[], "").await
    }

    /// Logs in: opens the address that is shown, as a browser does, and pastes what `pasted` makes of the
    /// address it is sent back to.
    ///
    /// # Errors
    /// When no address is shown, or the broker sends nobody back.
    pub async fn logs_in(&self, arguments: &[&str], pasted: impl Fn(&str) -> String) -> Fallible<Said> {
        let mut child = self.command(arguments, &[])?.spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no output")?).lines();
        let mut err = String::new();
        let mut address = None;
        while address.is_none() {
            let Some(line) = lines.next_line().await? else { break };
            address = line.starts_with("http").then(|| line.clone());
            err += &format!("{line}\n");
        }
        if let Some(address) = address {
            let browser = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .user_agent("browser")
                .build()?;
            let answer = browser.get(address).send().await?;
            let back = answer
                .headers()
                .get("location")
                .and_then(|value| value.to_str().ok())
                .ok_or("nobody was sent back")?;
            let mut stdin = child.stdin.take().ok_or("no input")?;
            stdin.write_all(format!("{}\n", pasted(back)).as_bytes()).await?;
        }
        lines.into_inner().read_to_string(&mut err).await?;
        let output = child.wait_with_output().await?;
        Ok(Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err,
        })
    }
}
