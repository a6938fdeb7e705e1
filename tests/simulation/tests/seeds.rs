//! Seeds that once violated something are played for ever.

use std::fs;
use std::path::Path;

use gamma_simulation::play::play;
use gamma_simulation::scenario::Scenario;
use gamma_simulation::trial::trial;

#[test]
fn seeds_that_once_failed_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    let mut played = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let seed: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap_or_else(|_| panic!("{}: expected <seed>.txt", path.display()));
        assert_eq!(trial(seed).violations, Vec::<String>::new(), "seed {seed}: {}", fs::read_to_string(&path).unwrap());
        played += 1;
    }
    assert!(played > 0, "the folder of seeds was read");
}

#[test]
fn a_seed_plays_the_same_every_time() {
    for seed in [11, 12, 40] {
        let (one, two) = (play(&Scenario::of(seed), true), play(&Scenario::of(seed), true));
        assert!(one.story.len() > 20, "seed {seed} has a story");
        assert_eq!(one.story, two.story, "seed {seed}");
    }
}
