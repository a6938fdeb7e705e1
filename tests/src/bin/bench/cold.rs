//! Cold starts: our functions and the trading function's peer, in turns.

use std::path::PathBuf;

use gamma_simulator::host::{Init, InvokeKind};
use gamma_tests::stack::Stack;

use crate::world::{Fallible, file, function, host, trade_binary};

/// How one process came up.
pub(crate) struct ColdStart {
    pub(crate) milliseconds: f64,
    pub(crate) resident_mib: f64,
}

/// The trading function, its peer, and those that come after a trade.
const PROGRAMS: [&str; 4] = ["trade", "peer", "sheets-log", "edge-guard"];

/// Starts each `runs` times, after one start that is not counted: the files are then in memory. By the order
/// of [`PROGRAMS`].
pub(crate) async fn starts(stack: &Stack, runs: usize) -> Fallible<[Vec<ColdStart>; 4]> {
    let python = file("GAMMA_PYTHON").map(|_| ()).and(std::env::var("GAMMA_PYTHON").map_err(Into::into))?;
    let folder =
        PathBuf::from(python).parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let mut peer_environment = stack.environment().clone();
    peer_environment.insert("PATH".to_owned(), format!("{folder}:/usr/bin:/bin"));
    let (ours, peer) = (trade_binary()?, file("GAMMA_PEER")?);
    let mut all: [Vec<ColdStart>; 4] = Default::default();
    for run in 0..=runs {
        let functions = PROGRAMS.map(|name| match name {
            "peer" => function(name, peer.clone(), &peer_environment),
            name => function(name, ours.with_file_name(name), stack.environment()),
        });
        let functions = functions.into();
        let host = host(stack, functions).await?;
        for (name, starts) in PROGRAMS.into_iter().zip(&mut all) {
            // Ours refuse an empty event without a single call; only the start is looked at.
            host.invoke(name, b"", InvokeKind::RequestResponse).await?;
            let init = host.attempts().pop().and_then(|attempt| attempt.init);
            let start = init
                .and_then(cold_start)
                .ok_or_else(|| format!("{name} never asked for an event, or its memory could not be read"))?;
            if run > 0 {
                starts.push(start);
            }
        }
        host.stop().await;
    }
    Ok(all)
}

#[allow(clippy::cast_precision_loss, reason = "KiB of one process")]
fn cold_start(init: Init) -> Option<ColdStart> {
    Some(ColdStart {
        milliseconds: init.took.as_secs_f64() * 1e3,
        resident_mib: init.resident_kib? as f64 / 1024.0,
    })
}
