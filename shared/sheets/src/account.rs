//! The service account: a Google login for programs, kept as the key file that Google hands out.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

/// A service account that can sign. Its `Debug` form shows nothing of it.
#[derive(Clone)]
pub struct ServiceAccount {
    pub(crate) email: String,
    key_id: Option<String>,
    key: Arc<RsaKeyPair>,
    pub(crate) token_uri: String,
}

/// What is wrong with a text that is no service account. Shows nothing of values that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service account: {field}: got {got}, expected {expected}")]
pub struct ServiceAccountError {
    /// The field.
    pub field: &'static str,
    /// What came, without values.
    pub got: String,
    /// What was expected.
    pub expected: &'static str,
}

impl ServiceAccountError {
    fn new(field: &'static str, got: impl Into<String>, expected: &'static str) -> Self {
        Self { field, got: got.into(), expected }
    }
}

/// Padding is often lost on the way through shells and consoles.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the token is good for: reading and changing spreadsheets shared with the account, nothing else.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// How long an assertion is good, in seconds; Google takes no longer one.
const ASSERTION_SECONDS: i64 = 3600;

impl ServiceAccount {
    /// Reads the key file: its JSON, or base64 of it with white space anywhere.
    ///
    /// # Errors
    /// [`ServiceAccountError`] names the field.
    pub fn parse(text: &SecretString) -> Result<Self, ServiceAccountError> {
        let fields = document(text.expose_secret())?;
        let text = |field: &'static str| match fields.get(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.as_str()),
            Some(Value::String(_)) => Err(ServiceAccountError::new(field, "an empty text", "a text")),
            Some(_) => Err(ServiceAccountError::new(field, "a JSON value that is no text", "a text")),
            None => Err(ServiceAccountError::new(field, "nothing", "a text")),
        };
        if text("type")? != "service_account" {
            return Err(ServiceAccountError::new("type", "another kind of key file", "\"service_account\""));
        }
        let token_uri = text("token_uri")?.trim();
        if !safe_address(token_uri) {
            return Err(ServiceAccountError::new(
                "token_uri",
                "another address",
                "https://… (http:// only to this machine)",
            ));
        }
        Ok(Self {
            email: text("client_email")?.trim().to_owned(),
            key_id: fields
                .contains_key("private_key_id")
                .then(|| text("private_key_id").map(str::to_owned))
                .transpose()?,
            key: Arc::new(signing_key(text("private_key")?)?),
            token_uri: token_uri.to_owned(),
        })
    }

    /// A signed request for a token (RFC 7523), good from `now` for an hour.
    pub(crate) fn assertion(&self, now: Timestamp) -> Result<SecretString, ServiceAccountError> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(key_id) = &self.key_id {
            header["kid"] = key_id.as_str().into();
        }
        let issued = now.as_second();
        let claims = json!({ "iss": self.email, "scope": SCOPE, "aud": self.token_uri, "iat": issued, "exp": issued + ASSERTION_SECONDS });
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| ServiceAccountError::new("private_key", "a key that does not sign", "an RSA key"))?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn document(text: &str) -> Result<Map<String, Value>, ServiceAccountError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ServiceAccountError::new("key file", "nothing", "its JSON, or base64 of it"));
    }
    let decoded = if text.starts_with('{') {
        text.as_bytes().to_vec()
    } else {
        let compact: String = text.split_whitespace().collect();
        BASE64.decode(compact).map_err(|_| {
            ServiceAccountError::new("key file", "a text that is neither", "its JSON, or base64 of it")
        })?
    };
    match serde_json::from_slice(&decoded) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ServiceAccountError::new("key file", "JSON that is no object", "a JSON object")),
        // The parser names a place and quotes nothing.
        Err(error) => Err(ServiceAccountError::new(
            "key file",
            format!("{} bytes that do not read ({error})", decoded.len()),
            "a JSON object",
        )),
    }
}

fn signing_key(pem: &str) -> Result<RsaKeyPair, ServiceAccountError> {
    // Environments that escape line breaks leave them as a backslash and an n.
    let pem = SecretString::from(pem.replace("\\n", "\n"));
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| {
        ServiceAccountError::new(
            "private_key",
            "a text that does not read",
            "PEM, beginning with -----BEGIN PRIVATE KEY-----",
        )
    })?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| {
        ServiceAccountError::new("private_key", "another key", "an RSA key of 2048 bits or more")
    })
}

/// Whether what is sent there travels encrypted, or does not leave the machine.
pub(crate) fn safe_address(address: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local.iter().any(|host| {
        address.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    let has_host =
        address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    // A user part would name another host than the one that is read first.
    (is_local || has_host) && !address.contains(['@', ' ', '\\'])
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").finish_non_exhaustive()
    }
}
