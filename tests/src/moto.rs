//! moto_server as a child process.

use std::io::{self, BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// Servers that a test has given back. It takes two seconds to start one, a few milliseconds to empty one.
static IDLE: Mutex<Vec<Server>> = Mutex::new(Vec::new());

/// A running moto server that holds nothing but what its owner put there. Dropped, it waits for the next
/// owner in this process, and ends with the process.
pub struct Moto {
    server: Option<Server>,
    address: SocketAddr,
    /// Whether the next owner may have it.
    pooled: bool,
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Some(server) = self.server.take().filter(|_| self.pooled) {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        }
    }
}

impl Moto {
    /// The server named by `GAMMA_MOTO_SERVER` on a free loopback port, empty: one that an earlier test gave
    /// back, or a new one.
    ///
    /// # Errors
    /// When the variable is unset, the program cannot be started, ends before it listens, or refuses a
    /// request.
    pub async fn start() -> io::Result<Self> {
        while let Some(server) = { IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop() } {
            let mut moto = Self::of(server);
            // One that no longer answers is not given back.
            if moto.reset().await.is_ok() {
                moto.pooled = true;
                return Ok(moto);
            }
        }
        let mut moto = Self::of(Server::start(&[&program("GAMMA_MOTO_SERVER", "moto_server")?]).await?);
        moto.load().await?;
        moto.pooled = true;
        Ok(moto)
    }

    /// The same for tables with hundreds of accounts: `GAMMA_PYTHON` runs it with transactions whose cost
    /// does not grow with the table.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub async fn start_for_many() -> io::Result<Self> {
        let python = program("GAMMA_PYTHON", "a Python with moto")?;
        let moto = Self::of(Server::start(&[&python, "-c", include_str!("../moto/many.py")]).await?);
        moto.load().await?;
        Ok(moto)
    }

    const fn of(server: Server) -> Self {
        Self { address: server.address, server: Some(server), pooled: false }
    }

    /// moto loads a service's code on its first request, which on a busy machine takes longer than an SDK
    /// waits.
    async fn load(&self) -> io::Result<()> {
        for (service, operation) in
            [("ssm", "AmazonSSM.DescribeParameters"), ("dynamodb", "DynamoDB_20120810.ListTables")]
        {
            self.ask(service, operation, &json!({})).await?;
        }
        Ok(())
    }

    /// Forgets everything that was put there.
    async fn reset(&self) -> io::Result<()> {
        let request = reqwest::Client::new()
            .post(format!("{}/moto-api/reset", self.url()))
            .timeout(Duration::from_secs(60));
        answered(request).await.map(drop)
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    fn request(&self, service: &str, operation: &str) -> RequestBuilder {
        let request = reqwest::Client::new()
            .post(self.url())
            .header("x-amz-target", operation)
            .header("authorization", signature(service));
        request.header("content-type", "application/x-amz-json-1.1").timeout(Duration::from_secs(60))
    }

    /// Every item of a table as it stands there, in the wire's own form: what no adapter of ours has read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn items(&self, table: &str) -> io::Result<Vec<Value>> {
        let (mut items, mut from) = (Vec::new(), None);
        loop {
            let mut body = json!({ "TableName": table, "ConsistentRead": true });
            if let Some(key) = from {
                body["ExclusiveStartKey"] = key;
            }
            let answer = self
                .request("dynamodb", "DynamoDB_20120810.Scan")
                .body(body.to_string())
                .send()
                .await
                .map_err(io::Error::other)?;
            let text = answer
                .error_for_status()
                .map_err(io::Error::other)?
                .text()
                .await
                .map_err(io::Error::other)?;
            let mut answer: Value = serde_json::from_str(&text)?;
            items.extend(answer["Items"].as_array_mut().map(std::mem::take).unwrap_or_default());
            from = answer.get("LastEvaluatedKey").cloned();
            if from.is_none() {
                return Ok(items);
            }
        }
    }

    /// Asks a service for an operation as its JSON protocol has it; what it answers.
    ///
    /// # Errors
    /// When it refuses, with its words.
    pub async fn ask(&self, service: &str, operation: &str, body: &Value) -> io::Result<Value> {
        answered(self.request(service, operation).body(body.to_string())).await
    }

    /// The same of EventBridge Scheduler, whose API is made of paths.
    ///
    /// # Errors
    /// As [`Moto::ask`].
    pub async fn scheduler(&self, method: reqwest::Method, path: &str, body: &Value) -> io::Result<Value> {
        let request = reqwest::Client::new()
            .request(method.clone(), format!("{}{path}", self.url()))
            .timeout(Duration::from_secs(60));
        let request = request.header("authorization", signature("scheduler"));
        answered(if method == reqwest::Method::GET { request } else { request.body(body.to_string()) }).await
    }

    /// The number of its process.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.process)
    }
}

/// The process behind a [`Moto`].
struct Server {
    /// The shell that started it waits for the end of its input, which comes when this is dropped or this
    /// process ends, however it ends.
    shell: Child,
    process: u32,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Server {
    async fn start(command: &[&str]) -> io::Result<Self> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        tokio::task::spawn_blocking(move || Self::launch(&command)).await.map_err(io::Error::other)?
    }

    fn launch(command: &[String]) -> io::Result<Self> {
        let script = r#""$@" -H 127.0.0.1 -p 0 2>&1 & echo $!; cat >/dev/null; kill $!"#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).args(command).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().map_err(|error| io::Error::other(format!("sh: {error}")))?;
        let stdout = shell.stdout.take().ok_or_else(|| io::Error::other("sh: no output"))?;
        let mut log = BufReader::new(stdout).lines();
        let (process, address) = Self::listening(&mut log, &command[0])?;
        // It logs each request; unread, the pipe would fill and it would stop.
        std::thread::spawn(move || log.for_each(drop));
        Ok(Self { shell, process, address })
    }

    fn listening(log: &mut Lines<BufReader<ChildStdout>>, program: &str) -> io::Result<(u32, SocketAddr)> {
        let ended = |said: &[String]| {
            io::Error::other(format!("{program} ended before it listened: {}", said.join("\n")))
        };
        let process = log.next().transpose()?.and_then(|line| line.parse().ok()).ok_or_else(|| ended(&[]))?;
        let mut said = Vec::new();
        while let Some(line) = log.next().transpose()? {
            let address =
                line.split_once("Running on http://").and_then(|(_, address)| address.trim().parse().ok());
            if let Some(address) = address {
                return Ok((process, address));
            }
            said.push(line);
        }
        Err(ended(&said))
    }
}

fn signature(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn answered(request: RequestBuilder) -> io::Result<Value> {
    let answer = request.send().await.map_err(io::Error::other)?;
    let (status, text) = (answer.status(), answer.text().await.map_err(io::Error::other)?);
    if !status.is_success() {
        return Err(io::Error::other(format!("moto: {status}: {text}")));
    }
    if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
}

fn program(variable: &str, expected: &str) -> io::Result<String> {
    let unset = || {
        io::Error::other(format!(
            "{variable}: unset, expected the path of {expected}; scripts/test and scripts/demo set it"
        ))
    };
    std::env::var(variable).map_err(|_| unset())
}
