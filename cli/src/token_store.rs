//! Storing a broker's token document that a person brought: under the token's lock, so that it does not cross
//! with a run's refresh.
//!
//! A run that is refreshing the old document meanwhile puts the newer one back (`gamma-execution`, tokens):
//! Schwab's is newer by its login, tastytrade's because it carries no times, as only a person stores it.

use gamma_cloud::{DynamoTokenLock, SecretName, SsmTokenStore, token_store};
use gamma_execution::ports::{PutOutcome, TokenLock as _, TokenVersion, TokenWrite};
use gamma_lambda::run_id;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::desk::World;
use crate::trouble::Trouble;

/// How long the lock is held at most, and how long it is waited for: a run holds it no longer than ten
/// seconds.
const LIFE: SignedDuration = SignedDuration::from_secs(20);
const PATIENCE: SignedDuration = SignedDuration::from_secs(12);
const PAUSE: SignedDuration = SignedDuration::from_millis(500);
/// How often a write is begun anew when others write at the same time.
const TRIES: u32 = 4;

/// Stores the document; gives the parameter's version, 0 for a secret, whose versions have names. What went
/// on beside it is noted.
pub(crate) async fn put(
    world: &World,
    name: &SecretName,
    document: &SecretString,
    notes: &mut Vec<String>,
) -> Result<i64, Trouble> {
    let owner = run_id::unique("gamma-login");
    let lock = DynamoTokenLock::new(&world.aws, &world.names.table, world.clock.clone());
    let locked = take(world, &lock, name, &owner, notes).await?;
    let written = write(world, name, document).await;
    if locked && let Err(error) = lock.release(name.as_str(), &owner).await {
        notes.push(format!("{error}; it expires by itself"));
    }
    written
}

/// Before the table is made nobody else can refresh the token either.
async fn take(
    world: &World,
    lock: &DynamoTokenLock,
    name: &SecretName,
    owner: &str,
    notes: &mut Vec<String>,
) -> Result<bool, Trouble> {
    let give_up = world.now().await? + PATIENCE;
    loop {
        let now = world.now().await?;
        match lock.take(name.as_str(), owner, now, now + LIFE).await {
            Ok(PutOutcome::Ours) => return Ok(true),
            Ok(PutOutcome::Theirs(_)) if now < give_up && !world.is_local() => {
                world.clock.sleep_until(now + PAUSE).await
            }
            Ok(PutOutcome::Theirs(holder)) => {
                notes.push(format!("stored without the token's lock, which stayed taken {holder}"));
                return Ok(false);
            }
            Err(error) => {
                notes.push(format!("stored without the token's lock ({})", error.reason));
                return Ok(false);
            }
        }
    }
}

async fn write(world: &World, name: &SecretName, document: &SecretString) -> Result<i64, Trouble> {
    let attempted = || format!("store {name}");
    if !name.is_in_secrets_manager() {
        return SsmTokenStore::new(&world.aws)
            .put(name.as_str(), document)
            .await
            .map_err(|error| Trouble::unknown(attempted(), error));
    }
    let store = token_store(&world.aws, name);
    for _ in 0..TRIES {
        let stored = store.load(name.as_str()).await.map_err(|error| Trouble::unknown(attempted(), error))?;
        match store
            .save(name.as_str(), document, &stored.version)
            .await
            .map_err(|error| Trouble::unknown(attempted(), error))?
        {
            TokenWrite::Made(TokenVersion::Count(version)) => return Ok(version),
            TokenWrite::Made(TokenVersion::Id(_)) => return Ok(0),
            TokenWrite::Conflict => {}
        }
    }
    Err(Trouble::unknown(attempted(), "others kept writing at the same time"))
}
