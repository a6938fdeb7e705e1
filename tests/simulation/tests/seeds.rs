//! Seeds that once violated something are played for ever.

use std::fs;
use std::path::{Path, PathBuf};

use gamma_simulation::play::play;
use gamma_simulation::scenario::Scenario;
use gamma_simulation::trial::trial;

/// Seeds of a folder, each with what it once found.
fn seeds(folder: &str) -> Vec<(u64, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let of = |path: PathBuf| {
        let seed = path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap_or_else(|_| panic!("{}: expected <seed>.txt", path.display()));
        (seed, fs::read_to_string(&path).unwrap())
    };
    files.map(of).collect()
}

fn hold(folder: &str, day: fn(u64) -> Scenario) {
    let seeds = seeds(folder);
    assert!(!seeds.is_empty(), "the folder of seeds was read");
    for (seed, found) in seeds {
        assert_eq!(trial(day(seed)).violations, Vec::<String>::new(), "seed {seed}: {found}");
    }
}

#[test]
fn seeds_that_once_failed_hold() {
    hold("../seeds", Scenario::kind);
}

#[test]
fn seeds_of_brokers_that_lie_hold() {
    hold("../seeds/unkind", Scenario::unkind);
}

#[test]
fn a_seed_plays_the_same_every_time() {
    for seed in [11, 12, 40] {
        for day in [Scenario::kind, Scenario::unkind] {
            let (one, two) = (play(&day(seed), true), play(&day(seed), true));
            assert!(one.story.len() > 20, "seed {seed} has a story");
            assert_eq!(one.story, two.story, "seed {seed}");
        }
    }
}
