//! Figures, and how they are shown: one aligned table, or JSON.

use std::fmt::Write;

use serde_json::{Value, json};

/// What a figure is held to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The median must not exceed this.
    AtMost(f64),
    /// The peer's median must be at least this many times ours.
    TimesBetter(f64),
}

/// The other side of a comparison.
pub(crate) enum Peer {
    /// Measured in this run, in turns with ours.
    Measured(Vec<f64>),
    /// A recorded figure of the system this one replaces, on a stand-in of the same kind. Not measured here.
    Quoted(f64),
}

/// One line: a sample of ours, beside its target and its peer.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) sample: Vec<f64>,
    pub(crate) target: Option<Target>,
    pub(crate) peer: Option<Peer>,
    /// What a missed target costs; shown only then.
    pub(crate) because: Option<String>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, sample: Vec<f64>) -> Self {
        Self { name: name.into(), unit, sample, target: None, peer: None, because: None }
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    pub(crate) fn peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    pub(crate) fn because(mut self, why: String) -> Self {
        self.because = Some(why);
        self
    }

    fn peer_median(&self) -> Option<f64> {
        self.peer.as_ref().map(|peer| match peer {
            Peer::Measured(sample) => median(sample),
            Peer::Quoted(value) => *value,
        })
    }

    /// Whether the target is met, and by how much it is not, in words. `None` without a target.
    fn verdict(&self) -> Option<(bool, String)> {
        let ours = median(&self.sample);
        match self.target? {
            Target::AtMost(most) if ours <= most => Some((true, "met".to_owned())),
            Target::AtMost(most) => Some((false, format!("MISSED by {} {}", short(ours - most), self.unit))),
            Target::TimesBetter(times) => {
                let reached = self.peer_median().map_or(0.0, |peer| peer / ours);
                Some((
                    reached >= times,
                    if reached >= times {
                        "met".to_owned()
                    } else {
                        format!("MISSED: only {} ×", short(reached))
                    },
                ))
            }
        }
    }

    fn cells(&self) -> [String; 7] {
        let (least, most) = ends(&self.sample);
        let spread = if self.sample.len() > 1 {
            format!("{} – {}", short(least), short(most))
        } else {
            String::new()
        };
        let target = match self.target {
            Some(Target::AtMost(most)) => format!("≤ {} {}", short(most), self.unit),
            Some(Target::TimesBetter(times)) => format!("≥ {} × better", short(times)),
            None => String::new(),
        };
        let peer = match &self.peer {
            Some(Peer::Measured(sample)) => format!("{} {} measured", short(median(sample)), self.unit),
            Some(Peer::Quoted(value)) => format!("{} {} quoted", short(*value), self.unit),
            None => String::new(),
        };
        let ratio = self
            .peer_median()
            .map_or_else(String::new, |peer| format!("{} ×", short(peer / median(&self.sample))));
        let verdict = self.verdict().map_or_else(String::new, |(_, words)| words);
        [
            self.name.clone(),
            format!("{} {}", short(median(&self.sample)), self.unit),
            spread,
            target,
            verdict,
            peer,
            ratio,
        ]
    }

    fn json(&self) -> Value {
        let (least, most) = ends(&self.sample);
        let target = self.target.map(|target| match target {
            Target::AtMost(most) => json!({ "at_most": most }),
            Target::TimesBetter(times) => json!({ "times_better": times }),
        });
        let peer = self.peer.as_ref().map(|peer| match peer {
            Peer::Measured(sample) => {
                json!({ "median": median(sample), "min": ends(sample).0, "max": ends(sample).1, "runs": sample.len(), "source": "measured" })
            }
            Peer::Quoted(value) => json!({ "median": value, "source": "quoted" }),
        });
        json!({
            "figure": self.name.trim(), "unit": self.unit, "median": median(&self.sample), "min": least, "max": most, "runs": self.sample.len(),
            "target": target, "met": self.verdict().map(|(met, _)| met), "peer": peer, "because": self.because,
        })
    }
}

/// The table, and under it what the missed targets cost.
pub(crate) fn table(figures: &[Figure]) -> String {
    let head = ["figure", "median", "min – max", "target", "", "peer", "peer / ours"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(figures.iter().map(Figure::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let pad = " ".repeat(width(column).saturating_sub(cell.chars().count()));
            // Numbers end in one line, words begin in one.
            if matches!(column, 1 | 2 | 6) { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    for figure in figures {
        if let (Some((false, words)), Some(why)) = (figure.verdict(), &figure.because) {
            let _ = writeln!(text, "\n{}: {words}. {why}", figure.name.trim());
        }
    }
    text
}

pub(crate) fn json(figures: &[Figure]) -> Value {
    figures.iter().map(Figure::json).collect()
}

/// The middle of a sample; of an even one the mean of the two in the middle. An empty sample is not a number.
pub(crate) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn ends(sample: &[f64]) -> (f64, f64) {
    sample.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(*value), most.max(*value))
    })
}

/// Three digits that matter.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_sample() {
        for (sample, middle) in
            [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0, 2.0, 3.0][..], 2.5), (&[7.0][..], 7.0)]
        {
            assert!((median(sample) - middle).abs() < 1e-9, "{sample:?}");
        }
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_missed_target_is_said_with_its_distance_and_its_cost() {
        let slow = Figure::new("first order", "ms", vec![90.0, 70.0, 80.0])
            .target(Target::AtMost(60.0))
            .because("It is spent on: waiting".to_owned());
        let quick = Figure::new("cold start", "ms", vec![2.0])
            .target(Target::TimesBetter(20.0))
            .peer(Peer::Measured(vec![30.0, 40.0]));
        let unknown = Figure::new("nothing measured", "ms", Vec::new()).target(Target::AtMost(60.0));
        let text = table(&[slow, quick, unknown]);
        for words in [
            "MISSED by 20.0 ms",
            "first order: MISSED by 20.0 ms. It is spent on: waiting",
            "MISSED: only 17.5 ×",
            "MISSED by NaN ms",
        ] {
            assert!(text.contains(words), "{words:?} is not in\n{text}");
        }
        assert!(!text.contains("met"), "{text}");
        let starts: Vec<usize> =
            text.lines().take(3).filter_map(|line| line.find("≤").or_else(|| line.find("target"))).collect();
        assert!(starts.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
