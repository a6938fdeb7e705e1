//! moto_server as a child process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};

/// A running moto server; killed when dropped.
pub struct Moto {
    child: Child,
    address: SocketAddr,
    /// Bound and never listening: as long as it lives nobody else is given the port, while the server, which asks for a shared address
    /// as this one does, can listen at it. Without it two tests that start at once can be given one port, and then the one's server
    /// ends with the other's test.
    _port: TcpSocket,
}

impl Moto {
    /// Starts the server named by `GAMMA_MOTO_SERVER` on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// When the variable is unset, the program cannot be started, it does not open its port within half a minute, or refuses a request.
    pub async fn start() -> io::Result<Self> {
        Self::of(Command::new(program("GAMMA_MOTO_SERVER", "moto_server")?)).await
    }

    /// The same for tables with hundreds of accounts: `GAMMA_PYTHON` runs it with transactions whose cost does not grow with the table.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub async fn start_for_many() -> io::Result<Self> {
        let mut python = Command::new(program("GAMMA_PYTHON", "a Python with moto")?);
        python.args(["-c", include_str!("../moto/many.py")]);
        Self::of(python).await
    }

    async fn of(command: Command) -> io::Result<Self> {
        let port = TcpSocket::new_v4()?;
        port.set_reuseaddr(true)?;
        port.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = port.local_addr()?;
        let child = launch(command, address)?;
        let mut moto = Self { child, address, _port: port };
        moto.ready().await?;
        moto.load("ssm", "AmazonSSM.DescribeParameters").await.map_err(io::Error::other)?;
        moto.load("dynamodb", "DynamoDB_20120810.ListTables").await.map_err(io::Error::other)?;
        Ok(moto)
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

    /// Makes one request of a service. moto loads a service's code on its first request, which on a busy machine takes longer than an
    /// SDK waits.
    async fn load(&self, service: &str, operation: &str) -> Result<(), reqwest::Error> {
        self.request(service, operation).body("{}").send().await?.error_for_status().map(drop)
    }

    fn request(&self, service: &str, operation: &str) -> RequestBuilder {
        let request = reqwest::Client::new().post(self.url()).header("x-amz-target", operation).header("authorization", signature(service));
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
            let answer = self.request("dynamodb", "DynamoDB_20120810.Scan").body(body.to_string()).send().await.map_err(io::Error::other)?;
            let text = answer.error_for_status().map_err(io::Error::other)?.text().await.map_err(io::Error::other)?;
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
        let request = reqwest::Client::new().request(method.clone(), format!("{}{path}", self.url())).timeout(Duration::from_secs(60));
        let request = request.header("authorization", signature("scheduler"));
        answered(if method == reqwest::Method::GET { request } else { request.body(body.to_string()) }).await
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    #[allow(clippy::disallowed_methods, reason = "waits for another process to open its port: real time")]
    async fn ready(&mut self) -> io::Result<()> {
        for _ in 0..600 {
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("moto_server ended at once: {status}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(io::Error::other("moto_server did not open its port within half a minute"))
    }
}

fn signature(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0")
}

async fn answered(request: RequestBuilder) -> io::Result<Value> {
    let answer = request.send().await.map_err(io::Error::other)?;
    let (status, text) = (answer.status(), answer.text().await.map_err(io::Error::other)?);
    if !status.is_success() {
        return Err(io::Error::other(format!("moto: {status}: {text}")));
    }
    if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
}

fn program(variable: &str, expected: &str) -> io::Result<PathBuf> {
    let unset = || io::Error::other(format!("{variable}: unset, expected the path of {expected}; scripts/test and scripts/demo set it"));
    std::env::var_os(variable).map(PathBuf::from).ok_or_else(unset)
}

fn launch(mut command: Command, address: SocketAddr) -> io::Result<Child> {
    command
        .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| io::Error::other(format!("{}: {error}", command.as_std().get_program().display())))
}
