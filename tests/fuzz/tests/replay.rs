//! Every kept text, and thousands derived from it, held to the promise. The seed is fixed: a failure is the
//! same on every machine.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gamma_fuzz::{TARGETS, Target, Verdict};
use mutation::Mutator;

mod mutation;

/// How many texts are derived from each kept one, unless `GAMMA_FUZZ_MUTATIONS` says otherwise.
const MUTATIONS: usize = 250;

/// A kept text: its file is called `reads__…` or `refused__…`, whichever the reader must say.
struct Kept {
    path: PathBuf,
    text: Vec<u8>,
}

fn corpus(target: &Target) -> Vec<Kept> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut kept: Vec<Kept> = files
        .map(|file| file.unwrap().path())
        .map(|path| Kept { text: fs::read(&path).unwrap(), path })
        .collect();
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    kept
}

/// What the reader says; a broken promise is told with the text that broke it, which is left in a file.
fn say(target: &Target, text: &[u8], from: &Path) -> Result<Verdict, String> {
    catch_unwind(AssertUnwindSafe(|| target.run(text))).map_err(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{}", target.name));
        fs::write(&left, text).unwrap();
        format!(
            "{} broke its promise: {why}\ntext of {} bytes, from {}, is in {}",
            target.name,
            text.len(),
            from.display(),
            left.display()
        )
    })
}

#[test]
fn every_kept_text_is_read_or_refused_as_its_name_says() {
    let mut wrong = Vec::new();
    for target in &TARGETS {
        let kept = corpus(target);
        let mut said: Vec<Verdict> = Vec::new();
        for Kept { path, text } in &kept {
            let name = path.file_name().unwrap().to_string_lossy();
            let expected = match name.split_once("__") {
                Some(("reads", _)) => Verdict::Reads,
                Some(("refused", _)) => Verdict::Refused,
                _ => panic!("{}: the name of a kept text begins with reads__ or refused__", path.display()),
            };
            match say(target, text, path) {
                Ok(verdict) if verdict == expected => {}
                Ok(verdict) => wrong.push(format!("{} {name}: got {verdict:?}", target.name)),
                Err(broken) => wrong.push(broken),
            }
            said.push(expected);
        }
        let both = target.name.ends_with("error_body") || said.contains(&Verdict::Refused);
        assert!(
            kept.len() >= 20 && said.contains(&Verdict::Reads) && both,
            "{}: a corpus holds two dozen texts, good and bad",
            target.name
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_corpus_is_without_a_target() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    for folder in folders {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "{name}");
    }
}

/// The fuzzer's own crate is built elsewhere, so nothing else would miss a target there.
#[test]
fn the_fuzzer_knows_every_target() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer");
    let manifest = fs::read_to_string(top.join("Cargo.toml")).unwrap();
    for target in &TARGETS {
        let program = fs::read_to_string(top.join(format!("fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(
            program.contains(&format!("run(\"{}\", data)", target.name))
                && manifest.contains(&format!("name = \"{}\"", target.name)),
            "{}",
            target.name
        );
    }
    assert_eq!(fs::read_dir(top.join("fuzz_targets")).unwrap().count(), TARGETS.len());
}

/// Two halves, so that two cores share them.
fn derived(half: usize) {
    let mutations = std::env::var("GAMMA_FUZZ_MUTATIONS")
        .map_or(MUTATIONS, |text| text.parse().expect("GAMMA_FUZZ_MUTATIONS: a number"));
    let (mut broken, mut reads) = (Vec::new(), 0);
    for target in TARGETS.iter().skip(half).step_by(2) {
        let kept = corpus(target);
        let texts: Vec<&[u8]> = kept.iter().map(|kept| kept.text.as_slice()).collect();
        let mut mutator = Mutator::new(target.name, &texts);
        let all = kept.iter().flat_map(|kept| std::iter::repeat_n(kept, mutations));
        let first = all.map(|Kept { path, text }| say(target, &mutator.derive(text), path)).find_map(
            |said| match said {
                Ok(verdict) => {
                    reads += usize::from(verdict == Verdict::Reads);
                    None
                }
                Err(broken) => Some(broken),
            },
        );
        broken.extend(first);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    assert!(reads > mutations, "mutations that nothing reads prove little: {reads}");
}

#[test]
fn texts_derived_from_the_kept_ones_keep_the_promise() {
    derived(0);
}

#[test]
fn texts_derived_from_the_kept_ones_keep_the_promise_too() {
    derived(1);
}
