//! A run's report, told for a person.

use std::fmt::Write;

use serde_json::Value;

/// The whole story of one answer of the trade function.
#[must_use]
pub fn tell(report: &Value) -> String {
    let mut story = String::new();
    let line = |story: &mut String, name: &str, text: String| {
        let _ = writeln!(story, "  {name:<10} {text}");
    };
    line(
        &mut story,
        "run",
        format!(
            "{}  account {}  {}",
            text(report, "run_id"),
            text(report, "account"),
            text(report, "trade_date")
        ),
    );
    if let Some(plan) = report.get("plan").filter(|plan| !plan.is_null()) {
        tell_plan(&mut story, plan);
    }
    for side in list(report, "sides") {
        tell_side(&mut story, side);
    }
    story.push('\n');
    for gate in list(report, "gates") {
        line(&mut story, "gate", gate_words(gate));
    }
    for note in list(report, "notes") {
        line(&mut story, "note", note.as_str().unwrap_or_default().to_owned());
    }
    line(&mut story, "token", token_words(&report["token"]));
    line(&mut story, "requests", format!("{} over HTTP to broker and feed", report["http_requests"]));
    let detail = text(report, "detail");
    let outcome = text(report, "outcome");
    line(
        &mut story,
        "outcome",
        if detail.is_empty() {
            outcome.to_uppercase()
        } else {
            format!("{}: {detail}", outcome.to_uppercase())
        },
    );
    story
}

fn tell_plan(story: &mut String, plan: &Value) {
    let structure = text(plan, "structure").replace('_', " ");
    let _ = writeln!(story, "  {:<10} {structure}, expiry {}", "signal", text(plan, "expiry"));
    let _ = writeln!(
        story,
        "  {:<10} equity ${} / ${} a unit = {} units; {} {} is bucket {}, × {}",
        "sizing",
        text(plan, "equity"),
        text(plan, "unit_dollars"),
        plan["units"],
        text(plan, "volatility_field"),
        text(plan, "volatility"),
        plan["bucket"],
        plan["multiplier"]
    );
    for side in list(plan, "sides") {
        let (decision, sell, buy) =
            (&side["decision"], text(&side["vertical"], "sell"), text(&side["vertical"], "buy"));
        let what = match text(decision, "decision").as_str() {
            "trade" => format!("trade {}", decision["quantity"]),
            _ => format!("skip: {}", text(decision, "reason").replace('_', " ")),
        };
        let (go, target, held) = (text(side, "go"), &side["target"], &side["held"]);
        let _ = writeln!(
            story,
            "  {:<10} {} sell {sell} buy {buy}: go {go}, target {target}, held {held} → {what}",
            "",
            text(side, "side")
        );
    }
}

fn tell_side(story: &mut String, side: &Value) {
    let nbbo = &side["decision_nbbo"];
    let (name, vertical) = (text(side, "name"), vertical_words(&side["vertical"]));
    if let Some(reason) = side["refused"].as_str() {
        let _ = writeln!(story, "\n  {name} r{}: {vertical}: refused: {reason}", side["revision"]);
        return;
    }
    let _ = writeln!(
        story,
        "\n  {name} r{}: {vertical} for a {}, approved {}, never worse than {}, worst loss ${}",
        side["revision"],
        text(side, "effect"),
        side["quantity"],
        text(side, "worst_price"),
        text(side, "worst_loss_added"),
    );
    let _ = writeln!(
        story,
        "    {:>4}  {:<12}  {:>5} x {:<5}  {:>5}  {:>5}  {:>3}  {:>6}  {:<14}  note",
        "rung", "New York", "bid", "ask", "mid", "limit", "qty", "filled", "order"
    );
    for rung in list(side, "rungs") {
        let nbbo = &rung["nbbo"];
        let _ = writeln!(
            story,
            "    {:>4}  {:<12}  {:>5} x {:<5}  {:>5}  {:>5}  {:>3}  {:>6}  {:<14}  {}",
            text(rung, "number"),
            new_york(&text(rung, "at")),
            price(nbbo, "bid"),
            price(nbbo, "ask"),
            price(nbbo, "mid"),
            price(rung, "price"),
            text(rung, "quantity"),
            text(rung, "filled"),
            text(rung, "order"),
            rung_words(rung)
        );
    }
    let filled = format!("filled {} of {}", side["filled"], side["quantity"]);
    let average = match side["average_price"].as_str() {
        Some(_) => {
            let (average, improvement) = (price(side, "average_price"), signed(&price(side, "improvement")));
            format!(
                " at {average} on average, {improvement} against the decision mid {}; fees about ${}",
                price(nbbo, "mid"),
                text(side, "cost")
            )
        }
        None => String::new(),
    };
    let _ = writeln!(story, "    {filled}{average}");
}

fn rung_words(rung: &Value) -> String {
    let fills: Vec<String> = list(rung, "fills")
        .iter()
        .map(|fill| format!("{} @ {}", fill["quantity"], price(fill, "price")))
        .collect();
    let status = rung["status"].as_str().unwrap_or_default();
    let note = rung["note"].as_str().unwrap_or_default();
    let fills = fills.join(", ");
    let words = [status, &fills, note].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    words.join(": ")
}

fn vertical_words(vertical: &Value) -> String {
    format!("sell {} buy {}", text(vertical, "sell").trim(), text(vertical, "buy").trim())
}

fn gate_words(gate: &Value) -> String {
    let mut parts = vec![text(gate, "gate").replace('_', " ")];
    let details = gate.as_object().into_iter().flatten().filter(|(name, _)| *name != "gate");
    parts.extend(details.map(|(name, value)| {
        format!(
            "{} {}",
            name.replace('_', " "),
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        )
    }));
    parts.join(", ")
}

fn token_words(token: &Value) -> String {
    match text(token, "token").as_str() {
        "unchanged" => "unchanged, not written".into(),
        "saved" => format!("refreshed and written back, now version {}", token["version"]),
        "newer_stored" => "a newer one is stored, ours was not written".into(),
        _ => format!("NOT SAVED: {}", text(token, "reason")),
    }
}

fn signed(number: &str) -> String {
    if number.starts_with('-') { number.to_owned() } else { format!("+{number}") }
}

/// The price under `name`, or a dash.
#[must_use]
pub fn price(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .and_then(|text| text.parse::<gamma_market::Price>().ok())
        .map_or_else(|| "-".to_owned(), |price| price.to_string())
}

/// `16:13:31.0` in New York, of a UTC time.
#[must_use]
pub fn new_york(at: &str) -> String {
    at.parse::<jiff::Timestamp>().map_or_else(
        |_| at.to_owned(),
        |at| at.to_zoned(gamma_market::calendar::eastern().clone()).strftime("%H:%M:%S%.1f").to_string(),
    )
}

/// The list under `name`, empty where there is none.
#[must_use]
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// What stands under `name`, as text.
#[must_use]
pub fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
