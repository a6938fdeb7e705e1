use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::HttpError;

/// A request to be sent once. Mistakes in its parts surface as [`HttpError::Build`] when it is sent.
pub struct Request {
    method: Method,
    /// Everything before the query; what messages may show is derived from it.
    url: String,
    query: String,
    headers: HeaderMap,
    login: Option<(SecretString, SecretString)>,
    body: Option<Vec<u8>>,
    timeout: Duration,
    mistake: Option<String>,
}

impl Request {
    /// The whole exchange, from connecting to the last byte of the answer, when no other limit is set.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// A GET of `url`: scheme, host, path and possibly a query.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST to `url`.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new(Method::POST, url)
    }

    /// A PUT to `url`.
    #[must_use]
    pub fn put(url: &str) -> Self {
        Self::new(Method::PUT, url)
    }

    /// A DELETE of `url`.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self::new(Method::DELETE, url)
    }

    fn new(method: Method, url: &str) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Self {
            method,
            url: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            login: None,
            body: None,
            timeout: Self::DEFAULT_TIMEOUT,
            mistake: None,
        }
    }

    /// Sets a header, replacing an earlier one; `Accept` is `application/json` unless set here.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            _ => self.mistake = Some(format!("header {name:?} has a name or value that HTTP does not allow")),
        }
        self
    }

    /// `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: &SecretString) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {}", token.expose_secret()))
    }

    /// `Authorization: Basic <user:password>`.
    #[must_use]
    pub fn basic(mut self, user: &SecretString, password: &SecretString) -> Self {
        self.login = Some((user.clone(), password.clone()));
        self
    }

    /// Adds to the query. Everything but letters, digits and `-._~` is percent-encoded, so a padded option
    /// symbol keeps its spaces.
    #[must_use]
    pub fn query(mut self, pairs: &[(&str, String)]) -> Self {
        for (name, value) in pairs {
            push_pair(&mut self.query, name, value);
        }
        self
    }

    /// A JSON body, already serialised.
    #[must_use]
    pub fn json_bytes(self, body: Vec<u8>) -> Self {
        self.body("application/json", body)
    }

    /// A form body; values may be secrets.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (name, value) in pairs {
            push_pair(&mut text, name, value);
        }
        self.body("application/x-www-form-urlencoded", text.into_bytes())
    }

    fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(body);
        self
    }

    /// Bounds the whole exchange in real time, from connecting to the last byte of the answer.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What messages may show: method, scheme, host and path.
    #[must_use]
    pub fn target(&self) -> String {
        match reqwest::Url::parse(&self.url) {
            Ok(url) => {
                let port = url.port().map_or(String::new(), |port| format!(":{port}"));
                format!(
                    "{} {}://{}{port}{}",
                    self.method,
                    url.scheme(),
                    url.host_str().unwrap_or_default(),
                    url.path()
                )
            }
            // An address that does not parse might hold anything, so none of it is shown.
            Err(_) => format!("{} (unreadable address)", self.method),
        }
    }

    /// The library's request.
    pub(crate) fn into_inner(self, client: &reqwest::Client) -> Result<reqwest::Request, HttpError> {
        let target = self.target();
        let fail = |reason: String| HttpError::Build { target: target.clone(), reason };
        if let Some(mistake) = self.mistake {
            return Err(fail(mistake));
        }
        let mut url = reqwest::Url::parse(&self.url).map_err(|error| fail(format!("address: {error}")))?;
        if !(url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url)) {
            return Err(fail("address: expected https (http only to this machine): credentials must not travel in the clear".to_owned()));
        }
        if !self.query.is_empty() {
            url.set_query(Some(&self.query));
        }
        let mut builder = client.request(self.method, url).headers(self.headers).timeout(self.timeout);
        if let Some((user, password)) = &self.login {
            builder = builder.basic_auth(user.expose_secret(), Some(password.expose_secret()));
        }
        if let Some(body) = self.body {
            builder = builder.body(body);
        }
        builder.build().map_err(|error| HttpError::of(&target, error))
    }
}

/// Method, scheme, host and path; never what it carries.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.target()).finish()
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn push_pair(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('&');
    }
    push_encoded(text, name);
    text.push('=');
    push_encoded(text, value);
}

fn push_encoded(text: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}
