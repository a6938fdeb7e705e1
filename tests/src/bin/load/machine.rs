//! Whose work the processors did (proc(5)).

/// Ticks of `/proc/PID/stat` in a second.
const TICKS: f64 = 100.0;

/// Processor seconds so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Machine {
    /// moto.
    pub(crate) moto: f64,
    /// This program: simulator, Lambda host, audit.
    pub(crate) own: f64,
    /// The functions that have ended.
    pub(crate) functions: f64,
    /// Everybody on this machine.
    pub(crate) all: f64,
}

impl Machine {
    pub(crate) fn now(moto: Option<u32>) -> Self {
        let [own, functions] = seconds("self").unwrap_or_default();
        Self {
            moto: moto.and_then(|process| seconds(&process.to_string())).map_or(0.0, |[own, _]| own),
            own,
            functions,
            all: everybody().unwrap_or(0.0),
        }
    }

    /// What the others on this machine used: while they work, everything here takes longer.
    pub(crate) fn others(&self) -> f64 {
        (self.all - self.moto - self.own - self.functions).max(0.0)
    }

    pub(crate) fn since(self, before: &Self) -> Self {
        Self {
            moto: self.moto - before.moto,
            own: self.own - before.own,
            functions: self.functions - before.functions,
            all: self.all - before.all,
        }
    }
}

/// The time of all processors that were not idle: user, nice, system, interrupts.
fn everybody() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> =
        text.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // After system come idle and waiting for disks.
    let [user, nice, system, _, _, interrupts, soft_interrupts, ..] = fields.as_slice() else { return None };
    Some((user + nice + system + interrupts + soft_interrupts) / TICKS)
}

/// Of a process itself, and of its children that have ended.
fn seconds(process: &str) -> Option<[f64; 2]> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may contain anything, parentheses and blanks too.
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some([(ticks(11)? + ticks(12)?) / TICKS, (ticks(13)? + ticks(14)?) / TICKS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_some_time_and_an_unknown_one_none() {
        let mut waste = 0_u64;
        while seconds("self").unwrap()[0] < 0.02 {
            waste = waste.wrapping_add(1);
        }
        assert!(Machine::now(None).own > 0.0 && seconds("0").is_none());
        let machine = Machine::now(None);
        assert!(machine.all >= machine.own);
    }
}
