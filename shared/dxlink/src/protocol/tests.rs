//! The machine, by what the server may say and when.

mod any;

use serde_json::{Value, json};

use super::*;

pub(super) const TOKEN: &str = "canary-token";
const SETUP: &str =
    r#"{"type":"SETUP","channel":0,"version":"1.0-1.0.0","keepaliveTimeout":60,"acceptKeepaliveTimeout":60}"#;
const WANTED: &str = r#"{"type":"AUTH_STATE","channel":0,"state":"UNAUTHORIZED"}"#;
const AUTHORIZED: &str = r#"{"type":"AUTH_STATE","channel":0,"state":"AUTHORIZED","userId":"a1b2c3d4"}"#;
const OPENED: &str = r#"{"type":"CHANNEL_OPENED","channel":1,"service":"FEED","parameters":{"contract":"AUTO","subFormat":"LIST"}}"#;
const KEEPALIVE: &str = r#"{"type":"KEEPALIVE","channel":0}"#;
const PUT: &str = ".SPXW260821P5900";

pub(super) fn symbols(names: &[&str]) -> BTreeSet<StreamerSymbol> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// What a step sends, as `TYPE channel`, and how it ends.
fn told(step: &Step) -> Vec<String> {
    let message = |text: &String| {
        let message: Value = serde_json::from_str(text).unwrap();
        format!("{} {}", message["type"].as_str().unwrap(), message["channel"])
    };
    let mut told: Vec<_> = step.send.iter().map(message).collect();
    told.extend(step.end.as_ref().map(|end| match end {
        End::Refused(_) => "refused".to_owned(),
        End::PerhapsRefused(_) => "perhaps refused".to_owned(),
        End::TooLarge(_) => "too large".to_owned(),
        End::Lost(_) => "lost".to_owned(),
    }));
    told
}

fn begun() -> Session {
    let (session, first) = Session::open(TOKEN.into(), 8192);
    assert_eq!(told(&first), ["SETUP 0"]);
    session
}

/// A session with an open channel 1 that asks for the put.
fn asking() -> Session {
    let mut session = begun();
    session.ask(symbols(&[PUT]));
    [SETUP, WANTED, AUTHORIZED].iter().for_each(|text| drop(session.text(text)));
    let step = session.text(OPENED);
    assert_eq!(told(&step), ["FEED_SETUP 1", "FEED_SUBSCRIPTION 1"]);
    assert!(step.asks);
    session
}

fn data(channel: u64, symbol: &str) -> String {
    json!({"type": "FEED_DATA", "channel": channel, "data": ["Quote", ["Quote", symbol, 4.1, 4.2, 36.0, 41.0, 0, 0]]}).to_string()
}

/// Plays texts and beats (a number of them) and holds what is sent against what is expected.
fn play(session: &mut Session, script: &[(&str, &[&str])]) {
    for (input, expected) in script {
        let step = match input.parse::<u32>() {
            Ok(beats) => {
                (1..beats)
                    .for_each(|beat| assert_eq!(told(&session.beat()), [""; 0], "beat {beat} of {beats}"));
                session.beat()
            }
            Err(_) => session.text(input),
        };
        assert_eq!(told(&step), *expected, "{input}");
    }
}

