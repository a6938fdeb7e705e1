//! The task behind the handle: it keeps the connection up, and carries texts between socket, machine and
//! questions.

mod desk;
mod socket;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::answer::Answer;
use crate::config::Address;
use crate::protocol::{End, Session, Step};
use crate::{ConnectError, DxLinkConfig};
use desk::{Change, Desk};
use socket::{Heard, Socket, Tls};

/// A caller that waits for as long as it holds the other end.
pub(crate) type Question = watch::Sender<Answer>;

/// The largest message that is sent, in bytes, until a server says that this is too large.
const LARGEST_MESSAGE: usize = 8192;

/// A message of this size holds one symbol of any length.
const SMALLEST_LIMIT: usize = 256;

/// How long a connection that takes no more is still listened to.
const LONGEST_LAST_WORDS: Duration = Duration::from_millis(500);

/// What the handle tells about the line.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    opened: AtomicU64,
    questions: AtomicU64,
    unreadable: AtomicU64,
    refusal: OnceLock<String>,
}

impl Counts {
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(crate) fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.get().cloned()
    }
}

/// How an attempt ended, and whether it had brought quotes before.
struct Parting {
    end: End,
    had_fed: bool,
}

pub(crate) struct Line {
    config: DxLinkConfig,
    address: Address,
    tls: Tls,
    desk: Desk,
    counts: Arc<Counts>,
    largest_message: usize,
}

impl Line {
    pub(crate) fn new(
        config: DxLinkConfig,
        address: Address,
        questions: mpsc::UnboundedReceiver<Question>,
        counts: Arc<Counts>,
    ) -> Result<Self, ConnectError> {
        let tls = Tls::new(address.encrypted)?;
        Ok(Self {
            config,
            address,
            tls,
            desk: Desk::new(questions),
            counts,
            largest_message: LARGEST_MESSAGE,
        })
    }

    /// Until the handle is gone or the token is refused.
    pub(crate) async fn keep(mut self) {
        let mut failures = 0;
        let mut doubted = false;
        while let Some(Parting { end, had_fed }) = self.attempt().await {
            let trouble = match end {
                // What is said of a second connection too is about what both had: the token.
                End::PerhapsRefused(trouble) if !doubted || had_fed => {
                    doubted = true;
                    trouble
                }
                End::Refused(reason) | End::PerhapsRefused(reason) => {
                    tracing::warn!(target_url = %self.address.shown, %reason, "dxlink: token refused");
                    // Before the questions are dropped: whoever waits for them looks here.
                    let _ = self.counts.refusal.set(reason);
                    return;
                }
                End::TooLarge(trouble) => {
                    self.largest_message = (self.largest_message / 2).max(SMALLEST_LIMIT);
                    trouble
                }
                End::Lost(trouble) => {
                    doubted &= !had_fed;
                    trouble
                }
            };
            tracing::warn!(target_url = %self.address.shown, %trouble, "dxlink: connection lost");
            self.desk.lost(trouble);
            // A connection that worked is replaced at once, and each that did not is waited longer for.
            failures = if had_fed { 0 } else { failures + 1 };
            if self
                .desk
                .meanwhile(wait(self.config.pace.pause(failures, RandomState::new().hash_one(failures))))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    /// One connection from beginning to end; `None` when the handle is gone.
    async fn attempt(&mut self) -> Option<Parting> {
        let connecting = Box::pin(Socket::connect(&self.address, &self.tls, &self.config));
        let socket = match self.desk.meanwhile(connecting).await? {
            Ok(socket) => socket,
            Err(end) => return Some(Parting { end, had_fed: false }),
        };
        self.counts.opened.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(target_url = %self.address.shown, "dxlink: connected");
        let (mut session, first) = Session::open(self.config.token.clone(), self.largest_message);
        let end = self.serve(socket, &mut session, first).await?;
        Some(Parting { end, had_fed: session.has_fed() })
    }

    async fn serve(&mut self, mut socket: Socket, session: &mut Session, first: Step) -> Option<End> {
        let mut beats = interval(self.config.pace.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.reset();
        let mut step = first;
        if let Some(wanted) = self.desk.wanted() {
            // Kept until the channel is open; nothing goes out yet.
            session.ask(wanted);
        }
        loop {
            if let Some(end) = self.take(&mut socket, session, step).await {
                return Some(end);
            }
            let senseless = session.senseless();
            step = select! {
                heard = socket.hear() => match heard {
                    Heard::Text(text) => session.text(&text),
                    Heard::Sign => session.heard(),
                    Heard::Closed(frame) => return Some(session.closed(frame.as_ref().map(|(code, reason)| (*code, reason.as_str())))),
                    Heard::Broken(reason) => return Some(End::Lost(reason)),
                },
                _ = beats.tick() => session.beat(),
                change = self.desk.change() => match change {
                    Change::Asked(wanted) => session.ask(wanted),
                    Change::GaveUp => session.rest(),
                    Change::Ended => {
                        socket.close().await;
                        return None;
                    }
                },
            };
            self.counts.unreadable.fetch_add(session.senseless() - senseless, Ordering::Relaxed);
        }
    }

    /// Does what the machine wants done; the connection's end, when that is part of it or sending fails.
    async fn take(&mut self, socket: &mut Socket, session: &mut Session, step: Step) -> Option<End> {
        if step.asks {
            self.desk.asked();
            self.counts.questions.fetch_add(1, Ordering::Relaxed);
        }
        let sent = if step.send.is_empty() { Ok(()) } else { socket.send(step.send).await };
        self.desk.saw(step.quotes);
        match (step.end, sent) {
            (Some(end), _) => Some(end),
            (None, Ok(())) => None,
            (None, Err(reason)) => Some(last_words(socket, session).await.unwrap_or(End::Lost(reason))),
        }
    }
}

/// A server that closes while we write has said why before: refused, or too large.
async fn last_words(socket: &mut Socket, session: &mut Session) -> Option<End> {
    let listening = async {
        loop {
            match socket.hear().await {
                Heard::Text(text) => match session.text(&text).end {
                    Some(end) => return Some(end),
                    None => continue,
                },
                Heard::Sign => {}
                Heard::Closed(frame) => {
                    return Some(
                        session.closed(frame.as_ref().map(|(code, reason)| (*code, reason.as_str()))),
                    );
                }
                Heard::Broken(_) => return None,
            }
        }
    };
    timeout(LONGEST_LAST_WORDS, listening).await.ok().flatten()
}

/// Real time: it spaces attempts at a real socket, and its caller's patience is real too.
#[allow(
    clippy::disallowed_methods,
    reason = "real time: it spaces attempts at a real socket, and the patience of those who wait for it is real too"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
