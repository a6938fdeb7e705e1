//! Where the demo on this machine is, as it says in a small file while it runs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::Names;

/// The parts of a local stack, all of them on this machine. The AWS credentials to use there are made up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalStack {
    /// AWS, but for Lambda.
    pub aws: String,
    /// Lambda.
    pub lambda: String,
    /// The virtual clock.
    pub clock: String,
    /// What its parts are called.
    pub names: Names,
}

/// A file that tells of no local stack.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// There is none.
    #[error("{}: not there", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// It does not read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What came and what was expected.
        reason: String,
    },
}

impl LocalStack {
    /// The file, in a checkout; `GAMMA_LOCAL_STACK` names another.
    pub const FILE: &'static str = "target/local-stack.json";

    /// Reads the file.
    ///
    /// # Errors
    /// [`LocalStackError`] when it is not there, does not read, or names an endpoint on another machine.
    pub fn read(path: &Path) -> Result<Self, LocalStackError> {
        let unreadable = |reason: String| LocalStackError::Unreadable { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LocalStackError::Absent { path: path.to_owned() },
            _ => unreadable(error.to_string()),
        })?;
        let stack: Self = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        for (field, url) in [("aws", &stack.aws), ("lambda", &stack.lambda), ("clock", &stack.clock)] {
            if !is_loopback(url) {
                return Err(unreadable(format!("{field}: got {url:?}, expected http:// on 127.0.0.1")));
            }
        }
        Ok(stack)
    }

    /// Writes the file; it is gone again when what this gives is dropped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn announce(&self, path: &Path) -> io::Result<Announced> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        // Whole or not at all: somebody may read it at this moment.
        let beside = path.with_extension("new");
        fs::write(&beside, serde_json::to_vec_pretty(self)?)?;
        fs::rename(beside, path)?;
        Ok(Announced { path: path.to_owned() })
    }
}

/// The file of a running local stack.
#[derive(Debug)]
pub struct Announced {
    path: PathBuf,
}

impl Drop for Announced {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn is_loopback(url: &str) -> bool {
    let port = url.strip_prefix("http://127.0.0.1:").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(aws: &str) -> LocalStack {
        let [lambda, clock] = ["http://127.0.0.1:2", "http://127.0.0.1:3/"].map(str::to_owned);
        LocalStack { aws: aws.to_owned(), lambda, clock, names: Names::of_stack("demo", "demo", ["schwab"]) }
    }

    #[test]
    fn it_is_there_while_it_runs_and_names_this_machine_only() {
        let folder = std::env::temp_dir().join(format!("gamma-local-{}", std::process::id()));
        let path = folder.join("local-stack.json");
        let announced = stack("http://127.0.0.1:1").announce(&path).unwrap();
        assert_eq!(LocalStack::read(&path).unwrap(), stack("http://127.0.0.1:1"));
        drop(announced);
        assert!(matches!(LocalStack::read(&path), Err(LocalStackError::Absent { .. })));
        for elsewhere in [
            "https://ssm.us-east-1.amazonaws.com",
            "http://127.0.0.1:1@example.com",
            "http://127.0.0.1.example.com:1",
            "http://10.0.0.7:1",
        ] {
            let _announced = stack(elsewhere).announce(&path).unwrap();
            let error = LocalStack::read(&path).unwrap_err().to_string();
            assert!(error.contains("aws: got") && error.contains("expected http:// on 127.0.0.1"), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
