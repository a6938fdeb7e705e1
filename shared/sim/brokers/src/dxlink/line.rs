//! One socket: what comes on it goes into the conversation, and what that says goes out, in real time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use gamma_sim_core::connections::Caller;
use gamma_sim_core::requests::{LoggedRequest, Service};
use gamma_sim_core::time::real_now;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{timeout, timeout_at};

use super::conversation::{Act, Around, Conversation};
use super::messages::Message;
use super::switches::{HangUp, Switch};
use super::{Inner, PATH};

/// How long a client has to answer a close frame.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection, for the socket's task and for whoever speaks to it from outside: the clock, a test.
pub(super) struct Line {
    connection: u64,
    caller: Caller,
    conversation: Mutex<Conversation>,
    out: UnboundedSender<Act>,
}

impl Line {
    /// Speaks with the conversation; what it says is on its way in this order, whoever spoke.
    pub(super) fn with<T>(&self, speak: impl FnOnce(&mut Conversation) -> T) -> T {
        let mut conversation = self.conversation.lock().unwrap_or_else(PoisonError::into_inner);
        let result = speak(&mut conversation);
        // A task that has ended needs none of it.
        conversation.take_acts().into_iter().for_each(|act| drop(self.out.send(act)));
        result
    }

    pub(super) fn freeze_if_told(&self, face: &Inner) {
        if !self.caller.is_open() {
            return;
        }
        let freeze = |switch: &Switch| (*switch == Switch::Freeze).then_some(());
        if face.switches.strike(face.clock.now(), self.connection, "connection", freeze).is_some() {
            self.caller.mute();
        }
    }

    fn hear(&self, face: &Inner, frame: &Frame) {
        let text = match frame {
            Frame::Text(text) => text.as_str(),
            // Not the protocol's: it reads as no message.
            Frame::Binary(_) => "",
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => return,
        };
        let arrived = real_now().into_std();
        let message = Message::read(text);
        let (method, path, now) =
            (message.kind.clone(), format!("{PATH}/{}", message.channel), face.clock.now());
        self.with(|conversation| {
            let mut sight = face.sight();
            let mut state = face.state();
            let config = face.config;
            let (tokens, switches, counters) = (&face.tokens, &face.switches, &mut state.counters);
            conversation.hear(
                text,
                message,
                &mut Around { config, tokens, switches, counters, sight: &mut sight, now },
            );
        });
        let answered = real_now().into_std();
        face.log.add(LoggedRequest {
            service: Service::DxLink,
            method,
            path,
            order: None,
            status: None,
            at: now,
            arrived,
            answered,
        });
    }
}

/// Serves one socket until it ends.
pub(super) async fn serve(face: Arc<Inner>, mut socket: WebSocket, caller: Caller) {
    let (out, mut acts) = unbounded_channel();
    let line = {
        let mut state = face.state();
        state.counters.connections += 1;
        let connection = u64::try_from(state.counters.connections).unwrap_or(u64::MAX);
        let line = Arc::new(Line {
            connection,
            caller,
            conversation: Mutex::new(Conversation::new(connection)),
            out,
        });
        state.lines.insert(connection, Arc::clone(&line));
        line
    };
    line.freeze_if_told(&face);
    talk(&face, &line, &mut socket, &mut acts).await;
    face.state().lines.remove(&line.connection);
}

enum Event {
    Heard(Frame),
    Act(Act),
    Gone,
}

async fn talk(face: &Inner, line: &Line, socket: &mut WebSocket, acts: &mut UnboundedReceiver<Act>) {
    let (mut heard, mut spoke) = (real_now(), real_now());
    loop {
        let (dead, quiet) = (heard + face.config.keepalive_timeout, spoke + line.patience(face));
        let Ok(event) = timeout_at(dead.min(quiet), next(socket, acts)).await else {
            // A frozen connection stays open, whoever is silent on it.
            if !line.caller.is_open() {
                return until_closed(socket).await;
            }
            // What is said now is sent in the next round, however late it is by then.
            let now = face.clock.now();
            line.with(|conversation| match real_now().checked_duration_since(dead) {
                Some(beyond) => conversation.time_out(
                    rounded(face.config.keepalive_timeout + beyond),
                    &face.switches,
                    now,
                ),
                None => conversation.keep_alive(&face.switches, now),
            });
            continue;
        };
        match event {
            Event::Heard(frame) => {
                heard = real_now();
                line.hear(face, &frame);
            }
            Event::Act(Act::Say(message)) => {
                spoke = real_now();
                if socket.send(Frame::text(message.to_string())).await.is_err() {
                    return;
                }
            }
            Event::Act(Act::HangUp(HangUp::Close(code))) => return say_goodbye(socket, code).await,
            Event::Act(Act::HangUp(HangUp::Cut)) => return line.caller.cut(),
            Event::Gone => return,
        }
    }
}

impl Line {
    /// After how long a silence of ours the client is to hear something.
    fn patience(&self, face: &Inner) -> Duration {
        let client = self.with(|conversation| conversation.client_timeout());
        client.map_or(face.config.keepalive_timeout + GOODBYE, |timeout| {
            (timeout / 2).min(face.config.keepalive_every)
        })
    }
}

async fn next(socket: &mut WebSocket, acts: &mut UnboundedReceiver<Act>) -> Event {
    tokio::select! {
        // What was said goes out before more is heard.
        biased;
        act = acts.recv() => act.map_or(Event::Gone, Event::Act),
        frame = socket.recv() => match frame {
            Some(Ok(frame)) => Event::Heard(frame),
            Some(Err(_)) | None => Event::Gone,
        },
    }
}

/// The close frame, and then nothing but waiting for the client's: a socket that is closed over unread bytes
/// would lose it.
async fn say_goodbye(socket: &mut WebSocket, code: u16) {
    if socket.send(Frame::Close(Some(CloseFrame { code, reason: "".into() }))).await.is_ok() {
        drop(timeout(GOODBYE, until_closed(socket)).await);
    }
}

async fn until_closed(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}

/// For people: to the second, where it is one.
const fn rounded(time: Duration) -> Duration {
    if time.as_secs() > 0 { Duration::from_secs(time.as_secs()) } else { time }
}
