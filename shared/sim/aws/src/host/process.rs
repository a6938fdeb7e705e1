//! The processes of one environment: signals, and what `/proc` tells about them (proc(5)).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process and its descendants: a process group of their own.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    /// From then on the number may mean somebody else.
    reaped: AtomicBool,
}

impl Group {
    /// The group of a process that was started as its leader.
    pub(super) fn led_by(leader: Pid) -> Self {
        Self { leader, reaped: AtomicBool::new(false) }
    }

    /// Signals the whole group, unless its leader has been reaped.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.reaped.load(Ordering::SeqCst) {
            // A group that is gone wants no signal.
            let _ = kill_process_group(self.leader, signal);
        }
    }

    /// The leader has been reaped; descendants that it left, which are given back, go the same way.
    pub(super) fn sweep(&self) -> Members {
        self.reaped.store(true, Ordering::SeqCst);
        let left = self.members();
        for member in &left.0 {
            let _ = kill_process(*member, Signal::KILL);
        }
        left
    }

    /// The leader's memory in KiB, by the name of a line in `/proc/PID/status` (`VmRSS`, `VmHWM`); `None`
    /// when it is gone.
    pub(super) fn memory_kib(&self, line: &str) -> Option<u64> {
        if self.reaped.load(Ordering::SeqCst) {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.leader.as_raw_pid())).ok()?;
        let value = status.lines().find_map(|row| row.strip_prefix(line)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// All that are in the group now. It looks at every process there is, so it is not for polling.
    pub(super) fn members(&self) -> Members {
        let Ok(entries) = fs::read_dir("/proc") else { return Members(Vec::new()) };
        let pids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Pid::from_raw);
        Members(
            pids.filter(|pid| stat(*pid).is_some_and(|stat| stat.group == self.leader.as_raw_pid()))
                .collect(),
        )
    }
}

/// The processes that were in a group when somebody looked.
#[derive(Debug)]
pub(super) struct Members(Vec<Pid>);

impl Members {
    /// Whether every one is stopped (or dead).
    pub(super) fn are_stopped(&self) -> bool {
        self.states().all(|stat| stat.is_dead() || stat.state == 'T')
    }

    /// Whether every one is dead.
    pub(super) fn are_dead(&self) -> bool {
        self.states().all(|stat| stat.is_dead())
    }

    /// Their established TCP connections, as (remote port, local port).
    pub(super) fn connections(&self) -> Vec<(u16, u16)> {
        self.0.iter().flat_map(|pid| connections(*pid)).collect()
    }

    fn states(&self) -> impl Iterator<Item = Stat> {
        self.0.iter().filter_map(|pid| stat(*pid))
    }
}

struct Stat {
    state: char,
    group: i32,
}

impl Stat {
    /// Also while nobody has asked how it died.
    fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// `None` when the process is gone.
fn stat(pid: Pid) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // The name before it may contain anything, parentheses and blanks too.
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    Some(Stat { state, group })
}

fn connections(pid: Pid) -> Vec<(u16, u16)> {
    let root = format!("/proc/{}", pid.as_raw_pid());
    let sockets = sockets(&Path::new(&root).join("fd"));
    let tables = ["net/tcp", "net/tcp6"]
        .map(|table| fs::read_to_string(Path::new(&root).join(table)).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(established)
        .filter(|(_, inode)| sockets.contains(inode))
        .map(|(ports, _)| ports)
        .collect()
}

/// The inodes of the sockets among the open files.
fn sockets(files: &Path) -> BTreeSet<u64> {
    let Ok(files) = fs::read_dir(files) else { return BTreeSet::new() };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// (remote port, local port) and inode of one line, when it is an established connection.
fn established(line: &str) -> Option<((u16, u16), u64)> {
    const ESTABLISHED: &str = "01";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let [_, local, remote, state, .., _] = fields.as_slice() else { return None };
    if *state != ESTABLISHED {
        return None;
    }
    Some(((port(remote)?, port(local)?), fields.get(9)?.parse().ok()?))
}
