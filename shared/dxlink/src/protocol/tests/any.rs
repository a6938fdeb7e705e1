//! Whatever the server sends.

use proptest::prelude::*;

use super::*;

/// Texts of the protocol, cut and repeated, and others that look like them.
fn texts() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        SETUP.to_owned(),
        WANTED.to_owned(),
        AUTHORIZED.to_owned(),
        OPENED.to_owned(),
        KEEPALIVE.to_owned(),
        data(1, PUT),
        data(3, PUT),
        r#"{"type":"CHANNEL_CLOSED","channel":1}"#.to_owned(),
        r#"{"type":"CHANNEL_OPENED","channel":3}"#.to_owned(),
        r#"{"type":"FEED_CONFIG","channel":1,"eventFields":{"Quote":["eventSymbol","bidPrice"]}}"#.to_owned(),
        r#"{"type":"FEED_DATA","channel":1,"data":["Quote",[".A",1,".B"],["Quote",["eventSymbol"]],[".A"],{"eventType":"Quote"}]}"#.to_owned(),
        format!(r#"{{"type":"ERROR","channel":1,"error":"BAD_ACTION","message":"{TOKEN}"}}"#),
        format!(r#"{{"type":"ERROR","channel":0,"error":"{TOKEN}","message":7}}"#),
    ]);
    prop_oneof![
        8 => known.clone(),
        2 => (known, any::<prop::sample::Index>()).prop_map(|(text, at)| text[..at.index(text.len())].to_owned()),
        1 => "\\PC{0,60}",
        1 => r#"\{"type":"FEED_DATA","channel":1,"data":[\[\]{}",:0-9NaQuote]{0,40}\}"#,
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_the_token_goes_out_in_auth_alone(script in prop::collection::vec((texts(), 0_u8..4), 0..40)) {
        let mut session = begun();
        let mut logins = 0;
        for (text, then) in script {
            let mut steps = vec![session.text(&text)];
            match then {
                0 => steps.push(session.beat()),
                1 => steps.push(session.ask(symbols(&[PUT]))),
                2 => steps.push(session.rest()),
                _ => {}
            }
            for step in steps {
                for text in &step.send {
                    let message: Value = serde_json::from_str(text).unwrap();
                    let login = message["type"] == "AUTH";
                    logins += u32::from(login);
                    prop_assert!(login || !text.contains(TOKEN), "{message}");
                    prop_assert!(message["channel"] == 0 || message["channel"].as_u64().unwrap() % 2 == 1, "{message}");
                }
                let shown = format!("{:?}", step.end);
                prop_assert!(!shown.contains(TOKEN), "{shown}");
                prop_assert!(step.quotes.iter().all(|event| event.symbol.as_str() == PUT));
            }
        }
        // Unasked once, and in answer twice.
        prop_assert!(logins <= 3);
    }
}
