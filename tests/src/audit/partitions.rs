//! Whether anything of one account stands where another's belongs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An account of the table.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Its name: what its partitions begin with.
    pub account: String,
    /// The parameter of its token document, which other accounts of its login share.
    pub token: String,
    /// Words that are its alone: its name and number, its order ids, the ids of its invocations.
    pub marks: Vec<String>,
}

/// Every item (as DynamoDB shows it) that carries a mark of another account than its own or stands under
/// nobody's key, and every account without a partition. Empty when all is well.
#[must_use]
pub fn strangers(items: &[Value], owners: &[Owner]) -> Vec<String> {
    let mut of_mark: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, owner) in owners.iter().enumerate() {
        for mark in &owner.marks {
            of_mark.entry(mark).or_default().insert(at);
        }
    }
    let shared = of_mark
        .iter()
        .filter(|(_, owners)| owners.len() > 1)
        .map(|(mark, _)| format!("{mark:?} belongs to several accounts"));
    let mut found: Vec<String> = shared.collect();
    let mut seen = BTreeSet::new();
    for item in items {
        let key = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        let (place, residents) = (format!("{}/{}", key("pk"), key("sk")), residents(key("pk"), owners));
        if residents.is_empty() {
            found.push(format!("{place}: the key is no account's"));
        }
        let text = item.to_string();
        let strangers: BTreeSet<&str> = words(&text)
            .filter(|word| of_mark.get(word).is_some_and(|owners| owners.is_disjoint(&residents)))
            .collect();
        found.extend(strangers.into_iter().map(|mark| format!("{place}: {mark:?} is another account's")));
        if !key("pk").starts_with("control#") && !key("pk").starts_with("token#") {
            seen.extend(residents);
        }
    }
    found.extend(
        owners
            .iter()
            .enumerate()
            .filter(|(at, _)| !seen.contains(at))
            .map(|(_, owner)| format!("{}: nothing stands in its partition", owner.account)),
    );
    found
}

/// Whose a partition is.
fn residents(partition: &str, owners: &[Owner]) -> BTreeSet<usize> {
    let (first, rest) = partition.split_once('#').unwrap_or((partition, ""));
    let lives = |owner: &Owner| match first {
        "control" => rest == owner.account,
        "token" => rest == owner.token,
        account => account == owner.account,
    };
    owners.iter().enumerate().filter(|(_, owner)| lives(owner)).map(|(at, _)| at).collect()
}

/// Everything in a text that could be a name or an id.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owner(account: &str, order: &str) -> Owner {
        Owner { account: account.into(), token: "/t".into(), marks: vec![account.into(), order.into()] }
    }

    fn item(partition: &str, text: &str) -> Value {
        json!({ "pk": { "S": partition }, "sk": { "S": "run#1" }, "report": { "M": { "detail": { "S": text } } } })
    }

    #[test]
    fn a_mark_in_another_accounts_partition_is_found() {
        let owners = [owner("schwab-001", "1005600"), owner("schwab-002", "1005700")];
        let own = [
            item("schwab-001#2025-09-03", "order 1005600 filled"),
            item("schwab-002#2025-09-03", "1005700"),
            item("token#/t", "1005600"),
        ];
        assert_eq!(strangers(&own, &owners), Vec::<String>::new());
        for (stranger, words) in [
            (
                item("schwab-001#2025-09-03", "order 1005700 filled"),
                "schwab-001#2025-09-03/run#1: \"1005700\" is another account's",
            ),
            (
                item("control#schwab-002", "schwab-001"),
                "control#schwab-002/run#1: \"schwab-001\" is another account's",
            ),
            (item("schwab-003#2025-09-03", ""), "schwab-003#2025-09-03/run#1: the key is no account's"),
            (item("token#/other", ""), "token#/other/run#1: the key is no account's"),
        ] {
            let items = own.iter().cloned().chain([stranger]).collect::<Vec<_>>();
            assert_eq!(strangers(&items, &owners), [words]);
        }
        assert_eq!(strangers(&own[..1], &owners), ["schwab-002: nothing stands in its partition"]);
        let twins = [owner("schwab-001", "1005600"), owner("schwab-001", "1005600")];
        assert_eq!(
            strangers(&own[..1], &twins),
            ["\"1005600\" belongs to several accounts", "\"schwab-001\" belongs to several accounts"]
        );
    }
}
