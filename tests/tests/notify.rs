//! Mail, taken by a real mail server on this machine.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use gamma_execution::notice::notice_of;
use gamma_execution::ports::{Notice, Notifier};
use gamma_execution::report::Outcome;
use gamma_notify::{Mail, MailSettings};
use jiff::civil::date;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpSocket};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const USER: &str = "me@example.org";
const PASSWORD: &str = "canary pass-word";

/// A mail server of this test's own.
struct Server {
    port: u16,
    root: Option<String>,
    said: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
    _child: Child,
}

impl Server {
    async fn start(offer: &str) -> Self {
        let python = std::env::var_os("GAMMA_PYTHON")
            .expect("GAMMA_PYTHON: unset, expected a Python with aiosmtpd; scripts/test sets it");
        let mut command = Command::new(python);
        // -B: no byte code beside the sources.
        command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/outside/smtp_server.py"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let given = json!({"user": USER, "password": PASSWORD, "offer": offer});
        input.write_all(format!("{given}\n").as_bytes()).await.unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value =
            serde_json::from_str(&said.next_line().await.unwrap().expect("the server says where it is"))
                .unwrap();
        let port = first["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap();
        Self { port, root: first["root"].as_str().map(str::to_owned), said, input, _child: child }
    }

    /// What a deployment's parameters would say of it.
    fn settings(&self, password: &str, host: &str) -> MailSettings {
        settings(self.port, password, host)
    }

    /// Everything it saw. It ends.
    async fn saw(self) -> Vec<Value> {
        let Self { mut said, input, .. } = self;
        drop(input);
        let mut seen = Vec::new();
        while let Some(line) = said.next_line().await.unwrap() {
            seen.push(serde_json::from_str(&line).unwrap());
        }
        seen
    }
}

fn settings(port: u16, password: &str, host: &str) -> MailSettings {
    let kept = [
        ("user", USER),
        ("pass", password),
        ("to", "a@example.org, b@example.org"),
        ("host", host),
        ("port", &port.to_string()),
    ];
    let kept: BTreeMap<String, SecretString> = kept
        .iter()
        .map(|(name, value)| (format!("/gamma/shared/smtp_{name}"), SecretString::from(*value)))
        .collect();
    MailSettings::read(&gamma_accounts::names::MAIL, |name| kept.get(name)).unwrap().unwrap()
}

fn notice() -> Notice {
    let detail = "account 5WT20360: CALL_SHORT\r\nBcc: thief@example.org\r\n\r\n.\r\nnaïve";
    notice_of(Outcome::OneSided, true, detail, "tt-ira\r\nBcc: thief@example.org", date(2026, 8, 14)).unwrap()
}

async fn error_of(mail: &Mail) -> String {
    let error = mail.notify(&notice()).await.unwrap_err().to_string();
    assert!(error.starts_with("notice by mail: ") && !error.contains("canary"), "{error}");
    error
}

#[tokio::test]
#[ignore = "needs aiosmtpd; scripts/test runs it"]
async fn a_notice_arrives_encrypted_once_and_as_it_was_made() {
    let server = Server::start("starttls").await;
    let root = server.root.clone().unwrap();
    Mail::new(server.settings(PASSWORD, "localhost").trusting(&root))
        .unwrap()
        .notify(&notice())
        .await
        .unwrap();
    let seen = server.saw().await;
    assert_eq!(seen[0], json!({"login": USER, "right": true, "encrypted": true}));
    let message = &seen[1];
    assert_eq!(message["encrypted"], true);
    assert_eq!(
        (&message["sender"], &message["recipients"]),
        (&json!(USER), &json!(["a@example.org", "b@example.org"]))
    );
    assert_eq!(message["subject"], "[alarm] tt-ira Bcc: thief@example.org 2026-08-14: one_sided");
    let text = message["text"].as_str().unwrap();
    assert_eq!(text, notice().text());
    assert!(
        text.ends_with("Detail: account ****0360: CALL_SHORT Bcc: thief@example.org . naïve\n"),
        "{text}"
    );
    assert_eq!(
        message["headers"],
        json!(["content-transfer-encoding", "content-type", "date", "from", "subject", "to"])
    );
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
#[ignore = "needs aiosmtpd; scripts/test runs it"]
async fn no_password_or_message_goes_to_an_unproven_server() {
    // A certificate that nobody trusts.
    let server = Server::start("starttls").await;
    let error = error_of(&Mail::new(server.settings(PASSWORD, "localhost")).unwrap()).await;
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(server.saw().await, Vec::<Value>::new());
    // One that offers no encryption.
    let server = Server::start("plain").await;
    error_of(&Mail::new(server.settings(PASSWORD, "localhost")).unwrap()).await;
    assert_eq!(server.saw().await, Vec::<Value>::new());
}

#[tokio::test]
#[ignore = "needs aiosmtpd; scripts/test runs it"]
async fn a_wrong_password_is_said_to_be_wrong_and_not_tried_again() {
    let server = Server::start("starttls").await;
    let root = server.root.clone().unwrap();
    let mail = Mail::new(server.settings("canary-wrong", "localhost").trusting(&root)).unwrap();
    let error = error_of(&mail).await;
    assert!(error.contains("535"), "{error}");
    assert_eq!(server.saw().await, [json!({"login": USER, "right": false, "encrypted": true})]);
}

#[tokio::test]
#[ignore = "needs aiosmtpd; scripts/test runs it"]
async fn mail_in_the_clear_is_for_this_machine_alone() {
    let server = Server::start("plain").await;
    let error = Mail::new(server.settings(PASSWORD, "mail.example.org").plain_on_this_machine())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "/gamma/shared/smtp_host: got mail without TLS to another machine, expected this machine, or TLS"
    );
    Mail::new(server.settings(PASSWORD, "127.0.0.1").plain_on_this_machine())
        .unwrap()
        .notify(&notice())
        .await
        .unwrap();
    let seen = server.saw().await;
    assert_eq!((seen.len(), &seen[1]["encrypted"]), (2, &json!(false)));
}

#[tokio::test]
async fn a_silent_or_absent_server_costs_bounded_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = Mail::new(
        settings(silent.local_addr().unwrap().port(), PASSWORD, "127.0.0.1").plain_on_this_machine(),
    )
    .unwrap();
    let error = error_of(&mail.within(Duration::from_millis(200))).await;
    assert!(error.ends_with("no answer from 127.0.0.1 within 0.2 s; it may arrive all the same"), "{error}");
    drop(silent);
    // Bound and not listening: refuses, and nobody else is given its port meanwhile.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = error_of(
        &Mail::new(
            settings(deaf.local_addr().unwrap().port(), PASSWORD, "127.0.0.1").plain_on_this_machine(),
        )
        .unwrap(),
    )
    .await;
    assert!(error.contains("refused"), "{error}");
}
