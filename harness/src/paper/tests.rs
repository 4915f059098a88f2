use super::typst::{MISSING, Typst};
use super::{Contents, FACTS, MAIN, stage};
use crate::claim::Claims;
use crate::experiment::Experiment;
use pipelines::message::Blame;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference")
}

/// The reference results, laid out once: to judge all claims takes a while.
static STAGE: LazyLock<(TempDir, Contents)> = LazyLock::new(|| {
    let to = tempfile::tempdir().unwrap();
    let contents = stage(&reference(), &Claims::load(None).unwrap(), true, to.path()).unwrap();
    (to, contents)
});

/// A copy of it, to be changed.
fn copy_of(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_of(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Typst, or nothing where it need not be there.
fn typst() -> Option<Typst> {
    let typst = Typst::find();
    if typst.is_none() {
        let required = std::env::var_os("OKIAGARI_TYPST").is_some_and(|v| v == "required");
        assert!(!required, "{MISSING}");
        eprintln!("the paper is not built here: {MISSING}");
    }
    typst
}

/// The reference results without some of their folders.
fn without(missing: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(reference()).unwrap().map(Result::unwrap) {
        if !missing.iter().any(|name| entry.file_name() == **name) {
            std::os::unix::fs::symlink(
                entry.path().canonicalize().unwrap(),
                dir.path().join(entry.file_name()),
            )
            .unwrap();
        }
    }
    dir
}

#[test]
fn all_that_the_paper_reads_is_laid_out_and_nothing_large() {
    let (to, contents) = &*STAGE;
    for name in ["e1-availability", "e2-process-shutdown", "e3-ffi-abort", "e4-speed", "e5-memory"]
    {
        assert!(contents.told.contains(&name), "{name}");
    }
    let known = Experiment::embedded().len();
    assert_eq!(contents.told.len() + contents.missing.len(), known);
    assert!(to.path().join(MAIN).is_file());
    let facts = fs::read_to_string(to.path().join(FACTS)).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let files: Vec<_> =
        facts["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    assert!(
        files.contains(&"e3-ffi-abort/measures.csv")
            && files.contains(&"e3-ffi-abort/recovery.svg")
    );
    for file in files {
        let path = to.path().join("results").join(file);
        assert!(path.is_file(), "{file}");
        assert!(!file.contains("events") && !file.contains("items"), "{file}");
        let svg = file.ends_with(".svg").then(|| fs::read_to_string(path).unwrap());
        assert!(svg.is_none_or(|svg| !svg.contains("sans-serif")), "{file}");
    }
    assert!(facts["claims"].as_array().unwrap().iter().any(|c| c["id"] == "e3-coverage"));
    assert_eq!(facts["questions"].as_object().unwrap().len(), known);
}

#[test]
fn a_folder_without_results_makes_no_paper() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refusal = stage(from.path(), &Claims::load(None).unwrap(), false, to.path()).unwrap_err();
    assert_eq!(refusal.blame, Blame::Input);
    assert!(refusal.what.contains("okiagari reproduce"), "{}", refusal.what);
}

#[test]
fn the_paper_of_the_reference_results_lacks_no_number_and_is_the_same_twice() {
    let Some(typst) = typst() else { return };
    let pdf = typst.set(STAGE.0.path()).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 50_000, "{} bytes", pdf.len());
    assert!(pdf == typst.set(STAGE.0.path()).unwrap(), "the same results make another paper");
}

#[test]
fn a_paper_can_be_built_of_a_part_of_the_experiments() {
    let Some(typst) = typst() else { return };
    let all: Vec<_> = Experiment::embedded().iter().map(|(name, _)| *name).collect();
    for kept in ["e3-ffi-abort", "e4-speed"] {
        let missing: Vec<_> = all.iter().copied().filter(|name| *name != kept).collect();
        let (from, to) = (without(&missing), tempfile::tempdir().unwrap());
        let contents = stage(from.path(), &Claims::load(None).unwrap(), true, to.path()).unwrap();
        assert_eq!((contents.told, contents.missing.len()), (vec![kept], all.len() - 1));
        assert!(typst.set(to.path()).unwrap().starts_with(b"%PDF-"));
    }
}

#[test]
fn a_number_that_is_not_there_is_a_dash_or_an_error_as_asked_for() {
    let Some(typst) = typst() else { return };
    let build = |complete| {
        let to = tempfile::tempdir().unwrap();
        copy_of(STAGE.0.path(), to.path());
        let facts = fs::read_to_string(to.path().join(FACTS)).unwrap();
        let given = "\"complete\":true";
        assert!(facts.contains(given));
        let facts = facts.replace(given, &format!("\"complete\":{complete}"));
        fs::write(to.path().join(FACTS), facts).unwrap();
        let file = to.path().join("results/e3-ffi-abort/measures.csv");
        let text = fs::read_to_string(&file).unwrap();
        let kept = text.lines().filter(|l| !l.contains(",okiagari,true,recovery_net,"));
        let kept: Vec<_> = kept.collect();
        assert_eq!(kept.len(), text.lines().count() - 1);
        fs::write(&file, kept.join("\n")).unwrap();
        typst.set(to.path())
    };
    assert!(build(false).unwrap().starts_with(b"%PDF-"));
    let refusal = build(true).unwrap_err();
    let expected = "the results lack recovery_net of okiagari in e3-ffi-abort";
    assert_eq!(refusal.blame, Blame::Input);
    assert_eq!(refusal.what.trim_end_matches('"'), expected);
}
