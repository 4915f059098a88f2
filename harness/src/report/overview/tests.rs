use super::*;
use crate::experiment::Experiment;
use crate::history::{History, sample};
use crate::report;

/// Results of the experiment with this name, with the two subjects of the sample.
fn made(dir: &Path, name: &str, histories: &[History]) {
    let mut experiment = Experiment::load(name).unwrap();
    experiment.blocks = 10;
    experiment.subject.retain(|name, _| ["baseline", "okiagari"].contains(&&**name));
    experiment.expect.retain(|name, _| experiment.subject.contains_key(name));
    report::write(&dir.join(name), &experiment, histories).unwrap();
}

/// Writes what `okiagari report` writes over this folder.
fn written(dir: &Path) -> [String; 2] {
    let all = drawn(dir).unwrap();
    let all: Vec<_> = all.iter().map(|dir| Folder::read(dir).unwrap()).collect();
    write(dir, &all).unwrap();
    [PAGE, CLAIMS].map(|name| fs::read_to_string(dir.join(name)).unwrap())
}

#[test]
fn the_overview_follows_from_the_files_and_leads_to_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    made(dir, "e2-process-shutdown", &sample::comparison(10, 64));
    made(dir, "e3-ffi-abort", &sample::comparison(10, 64));
    // Neither results without a page nor any other folder is led to.
    fs::create_dir(dir.join("notes")).unwrap();
    made(dir, "e1-availability", &sample::comparison(1, 8));
    fs::remove_file(dir.join("e1-availability").join(PAGE)).unwrap();
    let [page, claims] = written(dir);
    assert!(differing(dir).unwrap().is_empty());
    for text in [&page, &claims] {
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("src="));
    }
    let links = page.split("href=\"").skip(1).chain(claims.split("](").skip(1));
    let links: Vec<_> = links.map(|rest| rest.split(['"', ')']).next().unwrap()).collect();
    let files: Vec<_> = links.iter().filter(|l| !l.starts_with(['#', 'd'])).collect();
    assert!(files.len() > 20, "{links:?}");
    let absent = |link: &&&&str| !dir.join(link).exists();
    let absent: Vec<_> = files.iter().filter(absent).collect();
    assert!(absent.iter().all(|link| link.starts_with("e1-availability/")), "{absent:?}");
    assert!(!page.contains("e1-availability/"), "{page}");
    for name in [PAGE, CLAIMS] {
        fs::write(dir.join(name), page.replace("tiles", "tile")).unwrap();
    }
    assert_eq!(differing(dir).unwrap(), [PAGE, CLAIMS]);
}

#[test]
fn what_was_found_is_counted_from_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut all = sample::comparison(10, 64);
    made(dir, "e2-process-shutdown", &all);
    made(dir, "e3-ffi-abort", &all);
    let [page, claims] = written(dir);
    for said in [
        "okiagari delivered all 1,280 tiles right, although 40 faults struck it in 20 runs: 40 of 40 struck tiles came back",
        // 0.05^(1/40), cut off.
        "at least 92.7 % do",
        "baseline failed to deliver",
        "20 of 20 runs",
        "How sure: 10 claims were fixed before",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    // A claim about results that are not there is open, and says why.
    assert!(claims.contains("| [e1-works](#e1-works) | INCONCLUSIVE |"), "{claims}");
    assert!(claims.contains("there are no results of e1-availability"));
    assert_eq!(claims.matches("\n## ").count(), Claims::load(None).unwrap().claim.len());
    // One tile less, and it is not all.
    let struck = all.iter_mut().find(|h| h.run.subject == "okiagari" && h.run.faults).unwrap();
    struck.items[0].found_blake3 = None;
    made(dir, "e3-ffi-abort", &all);
    let [page, _] = written(dir);
    assert!(page.contains("okiagari delivered 1,279 of 1,280 tiles right"), "{page}");
}

#[test]
fn a_page_of_somebody_else_is_left_alone_and_ours_is_led_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let back = || {
        made(dir, "e3-ffi-abort", &sample::comparison(2, 16));
        let page = fs::read_to_string(dir.join("e3-ffi-abort").join(PAGE)).unwrap();
        page.contains("href=\"../index.html\"")
    };
    assert!(!back() && !is_in(dir), "there is no overview yet");
    fs::write(dir.join(PAGE), "<title>My site</title>").unwrap();
    assert!(!back(), "and that is none");
    let error = write(dir, &[]).unwrap_err().what;
    assert!(error.contains("is not a page of okiagari's and is not overwritten"), "{error}");
    fs::remove_file(dir.join(PAGE)).unwrap();
    write(dir, &[]).unwrap();
    let page = fs::read_to_string(dir.join(PAGE)).unwrap();
    assert!(page.contains("No experiment has left results here yet."), "{page}");
    assert!(back() && is_in(dir));
}
