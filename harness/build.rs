//! What the program can say of its own making: commit, compiler, profile, features. In a tarball there is no commit.
//!
//! The commit is asked for here and not when the program runs: whoever installed it may have no source, or another one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program is made of. Changes elsewhere, of a test or a text, do not make it another.
const SOURCES: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "harness/Cargo.toml",
    "harness/build.rs",
    "harness/src",
    "pipelines/Cargo.toml",
    "pipelines/build.rs",
    "pipelines/src",
    "pipelines/native",
    "experiments",
];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = root.parent().unwrap_or(&root);
    // Any change of these builds the program anew anyway, so asking git once more costs little.
    for source in SOURCES.iter().map(|s| root.join(s)).filter(|s| s.exists()) {
        println!("cargo:rerun-if-changed={}", source.display());
    }
    let (commit, dirty) = commit(root).unwrap_or_default();
    let features = env::vars().filter_map(|(k, _)| k.strip_prefix("CARGO_FEATURE_").map(name));
    let features: Vec<_> = features.collect();
    let variable = |name: &str| env::var(name).unwrap_or_default();
    for (name, value) in [
        ("COMMIT", commit),
        ("DIRTY", dirty),
        ("RUSTC", rustc().unwrap_or_default()),
        ("PROFILE", format!("{}, opt-level {}", variable("PROFILE"), variable("OPT_LEVEL"))),
        ("TARGET", variable("TARGET")),
        ("FEATURES", features.join(" ")),
    ] {
        println!("cargo:rustc-env=OKIAGARI_{name}={value}");
    }
}

/// A feature's name as it is written in a manifest.
fn name(variable: &str) -> String {
    variable.to_lowercase().replace('_', "-")
}

/// The commit, and whether the sources differ from it; `None` if this is no working copy of its own.
fn commit(root: &Path) -> Option<(String, String)> {
    let git = |arguments: &[&str]| said(Command::new("git").arg("-C").arg(root).args(arguments));
    // A tarball may have been unpacked within the working copy of something else.
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    // Both exist only in a working copy; a path that does not exist would build the program anew each time.
    for name in ["HEAD", "logs/HEAD"] {
        let path = root.join(git(&["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(SOURCES);
    let dirty = !git(&status)?.is_empty();
    Some((git(&["rev-parse", "HEAD"])?, dirty.to_string()))
}

fn rustc() -> Option<String> {
    said(Command::new(env::var_os("RUSTC")?).arg("--version"))
}

/// What a command prints if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
