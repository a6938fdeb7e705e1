//! What is shown of a text that the server wrote.

use secrecy::{ExposeSecret, SecretString};

/// The most characters of it that are kept.
const LONGEST_TEXT: usize = 200;

/// Words of prose are shorter; a token is longer, also when it comes back escaped or cut.
const LONGEST_WORD: usize = 32;

/// The server's words without the token, without anything that could be one, and not longer than a line of a
/// log.
pub(crate) fn words(text: &str, token: &SecretString) -> String {
    let token = token.expose_secret();
    let hidden = if token.is_empty() { text.to_owned() } else { text.replace(token, "…") };
    let mut shown = String::new();
    for word in hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(if word.chars().count() > LONGEST_WORD { "…" } else { word });
        if shown.len() > 4 * LONGEST_TEXT {
            break;
        }
    }
    shown.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_comes_back_is_not_shown() {
        let token = SecretString::from("dG9rZW4tb2YtdGhl+L3N0cmVhbQ==");
        let escaped = "dG9rZW4tb2YtdGhl%2BL3N0cmVhbQ%3D%3D";
        let shown =
            words(&format!("token \"{}\"\nis {escaped} not\u{7} known", token.expose_secret()), &token);
        assert_eq!(shown, "token \"…\" is … not known");
        assert_eq!(words("short secret", &SecretString::from("secret")), "short …");
        assert_eq!(words(&"many words ".repeat(100), &token).chars().count(), LONGEST_TEXT);
    }
}
