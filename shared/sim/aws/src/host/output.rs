//! What functions write, line by line, and which invocation it belongs to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::unix::pipe;
use tokio::sync::broadcast;

/// Size of the log tail that an invocation can ask for, in bytes.
const TAIL: usize = 4 * 1024;
/// Lines a subscriber may lag behind before it loses some.
const LAG: usize = 4096;

/// One line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function.
    pub function: String,
    /// The invocation during which it was written; what is written between two belongs to the former,
    /// initialisation to the first.
    pub request_id: String,
    /// The line, without its end.
    pub line: String,
}

/// All lines of a host.
#[derive(Debug)]
pub(super) struct Logs {
    lines: Mutex<BTreeMap<String, Vec<String>>>,
    live: broadcast::Sender<LogLine>,
}

impl Logs {
    pub(super) fn new() -> Self {
        Self { lines: Mutex::default(), live: broadcast::Sender::new(LAG) }
    }

    pub(super) fn lines(&self, request_id: &str) -> Vec<String> {
        self.lock().get(request_id).cloned().unwrap_or_default()
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<LogLine> {
        self.live.subscribe()
    }

    fn add(&self, line: LogLine) {
        self.lock().entry(line.request_id.clone()).or_default().push(line.line.clone());
        // No subscriber, nobody to tell.
        drop(self.live.send(line));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The output of one environment: stdout and stderr share a pipe, so their order is kept.
#[derive(Debug)]
pub(super) struct Output {
    function: String,
    logs: Arc<Logs>,
    pipe: PipeReader,
    /// The same pipe, for waiting until there is something to read.
    ready: pipe::Receiver,
    text: Mutex<Text>,
}

#[derive(Debug)]
struct Text {
    request_id: String,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    tail: VecDeque<u8>,
}

impl Output {
    /// Reads `pipe`; initialisation belongs to the invocation it was started for.
    pub(super) fn new(
        function: &str,
        logs: Arc<Logs>,
        pipe: PipeReader,
        request_id: &str,
    ) -> io::Result<Self> {
        // This makes the pipe non-blocking for either reader.
        let ready = pipe::Receiver::from_owned_fd(OwnedFd::from(pipe.try_clone()?))?;
        let text = Text { request_id: request_id.to_owned(), partial: Vec::new(), tail: VecDeque::new() };
        Ok(Self { function: function.to_owned(), logs, pipe, ready, text: Mutex::new(text) })
    }

    /// Reads whenever there is something, until nobody can write any more.
    pub(super) async fn follow(&self) {
        while self.ready.readable().await.is_ok() {
            if self.read(&mut self.lock(), |chunk| self.ready.try_read(chunk)) {
                return;
            }
        }
    }

    /// Takes what has been written so far.
    pub(super) fn drain(&self) {
        self.read_now(&mut self.lock());
    }

    /// From now on output belongs to this invocation.
    pub(super) fn begin(&self, request_id: &str) {
        let mut text = self.lock();
        self.read_now(&mut text);
        self.end_line(&mut text);
        if text.request_id != request_id {
            request_id.clone_into(&mut text.request_id);
            text.tail.clear();
        }
    }

    /// Takes what the invocation wrote, and gives its tail.
    pub(super) fn finish(&self) -> Vec<u8> {
        let mut text = self.lock();
        self.read_now(&mut text);
        self.end_line(&mut text);
        std::mem::take(&mut text.tail).into()
    }

    /// Reads the pipe itself and does not wait to be told that there is something, so whatever a process
    /// wrote before it spoke to us is there.
    fn read_now(&self, text: &mut Text) {
        self.read(text, |chunk| (&self.pipe).read(chunk));
    }

    /// Reads until there is nothing left; `true` when nothing more can come.
    fn read(&self, text: &mut Text, mut source: impl FnMut(&mut [u8]) -> io::Result<usize>) -> bool {
        let mut chunk = [0_u8; 8 * 1024];
        loop {
            match source(&mut chunk) {
                Ok(0) => return true,
                Ok(size) => self.take(text, &chunk[..size]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
    }

    fn take(&self, text: &mut Text, bytes: &[u8]) {
        text.tail.extend(bytes);
        let surplus = text.tail.len().saturating_sub(TAIL);
        text.tail.drain(..surplus);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            text.partial.extend(piece);
            if piece.ends_with(b"\n") {
                text.partial.pop();
                self.add_line(text);
            }
        }
    }

    fn end_line(&self, text: &mut Text) {
        if !text.partial.is_empty() {
            self.add_line(text);
        }
    }

    fn add_line(&self, text: &mut Text) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut text.partial)).into_owned();
        self.logs.add(LogLine { function: self.function.clone(), request_id: text.request_id.clone(), line });
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
