use std::collections::BTreeMap;
use std::sync::LazyLock;

use gamma_accounts::profiles::{self, Account, Overrides};
use gamma_execution::run::AccountProfile;
use gamma_execution::schedule::share;
use gamma_lambda::Failure;
use gamma_strategy::constant_stable::{Snapshot, decide};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Verdict, account, signal};
use crate::promise::bounded;

/// The profile that is shipped.
pub(super) fn shipped() -> &'static AccountProfile {
    static SHIPPED: LazyLock<AccountProfile> = LazyLock::new(|| {
        profiles::load("schwab", Overrides::default()).unwrap_or_else(|failure| panic!("{failure}")).profile
    });
    &SHIPPED
}

/// The file of profiles.
pub(super) fn profile(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    judge(profiles::parse(text, "schwab", Overrides::default()), "accounts.toml")
}

/// The sizing overrides, an account's own and the one by number, over the profiles that are shipped.
pub(super) fn sizing(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    let (own, by_number) = (("/gamma/schwab/sizing", text), ("/gamma/tt/account_sizing", text));
    let own = judge(profiles::load("schwab", Overrides { sizing: Some(own), ..Overrides::default() }), "");
    let by_number = judge(
        profiles::load("tt-ira", Overrides { sizing_by_number: Some(by_number), ..Overrides::default() }),
        "",
    );
    if matches!((own, by_number), (Verdict::Refused, Verdict::Refused)) {
        Verdict::Refused
    } else {
        Verdict::Reads
    }
}

fn judge(read: Result<Account, Failure>, place: &str) -> Verdict {
    match read {
        Ok(Account { profile, .. }) => {
            useful(&profile);
            Verdict::Reads
        }
        Err(failure) => {
            assert_eq!(failure.error_type, "BadProfile");
            let text = bounded(&failure);
            let names = text.contains("accounts.toml") || text.contains("parameter /gamma/");
            assert!(names && text.contains(place), "{text}");
            Verdict::Refused
        }
    }
}

/// Decides, approves, prices and schedules with it, as a run does.
fn useful(profile: &AccountProfile) {
    // It stands in every run's report.
    let shown = serde_json::to_value((profile.strategy.raw(), &profile.execution))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        serde_json::from_value(shown).ok(),
        Some((profile.strategy.raw().clone(), profile.execution.clone())),
        "what is read, written and read again"
    );
    let held = BTreeMap::new();
    for equity in [1, 25_000, 10_000_000] {
        let snapshot = Snapshot { equity: Some(Decimal::from(equity)), positions: &held };
        if let Ok(plan) = decide(&signal::row(), snapshot, &profile.strategy) {
            let most = profile.strategy.raw().most_per_side.unwrap_or(u32::MAX);
            assert!(
                plan.sides.iter().all(|side| side.quantity() <= most && side.quantity() <= 100_000),
                "{plan:?}"
            );
        }
    }
    let execution = &profile.execution;
    account::works_orders(execution.limits(), &execution.rung_offsets);
    // Cost of a large order, as reports tell it.
    let _ = execution.cost_per_contract * Decimal::from(2 * 100_000_u32);
    let now = Timestamp::UNIX_EPOCH;
    let share =
        share(now, now + std::time::Duration::from_secs(120), execution.rung_offsets.len(), execution);
    assert!(share.rungs <= execution.rung_offsets.len(), "{share:?}");
}
