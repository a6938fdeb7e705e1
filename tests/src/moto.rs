//! moto_server as a child process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// A running moto server; killed when dropped.
pub struct Moto {
    _child: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts the server named by `GAMMA_MOTO_SERVER` on a free loopback port and waits until it answers.
    ///
    /// # Errors
    /// When the variable is unset, the program cannot be started, it does not open its port within half a minute, or refuses a request.
    pub async fn start() -> io::Result<Self> {
        let unset = || io::Error::other("GAMMA_MOTO_SERVER: unset, expected the path of moto_server; scripts/test and scripts/demo set it");
        let program = std::env::var_os("GAMMA_MOTO_SERVER").map(PathBuf::from).ok_or_else(unset)?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let child = launch(&program, address)?;
        let mut moto = Self { _child: child, address };
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
        let signature = format!("AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0");
        let request = reqwest::Client::new().post(self.url()).header("x-amz-target", operation).header("authorization", signature);
        let request = request.header("content-type", "application/x-amz-json-1.1").body("{}").timeout(Duration::from_secs(60));
        request.send().await?.error_for_status().map(drop)
    }

    #[allow(clippy::disallowed_methods, reason = "waits for another process to open its port: real time")]
    async fn ready(&mut self) -> io::Result<()> {
        for _ in 0..600 {
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self._child.try_wait()? {
                return Err(io::Error::other(format!("moto_server ended at once: {status}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(io::Error::other("moto_server did not open its port within half a minute"))
    }
}

fn launch(program: &Path, address: SocketAddr) -> io::Result<Child> {
    Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| io::Error::other(format!("{}: {error}", program.display())))
}
