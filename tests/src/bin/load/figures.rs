//! What a day of many accounts came to in numbers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use gamma_simulator::requests::{LoggedRequest, Service};
use gamma_tests::audit::account::Delivered;
use gamma_tests::fleet::{Fleet, Member};
use gamma_tests::stack::Fallible;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::machine::Machine;

/// A stretch of real time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Span {
    fn seconds(self) -> f64 {
        self.ended.duration_since(self.began).as_secs_f64()
    }
}

/// One line.
struct Figure {
    name: &'static str,
    unit: &'static str,
    what: What,
}

enum What {
    /// A number, and words beside it.
    One(f64, String),
    /// A sample, smallest first.
    Sample(Vec<f64>),
}

/// All lines.
pub(crate) struct Figures(Vec<Figure>);

/// An account's first order.
struct First {
    /// Virtual time.
    at: Timestamp,
    /// Virtual seconds since the event that led to it.
    waited: f64,
    /// Real milliseconds that the run was at work until then.
    worked: f64,
}

impl Figures {
    pub(crate) fn of(
        fleet: &Fleet,
        at_once: usize,
        delivered: &[Delivered],
        [trading, sweeping]: [Span; 2],
        used: Machine,
    ) -> Fallible<Self> {
        let requests = fleet.stack.simulator.requests();
        let (trades, sweeps): (Vec<&Delivered>, Vec<&Delivered>) =
            delivered.iter().partition(|delivered| !delivered.sweep);
        let mut firsts = Vec::new();
        for member in &fleet.members {
            firsts.extend(first_order(fleet, member, &requests, &trades)?);
        }
        let attempts = fleet.host.attempts();
        let peak = fleet.host.peak();
        let of = |service: Service| requests.iter().filter(move |request| request.service == service);
        let aws: Vec<f64> = of(Service::Aws)
            .map(|request| milliseconds(request.answered.duration_since(request.arrived)))
            .collect();
        let moments = || firsts.iter().map(|first| first.at);
        let span = moments()
            .max()
            .zip(moments().min())
            .map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
        let (held, held_words) = held(&trades);
        let (all, accounts) = (count(delivered.len()), count(fleet.members.len()));
        let real = trading.seconds() + sweeping.seconds();
        let logins = fleet.members.last().map_or(0, |member| member.login + 1);
        let memory = attempts
            .iter()
            .filter_map(|attempt| attempt.peak_memory_kib)
            .map(|kib| count(kib.try_into().unwrap_or(0)) / 1024.0)
            .collect();
        let work = delivered
            .iter()
            .map(|delivered| milliseconds(worked(fleet, &delivered.request_id, None)))
            .collect();
        let used_words = format!(
            "moto {:.0}, functions {:.0}, simulator and host {:.0}",
            used.moto, used.functions, used.own
        );
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let others_words = format!("of {processors} processors, while this ran");
        let one = |name, unit, value, words: String| Figure { name, unit, what: What::One(value, words) };
        let sample = |name, unit, sample: Vec<f64>| Figure { name, unit, what: What::Sample(sorted(sample)) };
        Ok(Self(vec![
            one("accounts", "", accounts, format!("{logins} logins")),
            one("invocations", "", all, format!("{} deliveries, {} sweeps", trades.len(), sweeps.len())),
            one("how the deliveries ended", "", count(trades.len()), ends(&trades)),
            one(
                "real time",
                "s",
                real,
                format!("{:.1} trading, {:.1} sweeping", trading.seconds(), sweeping.seconds()),
            ),
            one("processor time", "s", used.moto + used.functions + used.own, used_words),
            one("  of others on this machine", "s", used.others(), others_words),
            one("invocations in a real second", "", all / real, String::new()),
            one(
                "accounts that trade in a real minute",
                "",
                60.0 * accounts / trading.seconds(),
                "at this pace".to_owned(),
            ),
            one(
                "first orders: from the first to the last",
                "virtual s",
                span,
                format!("{} accounts sent one", firsts.len()),
            ),
            sample("event to first order", "virtual s", firsts.iter().map(|first| first.waited).collect()),
            sample("event to first order, at work", "ms", firsts.iter().map(|first| first.worked).collect()),
            sample("a whole invocation, at work", "ms", work),
            one("AWS calls", "", count(aws.len()), format!("{:.1} an invocation", count(aws.len()) / all)),
            sample("  one of them", "ms", aws),
            one(
                "broker requests",
                "",
                count(of(Service::Schwab).count()),
                format!("{} to the feed", of(Service::GammaWizard).count()),
            ),
            one("deliveries that met a held lease", "", held, held_words),
            one("faults that struck", "", count(fleet.stack.faults().fired().len()), String::new()),
            one(
                "peak processes",
                "",
                count(peak.environments),
                format!("{} with an invocation, {at_once} at work at a time", peak.running),
            ),
            sample("memory of a function's process", "MiB", memory),
        ]))
    }

