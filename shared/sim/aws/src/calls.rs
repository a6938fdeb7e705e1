//! Which permissions the calls of AWS needed: the record that a deployment's policies are held against.
//!
//! Each function signs with an access key that is called like its role, so the record says who asked. One
//! line of JSON for each distinct call, written at once: a test that panics, and a process that is killed,
//! still leave what was seen until then.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, Method, Uri};
use serde::Serialize;

use super::permission::{self, Need};

/// One thing that somebody must be allowed for a request to succeed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AwsCall {
    /// The access key's id: the caller's role.
    pub role: String,
    /// As IAM calls it: `dynamodb:PutItem`. Of a request nobody here can read, the service with a question
    /// mark and what came.
    pub action: String,
    /// What it acts on, by its short name: a table, a parameter, a secret, a function, `group/schedule`; of a
    /// topic, a queue and a role the ARN or URL that was asked with; `*` where the action knows no resource.
    pub resource: String,
    /// The partition keys of a request of DynamoDB; empty where it names none, as a scan does.
    pub leading_keys: BTreeSet<String>,
}

/// The distinct calls so far. Clones are the same record.
#[derive(Debug, Clone, Default)]
pub struct AwsCalls(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    calls: BTreeSet<AwsCall>,
    file: Option<File>,
}

impl AwsCalls {
    /// A record that is also written to a new file of its own in `directory`, which is made where it is not
    /// there.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn kept_in(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let process = std::process::id();
        // A process id comes back in a long series of tests, and a process has many records.
        for count in 0_u32.. {
            match OpenOptions::new()
                .append(true)
                .create_new(true)
                .open(directory.join(format!("{process}-{count}.jsonl")))
            {
                Ok(file) => {
                    return Ok(Self(Arc::new(Mutex::new(Seen { calls: BTreeSet::new(), file: Some(file) }))));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{}: every name is taken", directory.display())))
    }

    /// What was called so far, each once.
    #[must_use]
    pub fn seen(&self) -> Vec<AwsCall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.iter().cloned().collect()
    }

    /// Notes what a request needs. One without a signature is no caller's of AWS, and is left out.
    ///
    /// # Errors
    /// When it cannot be written: a record with holes would pass a policy that is too narrow.
    pub(crate) fn note(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> io::Result<()> {
        let Some(caller) = permission::caller(headers) else { return Ok(()) };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Need { action, resource, leading_keys } in
            permission::needs(&caller.service, method, uri, headers, body)
        {
            seen.add(AwsCall { role: caller.key.clone(), action, resource, leading_keys })?;
        }
        Ok(())
    }
}

impl Seen {
    fn add(&mut self, call: AwsCall) -> io::Result<()> {
        if self.calls.contains(&call) {
            return Ok(());
        }
        if let Some(file) = &mut self.file {
            let line = serde_json::to_string(&call)? + "\n";
            file.write_all(line.as_bytes())?;
        }
        self.calls.insert(call);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_its_file_and_a_line_per_distinct_call() {
        let directory = std::env::temp_dir().join(format!("gamma-aws-calls-{}", std::process::id()));
        let (one, two) = (AwsCalls::kept_in(&directory).unwrap(), AwsCalls::kept_in(&directory).unwrap());
        let headers = HeaderMap::from_iter([
            (
                "authorization".parse().unwrap(),
                "AWS4-HMAC-SHA256 Credential=trade-schwab/20250903/us-east-1/ssm/aws4_request, Signature=0"
                    .parse()
                    .unwrap(),
            ),
            ("x-amz-target".parse().unwrap(), "AmazonSSM.GetParameters".parse().unwrap()),
        ]);
        let ask = |calls: &AwsCalls, body: &str| {
            calls.note(&Method::POST, &Uri::from_static("/"), &headers, body.as_bytes()).unwrap()
        };
        ask(&one, r#"{"Names":["/gamma/a","/gamma/b"]}"#);
        ask(&one, r#"{"Names":["/gamma/b"]}"#);
        ask(&two, r#"{"Names":["/gamma/c"]}"#);
        one.note(&Method::POST, &Uri::from_static("/"), &HeaderMap::new(), b"{}").unwrap();
        let mut files: Vec<String> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        files.sort();
        std::fs::remove_dir_all(&directory).unwrap();
        let line = |name: &str| {
            format!(
                "{{\"role\":\"trade-schwab\",\"action\":\"ssm:GetParameters\",\"resource\":\"{name}\",\"leading_keys\":[]}}\n"
            )
        };
        assert_eq!(files, [line("/gamma/a") + &line("/gamma/b"), line("/gamma/c")]);
        assert_eq!(one.seen().len(), 2);
    }
}
