//! The end of a login in the browser: the address that the broker sends it back to, pasted by the person or
//! caught on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::trouble::Trouble;

const ATTEMPTED: &str = "read the address that the browser was sent back to";

/// The browser's way back.
pub(crate) struct Redirect<'a> {
    /// The registered address.
    pub(crate) callback: &'a str,
    /// What the broker must bring back.
    pub(crate) state: &'a str,
}

impl Redirect<'_> {
    /// Waits for the address: a line of the input always serves, and where the callback is plain HTTP on this
    /// machine, so does the browser.
    pub(crate) async fn code(&self) -> Result<SecretString, Trouble> {
        let (lines, mut line) = mpsc::unbounded_channel();
        if let Some(listener) = self.listener() {
            let lines = lines.clone();
            thread::spawn(move || {
                listener
                    .incoming()
                    .flatten()
                    .filter_map(|stream| target(stream).ok())
                    .try_for_each(|target| lines.send(target))
            });
        }
        thread::spawn(move || {
            let mut typed = String::new();
            let _ = std::io::stdin().lock().read_line(&mut typed);
            lines.send(typed)
        });
        while let Some(line) = line.recv().await {
            // A browser asks for more than the page, such as its icon.
            if !line.starts_with('/') || line.contains("code=") || line.contains("error=") {
                return self.read(line.trim());
            }
        }
        Err(Trouble::no(ATTEMPTED, "the input ended"))
    }

    fn listener(&self) -> Option<TcpListener> {
        let rest = self.callback.strip_prefix("http://")?;
        let authority = rest.split(['/', '?']).next()?;
        matches!(authority.rsplit_once(':')?.0, "127.0.0.1" | "localhost")
            .then(|| TcpListener::bind(authority).ok())?
    }

    fn read(&self, address: &str) -> Result<SecretString, Trouble> {
        let trouble = |came: String| Trouble::no(ATTEMPTED, came);
        let again = "begin the login again, and paste the whole address within half a minute";
        let query =
            address.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
        let field = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| decoded(value))
        };
        if let Some(error) = field("error") {
            return Err(trouble(format!(
                "the broker refused: {}",
                error.chars().take(80).collect::<String>()
            )));
        }
        let code = field("code").filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| {
            trouble(format!(
                "got {} characters without ?code=…, expected {}?code=…&state=…",
                address.len(),
                self.callback
            ))
            .next(again)
        })?;
        if field("state").as_deref() != Some(self.state) {
            return Err(trouble(
                "state: not the one of this login, which may have been begun by somebody else".to_owned(),
            )
            .next(again));
        }
        Ok(SecretString::from(code))
    }
}

/// What the browser asks for; it is told that it may go.
fn target(stream: TcpStream) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let said = "Back to the terminal: gamma has what it needs. This page may be closed.\n";
    write!(
        &stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    )?;
    Ok(line.split_whitespace().nth(1).unwrap_or_default().to_owned())
}

/// Percent-decoded, once.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let hex = others
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        rest = match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                &others[2..]
            }
            (b'+', _) => {
                bytes.push(b' ');
                others
            }
            (byte, _) => {
                bytes.push(*byte);
                others
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encoded, as a query needs it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const REDIRECT: Redirect<'_> = Redirect { callback: "https://127.0.0.1:8182", state: "s1" };

    #[test]
    fn the_code_is_decoded_once_and_only_with_our_state() {
        let read = |query: &str| REDIRECT.read(&format!("https://127.0.0.1:8182/?{query}"));
        assert_eq!(read("code=C0.a%2540b%40&session=x&state=s1").unwrap().expose_secret(), "C0.a%40b@");
        for (query, words) in [
            ("code=canary&state=other", "state: not the one of this login"),
            ("code=canary", "state: not the one"),
            ("state=s1", "without ?code="),
            ("error=access_denied&state=s1", "the broker refused: access_denied"),
        ] {
            let trouble = read(query).err().unwrap().to_string();
            assert!(trouble.contains(words) && !trouble.contains("canary"), "{trouble}");
        }
        assert_eq!(decoded("a%4"), "a%4");
        assert_eq!(decoded(&encoded("read trade/ü@")), "read trade/ü@");
    }
}
