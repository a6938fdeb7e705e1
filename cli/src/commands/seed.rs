//! `gamma seed`

use std::collections::BTreeMap;

use clap::Args;
use gamma_accounts::BrokerKind;
use gamma_cloud::{Parameters, SsmTokenStore};
use gamma_execution::ports::TokenStore as _;
use gamma_execution::tokens::TokenAge;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::desk::{Desk, World};
use crate::output::table;
use crate::prompt;
use crate::slots::{Kind, Slot, slots};
use crate::token_store;
use crate::trouble::{End, Ended, Trouble};

/// Writes what the functions read from Parameter Store: asks for each at the terminal (nothing is shown), or
/// takes them from files and the environment. Each is looked at with the functions' own readers before it is
/// stored.
#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// A parameter's value out of a file: --from-file /gamma/shared/google_sa_json=key.json
    #[arg(long, value_name = "NAME=PATH", value_parser = pair)]
    from_file: Vec<(String, String)>,
    /// A parameter's value out of a variable of the environment
    #[arg(long, value_name = "NAME=VARIABLE", value_parser = pair)]
    from_env: Vec<(String, String)>,
    /// Replace what is there already, without asking
    #[arg(long)]
    overwrite: bool,
    /// Only say what is there and what is missing
    #[arg(long, conflicts_with_all = ["from_file", "from_env", "overwrite"])]
    list: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, from)| !name.is_empty() && !from.is_empty());
    parts
        .map(|(name, from)| (name.to_owned(), from.to_owned()))
        .ok_or_else(|| "expected NAME=, and where its value comes from".to_owned())
}

/// What is known of each, and what became of it.
struct Standing<'a> {
    slot: &'a Slot,
    version: Option<i64>,
    written: bool,
}

impl Seed {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let slots = slots(world).await?;
        let store = Parameters::new(&world.aws);
        let in_parameters: Vec<&Slot> =
            slots.iter().filter(|slot| !slot.name.is_in_secrets_manager()).collect();
        let names: Vec<&str> = in_parameters.iter().map(|slot| slot.name.as_str()).collect();
        let existing = store.existing(&names).await.map_err(|error| world.of_call(&error))?;
        let given = self.given(&in_parameters)?;
        let asks = prompt::is_interactive() && !self.list && !desk.output.is_json();
        if !asks && !self.list {
            self.refuse_unless_whole(&in_parameters, &existing, &given)?;
        }
        let mut standing = Vec::new();
        for slot in in_parameters {
            let version = existing.get(slot.name.as_str()).copied();
            let value = match given.get(slot.name.as_str()) {
                Some(value)
                    if version.is_none()
                        || self.overwrite
                        || prompt::yes(&format!(
                            "{} is there (version {}). Replace it?",
                            slot.name,
                            version.unwrap_or_default()
                        ))? =>
                {
                    Some(value.clone())
                }
                Some(_) => None,
                None if asks => asked(slot, version)?,
                None => None,
            };
            let now = match value {
                Some(value) => Some(self.write(desk, &store, slot, &value).await?),
                None => None,
            };
            standing.push(Standing { slot, version: now.or(version), written: now.is_some() });
        }
        let complete = standing.iter().all(|one| one.version.is_some() || one.slot.optional);
        desk.output.answer(&shown(&standing), || told(&standing, &slots));
        Ok(if complete { End::Done } else { End::No })
    }

    /// The values that were named, read and looked at.
    fn given(&self, slots: &[&Slot]) -> Result<BTreeMap<String, SecretString>, Trouble> {
        let mut given = BTreeMap::new();
        let files = self.from_file.iter().map(|(name, path)| {
            (name, path, std::fs::read_to_string(path).map_err(|error| error.to_string()))
        });
        let variables = self.from_env.iter().map(|(name, variable)| {
            (name, variable, std::env::var(variable).map_err(|error| error.to_string()))
        });
        for (name, from, value) in files.chain(variables) {
            let attempted = || format!("take {name} from {from}");
            let Some(slot) = slots.iter().find(|slot| slot.name.as_str() == name) else {
                let known = slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Trouble::no(
                    attempted(),
                    format!("no function reads a parameter of this name, expected one of {known}"),
                ));
            };
            let value = value.map_err(|came| Trouble::no(attempted(), came))?;
            // What an editor or `echo` leaves behind.
            let value = SecretString::from(value.trim_end_matches(['\n', '\r']));
            slot.check(&value)
                .map_err(|came| Trouble::no(attempted(), format!("{came}; nothing was written")))?;
            given.insert(name.clone(), value);
        }
        Ok(given)
    }

    /// With nobody there to ask, everything is said at once or nothing is written.
    fn refuse_unless_whole(
        &self,
        slots: &[&Slot],
        existing: &BTreeMap<String, i64>,
        given: &BTreeMap<String, SecretString>,
    ) -> Result<(), Trouble> {
        let is_needed = |slot: &&&Slot| !slot.optional && !matches!(slot.kind, Kind::Token(_));
        let missing = slots
            .iter()
            .filter(is_needed)
            .map(|slot| slot.name.as_str())
            .filter(|name| !existing.contains_key(*name) && !given.contains_key(*name));
        let missing: Vec<&str> = missing.collect();
        if !missing.is_empty() {
            let trouble = Trouble::no(
                "seed without a terminal",
                format!("no value for {}; nothing was written", missing.join(", ")),
            );
            return Err(trouble.next("give each with --from-file NAME=PATH or --from-env NAME=VARIABLE, or call gamma seed at a terminal"));
        }
        let taken: Vec<&str> =
            given.keys().map(String::as_str).filter(|name| existing.contains_key(*name)).collect();
        if !taken.is_empty() && !self.overwrite {
            let trouble = Trouble::no(
                "seed without a terminal",
                format!("there already: {}; nothing was written", taken.join(", ")),
            );
            return Err(trouble.next("--overwrite replaces them"));
        }
        Ok(())
    }

    async fn write(
        &self,
        desk: &Desk,
        store: &Parameters,
        slot: &Slot,
        value: &SecretString,
    ) -> Result<i64, Trouble> {
        let world = desk.world().await?;
        if let Kind::Token(broker) = slot.kind {
            refuse_older(world, slot, broker, value).await?;
            let mut notes = Vec::new();
            let version = token_store::put(world, &slot.name, value, &mut notes).await?;
            notes.iter().for_each(|note| desk.output.progress(&format!("{}: {note}", slot.name)));
            return Ok(version);
        }
        store.put(slot.name.as_str(), value, true).await.map_err(|error| world.of_call(&error))
    }
}

