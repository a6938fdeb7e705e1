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
    /// Starts the server named by `GAMMA_MOTO_SERVER` on a free loopback port and waits until it takes connections.
    ///
    /// # Errors
    /// When the variable is unset, the program cannot be started, or it does not answer within half a minute.
    pub async fn start() -> io::Result<Self> {
        let unset = || io::Error::other("GAMMA_MOTO_SERVER: unset, expected the path of moto_server; scripts/test and scripts/demo set it");
        let program = std::env::var_os("GAMMA_MOTO_SERVER").map(PathBuf::from).ok_or_else(unset)?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let child = launch(&program, address)?;
        let mut moto = Self { _child: child, address };
        moto.ready().await?;
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
