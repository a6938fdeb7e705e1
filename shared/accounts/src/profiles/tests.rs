use super::*;

const SIZING: &str = "/gamma/schwab/sizing";
const BY_NUMBER: &str = "/gamma/tt/account_sizing";

fn plain(profile: &str) -> Account {
    load(profile, Overrides::default()).unwrap()
}

fn units(profile: &str, overrides: Overrides<'_>) -> Result<String, String> {
    load(profile, overrides)
        .map(|account| account.profile.strategy.raw().unit_dollars.to_string())
        .map_err(|failure| failure.to_string())
}

#[test]
fn the_file_we_ship_is_sound_and_carries_the_reference_values() {
    let Account { broker, number, profile, sized_by, edge } = plain("schwab");
    assert_eq!(edge, EdgeSettings::default(), "equity is logged, nothing is tested");
    assert_eq!(sized_by, "accounts.toml");
    let raw = profile.strategy.raw();
    assert_eq!((broker, number), (BrokerKind::Schwab, None));
    assert_eq!(
        (raw.unit_dollars, raw.multipliers.clone(), raw.most_per_side),
        (Decimal::from(10_000), vec![2, 3, 5, 8, 10], None)
    );
    assert_eq!(raw.volatility_breaks[0].to_string(), "0.1636779");
    assert_eq!(profile.execution, ExecutionProfile::default(), "the ladder and limits are the reference's");
    assert_eq!(names(), ["schwab", "tt-individual", "tt-ira"]);
}

#[test]
fn tastytrade_accounts_differ_from_schwab_in_size_and_cost_only() {
    let schwab = plain("schwab").profile;
    for (name, number, unit_dollars) in [("tt-ira", "5WT20360", 6000), ("tt-individual", "5WT09219", 7500)] {
        let account = plain(name);
        assert_eq!((account.broker, account.number.as_deref()), (BrokerKind::Tastytrade, Some(number)));
        let mut raw = account.profile.strategy.raw().clone();
        assert_eq!((raw.unit_dollars, raw.most_per_side), (unit_dollars.into(), Some(5)));
        (raw.unit_dollars, raw.most_per_side) = (schwab.strategy.raw().unit_dollars, None);
        assert_eq!(raw, *schwab.strategy.raw());
        assert_eq!(account.profile.execution.cost_per_contract, Decimal::new(172, 2));
        let execution = ExecutionProfile {
            cost_per_contract: schwab.execution.cost_per_contract,
            ..account.profile.execution
        };
        assert_eq!(execution, schwab.execution);
    }
}