    /// Aligned: numbers end in one line.
    pub(crate) fn tell(&self) -> String {
        let head = ["figure", "", "median", "95 %", "most", ""].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(head).chain(self.0.iter().map(Figure::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let pad = " ".repeat(width(column).saturating_sub(cell.chars().count()));
                if (1..=4).contains(&column) { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            });
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        text
    }

    pub(crate) fn json(&self, wrong: &[String]) -> Value {
        let figures: Vec<Value> = self.0.iter().map(Figure::json).collect();
        json!({ "figures": figures, "wrong": wrong })
    }
}

impl Figure {
    fn cells(&self) -> [String; 6] {
        let (name, unit) = (self.name.to_owned(), self.unit.to_owned());
        match &self.what {
            What::One(value, words) => {
                let words = [self.unit, words]
                    .into_iter()
                    .filter(|words| !words.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ");
                [name, short(*value), String::new(), String::new(), String::new(), words]
            }
            What::Sample(sample) => {
                let [median, high, most] = spread(sample).map(short);
                [name, String::new(), median, high, most, unit]
            }
        }
    }

    fn json(&self) -> Value {
        match &self.what {
            What::One(value, words) => {
                json!({ "figure": self.name.trim(), "unit": self.unit, "value": value, "note": words })
            }
            What::Sample(sample) => {
                let [median, high, most] = spread(sample);
                json!({ "figure": self.name.trim(), "unit": self.unit, "median": median, "percentile_95": high, "most": most, "sample": sample.len() })
            }
        }
    }
}

/// The first order of an account and what it took; `None` when it sent none.
fn first_order(
    fleet: &Fleet,
    member: &Member,
    requests: &[LoggedRequest],
    trades: &[&Delivered],
) -> Fallible<Option<First>> {
    let hash = fleet
        .stack
        .simulator
        .schwab()
        .hash_of(&member.number)
        .ok_or("the broker does not know the account")?;
    let path = format!("/trader/v1/accounts/{hash}/orders");
    let Some(order) = requests.iter().find(|request| request.method == "POST" && request.path == path) else {
        return Ok(None);
    };
    let own = trades.iter().filter(|delivered| delivered.number == member.number);
    // The delivery that sent it was at work when it came.
    let sender =
        own.filter(|delivered| at_work(fleet, delivered, order.arrived)).min_by_key(|delivered| delivered.at);
    let sender = sender.ok_or("an order came while no delivery of its account was at work")?;
    let worked = milliseconds(worked(fleet, &sender.request_id, Some(order.arrived)));
    Ok(Some(First { at: order.at, waited: order.at.duration_since(sender.at).as_secs_f64(), worked }))
}

fn at_work(fleet: &Fleet, delivered: &Delivered, moment: Instant) -> bool {
    delivered.body["sides"].as_array().is_none_or(|sides| !sides.is_empty())
        && fleet
            .stack
            .simulator
            .clock()
            .worked(&delivered.request_id)
            .iter()
            .any(|(began, ended)| (*began..=*ended).contains(&moment))
}

/// Real time that a run was at work, until a moment or altogether. Waiting for its turn is not work.
fn worked(fleet: &Fleet, run: &str, until: Option<Instant>) -> Duration {
    let spans = fleet.stack.simulator.clock().worked(run);
    spans
        .into_iter()
        .map(|(began, ended)| until.map_or(ended, |until| ended.min(until)).saturating_duration_since(began))
        .sum()
}

/// The deliveries that found the lease with another, and how they ended.
fn held(trades: &[&Delivered]) -> (f64, String) {
    let waited = |delivered: &Delivered| {
        let stages = delivered.body["durations_ms"].as_array();
        stages
            .into_iter()
            .flatten()
            .any(|stage| stage[0] == "admit" && stage[1].as_i64().is_some_and(|length| length > 0))
    };
    let held: Vec<&Delivered> = trades
        .iter()
        .copied()
        .filter(|delivered| delivered.end() == "another_run_active" || waited(delivered))
        .collect();
    (count(held.len()), ends(&held))
}

/// `180 filled, 20 no_fill`, the most frequent first.
fn ends(delivered: &[&Delivered]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for delivered in delivered {
        *counts.entry(delivered.end()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(end, count)| format!("{count} {end}")).collect::<Vec<_>>().join(", ")
}

fn sorted(mut sample: Vec<f64>) -> Vec<f64> {
    sample.sort_by(f64::total_cmp);
    sample
}

/// Median, 95th percentile (the smallest value that so many do not exceed) and most of a sorted sample; of
/// none, not a number.
fn spread(sorted: &[f64]) -> [f64; 3] {
    let rank = |per_cent: usize| {
        sorted.get((sorted.len() * per_cent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(f64::NAN)
    };
    [rank(50), rank(95), rank(100)]
}

#[allow(clippy::cast_precision_loss, reason = "some thousands")]
fn count(number: usize) -> f64 {
    number as f64
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Whole numbers as they are, others with one digit.
fn short(value: f64) -> String {
    if value.fract().abs() < 1e-9 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_of_the_sample() {
        let hundred: Vec<f64> = (1..=100).map(count).collect();
        assert_eq!(spread(&hundred).map(short), ["50", "95", "100"]);
        assert_eq!(spread(&sorted(vec![3.0, 1.0, 2.0])).map(short), ["2", "3", "3"]);
        assert_eq!(spread(&[7.25]).map(short), ["7.2", "7.2", "7.2"]);
        assert!(spread(&[]).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn a_lease_counts_as_held_if_the_delivery_waited_or_gave_up() {
        let delivered = |outcome: &str, admit: i64| Delivered {
            number: "1".into(),
            at: Timestamp::UNIX_EPOCH,
            sweep: false,
            request_id: String::new(),
            failed: false,
            body: json!({ "outcome": outcome, "durations_ms": [["admit", admit], ["recover", 5]] }),
        };
        let all = [
            delivered("filled", 0),
            delivered("already_traded", 2000),
            delivered("already_traded", 0),
            delivered("another_run_active", 0),
        ];
        assert_eq!(
            held(&all.iter().collect::<Vec<_>>()),
            (2.0, "1 already_traded, 1 another_run_active".to_owned())
        );
    }

    #[test]
    fn columns_stand_under_each_other() {
        let one = Figure { name: "accounts", unit: "", what: What::One(200.0, "50 logins".into()) };
        let sample = Figure { name: "a call", unit: "ms", what: What::Sample(vec![1.0, 2.0]) };
        let text = Figures(vec![one, sample]).tell();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "figure         median  95 %  most",
                "accounts  200                      50 logins",
                "a call              1     2     2  ms"
            ]
        );
    }
}
