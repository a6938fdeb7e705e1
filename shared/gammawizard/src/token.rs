//! Bearer tokens: cleaning what people paste, and reading the login's answer.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The bare token of what was configured or received: without surrounding blanks and quotes and without a
/// leading `Bearer`. `None` when nothing is left, or when what is left cannot stand in a header.
pub(crate) fn clean(raw: &SecretString) -> Option<SecretString> {
    let bare = |text| str::trim_matches(text, |c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let mut words = bare(raw.expose_secret()).split_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("bearer"));
    let (Some(token), None) = (words.next().map(bare), words.next()) else {
        return None;
    };
    let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| SecretString::from(token))
}

/// The token in a login's answer, under `token` or `Token`. `None` when it is absent, empty or not a text, or
/// the answer is not JSON; why is not said, since any part of the answer may be the secret.
pub(crate) fn from_login(body: &[u8]) -> Option<SecretString> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    ["token", "Token"].iter().find_map(|name| {
        let text = answer.get(name)?.as_str()?;
        clean(&SecretString::from(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(token: Option<SecretString>) -> String {
        token.map_or("none".into(), |token| token.expose_secret().to_owned())
    }

    #[test]
    fn what_people_paste() {
        for (pasted, token) in [
            ("abc.DEF-1", "abc.DEF-1"),
            ("  abc\n", "abc"),
            ("\"abc\"", "abc"),
            ("'Bearer abc'", "abc"),
            ("bearer \"abc\"", "abc"),
            ("Bearer  abc ", "abc"),
            ("Bearerabc", "Bearerabc"),
            ("", "none"),
            (" \"\" ", "none"),
            ("Bearer ", "none"),
            ("Bearer \"\"", "none"),
            ("a b", "none"),
            ("a\nb", "none"),
            ("ключключ", "none"),
        ] {
            assert_eq!(shown(clean(&SecretString::from(pasted))), token, "{pasted:?}");
        }
    }

    #[test]
    fn what_a_login_answers() {
        for (body, token) in [
            (r#"{"token": "abc"}"#, "abc"),
            (r#"{"Token": "abc", "user": 7}"#, "abc"),
            (r#"{"token": "", "Token": "abc"}"#, "abc"),
            (r#"{"token": null}"#, "none"),
            (r#"{"token": 12}"#, "none"),
            (r#"{"error": "wrong password"}"#, "none"),
            (r#""abc""#, "none"),
            ("abc", "none"),
            ("", "none"),
        ] {
            assert_eq!(shown(from_login(body.as_bytes())), token, "{body}");
        }
    }
}