#[test]
fn sizing_may_be_overridden_and_nothing_else() {
    let load = |text| load("schwab", Overrides { sizing: Some((SIZING, text)), ..Overrides::default() });
    let raw =
        load(r#"{"unit_dollars": "7000.5", "most_per_side": 4}"#).unwrap().profile.strategy.raw().clone();
    assert_eq!((raw.unit_dollars.to_string(), raw.most_per_side), ("7000.5".into(), Some(4)));
    for (sizing, words) in [
        ("", "parameter /gamma/schwab/sizing"),
        ("7000", "parameter /gamma/schwab/sizing"),
        (r#"{"units": 2}"#, "unknown field `units`"),
        (r#"{"unit_dollars": "many"}"#, "parameter /gamma/schwab/sizing"),
        (r#"{"unit_dollars": 0}"#, "profile unit_dollars: got 0, expected dollars above zero"),
        (r#"{"most_per_side": 0}"#, "profile most_per_side: got 0"),
    ] {
        let failure = load(sizing).unwrap_err();
        assert_eq!(failure.error_type, "BadProfile");
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn one_document_sizes_accounts_by_number_and_is_never_ignored() {
    let by_number = |text| Overrides { sizing_by_number: Some((BY_NUMBER, text)), ..Overrides::default() };
    let both =
        r#"{"5WT20360": {"label": "IRA", "unit_dollars": 7000}, "5WT09219": {"unit_dollars": "8000.50"}}"#;
    assert_eq!(units("tt-ira", by_number(both)), Ok("7000".into()));
    assert_eq!(units("tt-individual", by_number(both)), Ok("8000.50".into()));
    assert_eq!(units("tt-ira", by_number("{}")), Ok("6000".into()), "an account that is not in it");
    let moved = Overrides { number: Some(" 5WT09219\n"), ..by_number(both) };
    assert_eq!(units("tt-ira", moved), Ok("8000.50".into()), "by the number that is traded");
    let own =
        Overrides { sizing: Some(("/gamma/tt-ira/sizing", r#"{"unit_dollars": 5000}"#)), ..by_number(both) };
    assert_eq!(units("tt-ira", own), Ok("5000".into()), "its own says more");
    let by = |overrides| load("tt-ira", overrides).unwrap().sized_by;
    assert_eq!([by(by_number(both)), by(own)], [BY_NUMBER, "/gamma/tt-ira/sizing"]);
    assert_eq!(
        by(by_number(r#"{"5WT2O360": {"unit_dollars": 500}}"#)),
        "accounts.toml; /gamma/tt/account_sizing does not name 5WT20360"
    );
    for (text, words) in [
        ("", "parameter /gamma/tt/account_sizing: EOF"),
        ("[]", "parameter /gamma/tt/account_sizing: invalid type: sequence"),
        (r#"{"5WT20360": 7000}"#, "invalid type: integer `7000`"),
        (r#"{"5WT20360": {"label": "IRA"}}"#, "missing field `unit_dollars`"),
        (r#"{"5WT20360": {"unit_dollars": "many"}}"#, "parameter /gamma/tt/account_sizing"),
        (r#"{"5WT20360": {"unit_dollars": 7000, "most": 1}}"#, "unknown field `most`"),
        (r#"{"5WT20360": {"unit_dollars": 0}}"#, "profile unit_dollars: got 0"),
        (r#"{"5WT20360": {"unit_dollars": -1}}"#, "profile unit_dollars: got -1"),
        // Another account's entry that does not read is a document that does not read.
        (r#"{"5WT20360": {"unit_dollars": 7000}, "5WT09219": {}}"#, "missing field `unit_dollars`"),
    ] {
        let error = units("tt-ira", by_number(text)).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn a_profile_that_cannot_be_used_names_the_field() {
    for (from, to, profile, words) in [
        ("broker = \"schwab\"", "broker = \"robinhood\"", "schwab", "robinhood"),
        ("unit_dollars = \"10000\"", "unit_dollars = \"0\"", "schwab", "profile unit_dollars: got 0"),
        (
            "multipliers = [2, 3, 5, 8, 10]",
            "multipliers = [2, 3]",
            "schwab",
            "profile multipliers: got 2 multipliers for 4 breaks",
        ),
        ("poll_seconds = 2", "pol_seconds = 2", "schwab", "pol_seconds"),
        ("window_opens = \"16:12:55\"", "window_opens = \"4pm\"", "schwab", "window_opens"),
        (
            "rung_offsets = [\"0.00\", \"0.05\", \"0.10\"]",
            "rung_offsets = []",
            "schwab",
            "profile rung_offsets",
        ),
        ("[schwab.strategy]", "[schwab.strategie]", "schwab", "strategie"),
        (
            "edge_guard = \"monitor\"",
            "edge_guard = \"on\"",
            "schwab",
            "unknown variant `on`, expected `monitor` or `enforce`",
        ),
        ("pause_days = 5", "pause_days = 0", "tt-ira", "edge pause_days: got 0, expected 1 to 366"),
        (
            "# mu1 = \"0.00035\"",
            "mu1 = \"-0.1\"",
            "schwab",
            "edge mu1: got -0.1, expected a daily return above mu0",
        ),
        (
            "# sigma = \"0.004\"",
            "sigma = \"4\"",
            "schwab",
            "edge sigma: got 4, expected a standard deviation",
        ),
        ("account_number = \"5WT20360\"\n", "", "tt-ira", "[tt-ira]: account_number: missing"),
        ("like = \"schwab\"", "like = \"schwarb\"", "tt-ira", "[tt-ira]: like: got \"schwarb\""),
        ("like = \"schwab\"", "like = \"tt-individual\"", "tt-ira", "[tt-ira]: like: got \"tt-individual\""),
        ("like = \"schwab\"\n", "", "tt-ira", "missing field"),
        ("unit_dollars = \"6000\"", "unit_dolars = \"6000\"", "tt-ira", "unit_dolars"),
    ] {
        let file = FILE.replacen(from, to, 1);
        assert_ne!(file, FILE, "{from}");
        let failure = parse(&file, profile, Overrides::default()).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
    assert!(
        parse(FILE, "tt-ira-leo", Overrides::default())
            .unwrap_err()
            .to_string()
            .contains("[tt-ira-leo]: missing")
    );
}
