//! Asking the person at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use secrecy::SecretString;

use crate::trouble::Trouble;

/// Whether somebody is there to answer.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// A line as it is typed, without its end; empty at the end of the input.
pub(crate) fn line(question: &str) -> Result<String, Trouble> {
    let _ = write!(std::io::stderr(), "{question} ");
    let _ = std::io::stderr().flush();
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).map_err(|error| Trouble::no("read the answer", error))?;
    Ok(text.trim().to_owned())
}

/// Whether the answer is yes; anything but `y` or `yes` is no.
pub(crate) fn yes(question: &str) -> Result<bool, Trouble> {
    Ok(matches!(line(&format!("{question} [y/N]"))?.to_lowercase().as_str(), "y" | "yes"))
}

/// A secret, which the terminal does not show.
pub(crate) fn hidden(question: &str) -> Result<SecretString, Trouble> {
    let _ = write!(std::io::stderr(), "{question} (not shown): ");
    let _ = std::io::stderr().flush();
    let typed = rpassword::read_password().map_err(|error| Trouble::no("read the secret", error))?;
    Ok(SecretString::from(typed))
}
