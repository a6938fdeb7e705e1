//! Metrics as lines of the log, in CloudWatch's embedded metric format: counted by CloudWatch itself, without
//! a call of ours.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

/// What is counted or measured, each with the one dimension that alarms and dashboard know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric<'a> {
    /// `Ended` by `Outcome`: a run, or the warm-up, came to an end of this name.
    Ended(&'a str),
    /// `Failed` by `ErrorType`: an invocation is a Lambda error of this type.
    Failed(&'a str),
    /// `Heartbeat` by `Account`: a sweep of this account ran to its end.
    Heartbeat(&'a str),
    /// `LoginHoursLeft` by `Login`: until a person has to log in again.
    LoginHoursLeft {
        /// Which login, such as `schwab`.
        login: &'a str,
        /// Whole hours, rounded down; 0 when it is over.
        hours: i64,
    },
}

impl<'a> Metric<'a> {
    /// Name, unit, dimension and its value, value. CloudWatch has no unit for hours.
    const fn parts(self) -> (&'static str, &'static str, (&'static str, &'a str), i64) {
        match self {
            Self::Ended(outcome) => ("Ended", "Count", ("Outcome", outcome), 1),
            Self::Failed(error_type) => ("Failed", "Count", ("ErrorType", error_type), 1),
            Self::Heartbeat(account) => ("Heartbeat", "Count", ("Account", account), 1),
            Self::LoginHoursLeft { login, hours } => ("LoginHoursLeft", "None", ("Login", login), hours),
        }
    }

    /// As a line of the namespace `namespace`.
    #[must_use]
    pub fn line(self, namespace: &str, at: Timestamp) -> Value {
        let (name, unit, (dimension, of), value) = self.parts();
        let directive = json!({ "Namespace": namespace, "Dimensions": [[dimension]], "Metrics": [{ "Name": name, "Unit": unit }] });
        json!({ "_aws": { "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }, dimension: of, name: value })
    }
}

/// Where metrics go: to standard output under `GAMMA_METRICS`, the namespace; nowhere without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics(Option<String>);

impl Metrics {
    /// Reads `GAMMA_METRICS`.
    #[must_use]
    pub fn from_env(read: impl Fn(&str) -> Option<String>) -> Self {
        Self(read("GAMMA_METRICS").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// Counts or measures.
    pub fn write(&self, at: Timestamp, metric: Metric<'_>) {
        if let Some(namespace) = &self.0 {
            // Without a log there is nobody to tell.
            let _ = writeln!(io::stdout().lock(), "{}", metric.line(namespace, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What CloudWatch demands of a line: without it the metric is dropped in silence.
    fn check(line: &Value) {
        let aws = &line["_aws"];
        assert!(aws["Timestamp"].is_i64() && aws.as_object().unwrap().len() == 2, "{line}");
        for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
            assert!(
                directive["Namespace"].as_str().is_some_and(|name| (1..=255).contains(&name.len())),
                "{line}"
            );
            for dimension in
                directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(
                    line[dimension.as_str().unwrap()].as_str().is_some_and(|value| !value.is_empty()),
                    "{dimension}: {line}"
                );
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}: {line}");
                assert!(["Count", "None"].contains(&metric["Unit"].as_str().unwrap()), "{metric}: {line}");
            }
        }
    }

    #[test]
    fn every_line_is_one_that_cloudwatch_takes() {
        let at: Timestamp = "2025-09-03T20:13:00.25Z".parse().unwrap();
        for (metric, name, dimension, of, value) in [
            (Metric::Ended("filled"), "Ended", "Outcome", "filled", 1),
            (Metric::Failed("StaleEvent"), "Failed", "ErrorType", "StaleEvent", 1),
            (Metric::Heartbeat("tt-ira"), "Heartbeat", "Account", "tt-ira", 1),
            (Metric::LoginHoursLeft { login: "schwab", hours: 47 }, "LoginHoursLeft", "Login", "schwab", 47),
        ] {
            let line = metric.line("gamma", at);
            check(&line);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(
                (&directive["Dimensions"], &directive["Metrics"][0]["Name"]),
                (&json!([[dimension]]), &json!(name))
            );
            assert_eq!(
                (&line[dimension], &line[name], &line["_aws"]["Timestamp"]),
                (&json!(of), &json!(value), &json!(1_756_930_380_250_i64))
            );
            assert!(!line.to_string().contains('\n'));
        }
    }

    #[test]
    fn without_a_namespace_there_are_none() {
        assert_eq!(Metrics::from_env(|_| None), Metrics::default());
        assert_eq!(Metrics::from_env(|_| Some(" ".to_owned())), Metrics::default());
        assert_eq!(
            Metrics::from_env(|name| (name == "GAMMA_METRICS").then(|| " gamma ".to_owned())),
            Metrics(Some("gamma".to_owned()))
        );
    }
}