/// A document of an earlier login over a later one would end trading until somebody logs in. One without
/// times is as a person has it from the broker, and counts as new.
async fn refuse_older(
    world: &World,
    slot: &Slot,
    broker: BrokerKind,
    given: &SecretString,
) -> Result<(), Trouble> {
    let Ok(stored) = SsmTokenStore::new(&world.aws).load(slot.name.as_str()).await else { return Ok(()) };
    let age = broker.facts().token_age;
    match (age(given), age(&stored.text)) {
        (Some(given), Some(stored)) if given != TokenAge::UNDATED && given < stored => {
            let trouble = Trouble::no(
                format!("write {}", slot.name),
                "the stored document is of a later login or refresh; it was left alone",
            );
            Err(trouble.next("leave it out; `gamma login` makes a new one"))
        }
        _ => Ok(()),
    }
}

/// What the person says; `None` to leave it.
fn asked(slot: &Slot, version: Option<i64>) -> Result<Option<SecretString>, Trouble> {
    let standing = match (version, slot.optional) {
        (Some(version), _) => format!("there, version {version}"),
        (None, true) => "not there, optional".to_owned(),
        (None, false) => "NOT THERE".to_owned(),
    };
    let question = format!("\n{} ({standing})\n  {}\n ", slot.name, slot.about);
    if version.is_some() && !prompt::yes(&format!("{question} Replace it?"))? {
        return Ok(None);
    }
    loop {
        let question = if version.is_some() { "  Value" } else { &format!("{question} Value") };
        let typed = prompt::hidden(&format!("{question}, or @ and a file's path; empty leaves it"))?;
        let text = typed.expose_secret().trim();
        if text.is_empty() {
            return Ok(None);
        }
        let value = match text.strip_prefix('@').map(std::fs::read_to_string) {
            None => Ok(SecretString::from(text)),
            Some(read) => {
                read.map(|text| SecretString::from(text.trim_end())).map_err(|error| error.to_string())
            }
        };
        match value.and_then(|value| slot.check(&value).map(|()| value)) {
            Ok(value) => return Ok(Some(value)),
            Err(why) => crate::output::print(&format!("  {}: {why}", slot.name)),
        }
    }
}

fn shown(standing: &[Standing<'_>]) -> Value {
    let one = |one: &Standing<'_>| {
        let Standing { slot, version, written } = one;
        json!({ "name": slot.name.as_str(), "about": slot.about, "optional": slot.optional, "version": version, "written": written, "readers": slot.readers })
    };
    json!({ "parameters": standing.iter().map(one).collect::<Vec<_>>() })
}

fn told(standing: &[Standing<'_>], slots: &[Slot]) -> String {
    let rows = standing.iter().map(|one| {
        let state = match (one.written, one.version, one.slot.optional) {
            (true, Some(version), _) => format!("written, version {version}"),
            (_, Some(version), _) => format!("there, version {version}"),
            (_, None, true) => "not there (optional)".to_owned(),
            (_, None, false) => "MISSING".to_owned(),
        };
        [one.slot.name.to_string(), state, one.slot.about.to_owned()]
    });
    let mut text = table(["parameter", "state", "what"], rows);
    for slot in slots.iter().filter(|slot| slot.name.is_in_secrets_manager()) {
        text += &format!("\n{}: write it with `aws secretsmanager put-secret-value`", slot.name);
    }
    let logins = BrokerKind::ALL.map(|broker| format!("`gamma login {}`", broker.facts().name)).join(" and ");
    format!("{text}\n\n{logins} write the token documents; `gamma check` looks at everything.")
}