#[test]
fn every_order_that_a_greeting_may_have() {
    let scripts: [&[(&str, &[&str])]; 7] = [
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (OPENED, &["FEED_SETUP 1"]),
        ],
        // No token is wanted, or no longer.
        &[
            (SETUP, &[]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (AUTHORIZED, &[]),
            (OPENED, &["FEED_SETUP 1"]),
            (OPENED, &[]),
        ],
        &[(AUTHORIZED, &[]), (SETUP, &["CHANNEL_REQUEST 1"]), (SETUP, &[])],
        &[
            (WANTED, &[]),
            (WANTED, &[]),
            (SETUP, &["AUTH 0"]),
            (KEEPALIVE, &[]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
        ],
        // A server that waits for the token without a word gets it.
        &[(SETUP, &[]), ("10", &["AUTH 0"]), (AUTHORIZED, &["CHANNEL_REQUEST 1"])],
        // Refused.
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (r#"{"type":"ERROR","channel":0,"error":"UNAUTHORIZED","message":"bad token"}"#, &["refused"]),
        ],
        // What does not belong here.
        &[
            (OPENED, &[]),
            (SETUP, &[]),
            (OPENED, &[]),
            (r#"{"type":"NEWS","channel":0,"state":7}"#, &[]),
            ("not JSON", &[]),
            (WANTED, &["AUTH 0"]),
        ],
    ];
    for script in scripts {
        play(&mut begun(), script);
    }
}

/// An UNAUTHORIZED may ask, ask again before the token has arrived, answer a token that came unasked, or
/// refuse.
#[test]
fn each_unauthorized_is_answered_until_it_refuses() {
    let unneeded = r#"{"type":"ERROR","channel":0,"error":"BAD_ACTION","message":"AUTH came on a connection that is authorized."}"#;
    let scripts: [&[(&str, &[&str])]; 8] = [
        // Asked late: nothing goes out unasked before.
        &[(SETUP, &[]), ("9", &[]), (WANTED, &["AUTH 0"]), ("4", &[]), (AUTHORIZED, &["CHANNEL_REQUEST 1"])],
        // Asked twice; the second token was not needed, and the server says so.
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (unneeded, &[]),
            (OPENED, &["FEED_SETUP 1"]),
        ],
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (AUTHORIZED, &[]),
            (OPENED, &["FEED_SETUP 1"]),
        ],
        // The token that came unasked was dropped, or taken for a wrong one.
        &[(SETUP, &[]), ("10", &["AUTH 0"]), (WANTED, &["AUTH 0"]), (AUTHORIZED, &["CHANNEL_REQUEST 1"])],
        &[
            (SETUP, &[]),
            ("10", &["AUTH 0"]),
            (WANTED, &["AUTH 0"]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
        ],
        // Asked again in the middle: the channel is requested anew.
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (OPENED, &["FEED_SETUP 1"]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 3"]),
            (OPENED, &[]),
        ],
        // Refused twice.
        &[(SETUP, &[]), (WANTED, &["AUTH 0"]), (WANTED, &["AUTH 0"]), (WANTED, &["refused"])],
        // One error about an unneeded token is expected, not a second.
        &[
            (SETUP, &[]),
            (WANTED, &["AUTH 0"]),
            (WANTED, &["AUTH 0"]),
            (AUTHORIZED, &["CHANNEL_REQUEST 1"]),
            (unneeded, &[]),
            (unneeded, &["lost"]),
        ],
    ];
    for script in scripts {
        play(&mut begun(), script);
    }
}

/// The token may be good: it is tried once more before it is given up.
#[test]
fn what_is_not_about_the_token_does_not_refuse_it() {
    let error = |code: &str, message: &str| {
        json!({"type": "ERROR", "channel": 0, "error": code, "message": message}).to_string()
    };
    let lost_session = "com.dxfeed.mdd.dxlink.auth.AuthException: Session not found: api";
    let (asked, guessed, open) =
        (&[SETUP, WANTED][..], &[SETUP][..], &[SETUP, WANTED, AUTHORIZED, OPENED][..]);
    for (script, beats, text, expected) in [
        (asked, 0, error("UNAUTHORIZED", lost_session), "perhaps refused"),
        (asked, 0, error("UNKNOWN", lost_session), "perhaps refused"),
        (open, 0, error("UNAUTHORIZED", lost_session), "perhaps refused"),
        (guessed, TOKEN_AFTER, error("UNAUTHORIZED", "not asked yet"), "perhaps refused"),
        (guessed, 0, error("UNAUTHORIZED", "who are you"), "perhaps refused"),
        (asked, 0, error("UNAUTHORIZED", "bad token"), "refused"),
        (open, 0, error("UNAUTHORIZED", "token expired"), "refused"),
    ] {
        let mut session = begun();
        script.iter().for_each(|text| drop(session.text(text)));
        (0..beats).for_each(|_| drop(session.beat()));
        assert_eq!(told(&session.text(&text)), [expected], "{text} after {script:?}");
    }
}

#[test]
fn a_greeting_that_does_not_go_on_is_given_up() {
    for (script, moment) in [
        (&[][..], "while SETUP was awaited"),
        (&[SETUP, WANTED], "while AUTHORIZED was awaited"),
        (&[SETUP, AUTHORIZED], "while CHANNEL_OPENED was awaited"),
    ] {
        let mut session = begun();
        script.iter().for_each(|text| drop(session.text(text)));
        let end = (1..=LONGEST_STEP).find_map(|_| {
            session.text(KEEPALIVE);
            session.beat().end
        });
        assert_eq!(
            end,
            Some(End::Lost(format!("nothing came of it for 5 s {moment}"))),
            "although the server lives"
        );
    }
    let mut unasked = begun();
    play(&mut unasked, &[(SETUP, &[]), ("10", &["AUTH 0"]), ("5", &["lost"])]);
}

#[test]
fn how_a_close_is_understood() {
    let mut login = begun();
    [SETUP, WANTED].iter().for_each(|text| drop(login.text(text)));
    let open = asking();
    let mut guessed = begun();
    play(&mut guessed, &[(SETUP, &[]), ("10", &["AUTH 0"])]);
    for (session, frame, expected) in [
        (&guessed, Some((1000, "")), "perhaps refused"),
        (&login, Some((1008, "Session not found")), "perhaps refused"),
        (&login, Some((1000, "")), "refused"),
        (&login, Some((1008, "bad token")), "refused"),
        (&login, Some((1001, "")), "lost"),
        (&login, Some((1011, "")), "lost"),
        (&login, None, "lost"),
        (&open, Some((1000, "bye")), "lost"),
        (&open, Some((1009, "too big")), "too large"),
        (&open, None, "lost"),
    ] {
        let step = Step { end: Some(session.closed(frame)), ..Step::default() };
        assert_eq!(told(&step), [expected], "{frame:?}");
    }
    let End::TooLarge(shown) = open.closed(Some((1009, "too big"))) else { panic!("1009 is about size") };
    assert_eq!(
        shown,
        "closed by the server with 1009 \"too big\" while the channel was open: a message is too large, the largest may be 8192 bytes"
    );
}

#[test]
fn it_subscribes_before_the_configuration_and_heeds_each_one() {
    let mut session = asking();
    let config = |fields: Value| json!({"type": "FEED_CONFIG", "channel": 1, "aggregationPeriod": 0.1, "dataFormat": "COMPACT", "eventFields": fields});
    let bids = |session: &mut Session, row: Value| -> Vec<String> {
        let step =
            session.text(&json!({"type": "FEED_DATA", "channel": 1, "data": ["Quote", row]}).to_string());
        step.quotes
            .iter()
            .map(|event| event.quote.bid.map_or("nothing".to_owned(), |bid| bid.to_string()))
            .collect()
    };
    assert_eq!(bids(&mut session, json!(["Quote", PUT, 4.1, 4.2, 1, 1, 0, 0])), ["4.10"], "none came");
    session.text(&json!({"type": "FEED_CONFIG", "channel": 1, "aggregationPeriod": 1}).to_string());
    assert_eq!(
        bids(&mut session, json!(["Quote", PUT, 4.2, 4.3, 1, 1, 0, 0])),
        ["4.20"],
        "one without fields"
    );
    session.text(&config(json!({"Quote": ["eventSymbol", "askPrice", "bidPrice"]})).to_string());
    session.text(&config(json!({"Greeks": ["eventSymbol", "volatility"]})).to_string());
    session.text(&config(json!({"Quote": []})).to_string());
    session.text(
        &json!({"type": "FEED_CONFIG", "channel": 3, "eventFields": {"Quote": ["bidPrice", "eventSymbol"]}})
            .to_string(),
    );
    assert_eq!(
        bids(&mut session, json!([PUT, 4.4, 4.3, PUT, 4.5, 4.4])),
        ["4.30", "4.40"],
        "others, none, another channel's"
    );
    assert_eq!(session.senseless(), 0);
}

#[test]
fn only_what_is_asked_for_answers() {
    let mut session = asking();
    assert!(session.text(&data(1, ".SPXW260821P5895")).quotes.is_empty());
    assert!(session.text(&data(3, PUT)).quotes.is_empty(), "another channel");
    assert_eq!(session.text(&data(1, PUT)).quotes.len(), 1);
    let step = session.rest();
    assert_eq!(step.send, [r#"{"channel":1,"reset":true,"type":"FEED_SUBSCRIPTION"}"#]);
    assert!(session.text(&data(1, PUT)).quotes.is_empty(), "nothing is asked");
    let step = session.ask(symbols(&[".A", ".B"]));
    assert!(step.asks);
    let sent: Value = serde_json::from_str(&step.send[0]).unwrap();
    assert_eq!(
        sent,
        json!({"type": "FEED_SUBSCRIPTION", "channel": 1, "reset": true, "add": [{"type": "Quote", "symbol": ".A"}, {"type": "Quote", "symbol": ".B"}]})
    );
}

#[test]
fn a_channel_that_ends_is_requested_anew_under_another_number() {
    let closed = |channel| json!({"type": "CHANNEL_CLOSED", "channel": channel}).to_string();
    let opened = |channel| json!({"type": "CHANNEL_OPENED", "channel": channel}).to_string();
    let error = |channel| {
        json!({"type": "ERROR", "channel": channel, "error": "BAD_ACTION", "message": "no"}).to_string()
    };
    let mut session = asking();
    session.text(
        r#"{"type":"FEED_CONFIG","channel":1,"eventFields":{"Quote":["eventSymbol","bidPrice","askPrice"]}}"#,
    );
    play(
        &mut session,
        &[(&closed(3), &[]), (&error(3), &[]), (&closed(1), &["CHANNEL_REQUEST 3"]), (&closed(1), &[])],
    );
    assert!(session.text(&data(1, PUT)).quotes.is_empty(), "the old channel is over");
    play(
        &mut session,
        &[
            (&opened(1), &[]),
            (&opened(3), &["FEED_SETUP 3", "FEED_SUBSCRIPTION 3"]),
            (&error(3), &["CHANNEL_CANCEL 3", "CHANNEL_REQUEST 5"]),
        ],
    );
    play(&mut session, &[(&opened(5), &["FEED_SETUP 5", "FEED_SUBSCRIPTION 5"])]);
    assert_eq!(session.text(&data(5, PUT)).quotes.len(), 1, "the layout of channel 1 went with it");
    // A quote shows that the channel works; without one, three are enough.
    play(
        &mut session,
        &[
            (&closed(5), &["CHANNEL_REQUEST 7"]),
            (&closed(7), &["CHANNEL_REQUEST 9"]),
            (&closed(9), &["CHANNEL_REQUEST 11"]),
        ],
    );
    play(&mut session, &[(&closed(11), &["lost"])]);
}

#[test]
fn an_error_about_the_connection_ends_it() {
    for (code, expected) in [
        ("TIMEOUT", "lost"),
        ("UNSUPPORTED_PROTOCOL", "lost"),
        ("BAD_ACTION", "lost"),
        ("NEWS", "lost"),
        ("UNAUTHORIZED", "refused"),
    ] {
        let text = json!({"type": "ERROR", "channel": 0, "error": code, "message": format!("your {TOKEN} is no good")}).to_string();
        let step = asking().text(&text);
        assert_eq!(told(&step), [expected], "{code}");
        let shown = format!("{:?}", step.end);
        assert!(shown.contains(code) && shown.contains("is no good") && !shown.contains(TOKEN), "{shown}");
    }
}

#[test]
fn keepalives_go_out_in_time_and_a_silent_server_is_dropped() {
    let mut session = asking();
    session.rest();
    play(&mut session, &[("30", &["KEEPALIVE 0"]), ("29", &[])]);
    let ends = session.beat();
    assert_eq!(told(&ends), ["ERROR 0", "lost"], "60 s without a word");
    assert_eq!(ends.end, Some(End::Lost("nothing was heard for 60 s".to_owned())));

    let mut session = asking();
    session.rest();
    play(&mut session, &[("20", &[])]);
    session.rest();
    play(&mut session, &[("30", &["KEEPALIVE 0"]), (KEEPALIVE, &[]), ("30", &["KEEPALIVE 0"])]);

    let mut pinged = asking();
    pinged.rest();
    play(&mut pinged, &[("30", &["KEEPALIVE 0"]), ("29", &[])]);
    pinged.heard();
    play(&mut pinged, &[("1", &["KEEPALIVE 0"]), ("29", &[])]);

    let mut hasty = asking();
    hasty.rest();
    hasty.text(&SETUP.replace("\"keepaliveTimeout\":60", "\"keepaliveTimeout\":10"));
    play(&mut hasty, &[("5", &["KEEPALIVE 0"]), ("5", &["KEEPALIVE 0"])]);
}

#[test]
fn a_feed_that_is_stuck_is_asked_again_and_then_left() {
    play(&mut asking(), &[("2", &["FEED_SUBSCRIPTION 1"]), (KEEPALIVE, &[]), ("2", &["lost"])]);
    let mut session = asking();
    play(&mut session, &[("1", &[])]);
    session.text(&data(1, PUT));
    play(&mut session, &[("10", &[])]);
}

#[test]
fn no_message_is_larger_than_the_server_takes() {
    let wanted: BTreeSet<StreamerSymbol> =
        (0..400).map(|at| format!(".SPXW260821P{at}").parse().unwrap()).collect();
    for largest in [1, 256, 1000, 8192, 100_000] {
        let (mut session, _) = Session::open(TOKEN.into(), largest);
        [SETUP, AUTHORIZED, OPENED].iter().for_each(|text| drop(session.text(text)));
        let messages: Vec<Value> = session
            .ask(wanted.clone())
            .send
            .iter()
            .map(|text| {
                assert!(largest == 1 || text.len() <= largest, "{} bytes", text.len());
                serde_json::from_str(text).unwrap()
            })
            .collect();
        let resets: Vec<_> =
            messages.iter().map(|message| message.get("reset") == Some(&Value::Bool(true))).collect();
        assert!(resets[0] && !resets[1..].contains(&true), "one question, however many messages");
        let added: Vec<_> = messages
            .iter()
            .flat_map(|message| message["add"].as_array().unwrap())
            .map(|add| add["symbol"].as_str().unwrap())
            .collect();
        assert_eq!(added, wanted.iter().map(StreamerSymbol::as_str).collect::<Vec<_>>());
    }
}
