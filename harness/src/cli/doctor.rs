//! `okiagari doctor`: what is missing on this machine, what goes without it, and what to do.

use super::{Exit, say};
use pipelines::isolation::sandbox;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The first kernel with `futex_waitv`, by which lanes wait for workers.
const KERNEL_MIN: (u32, u32) = (5, 16);
/// Room that `/dev/shm` should have for the tiles of trials, in bytes.
const SHM_BYTES_MIN: u64 = 1 << 30;
/// Above this load for each core, times are those of the machine's other work.
const LOAD_MAX: f64 = 0.5;

/// What was found on the machine.
struct Machine {
    /// `uname -r`.
    kernel: String,
    cores: usize,
    /// Bytes free in `/dev/shm`; `None` if nothing can be written there.
    shm_bytes: Option<u64>,
    /// Runnable processes in the last minute, in the mean.
    load: Option<f64>,
    landlock: bool,
    user_namespaces: bool,
    cgroup: bool,
    compiler: bool,
    pillow: bool,
    typst: bool,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// It is as it should be.
    Fine,
    /// Something optional goes without it.
    Missing,
    /// Nothing that is isolated works.
    Grave,
}

struct Finding {
    weight: Weight,
    what: String,
    /// What goes wrong and what to do; empty if all is well.
    remedy: &'static str,
}

pub(super) fn run() -> anyhow::Result<Exit> {
    let findings = findings(&Machine::look());
    say(&text(&findings));
    let grave = findings.iter().any(|f| f.weight == Weight::Grave);
    Ok(if grave { Exit::Bad } else { Exit::Good })
}

fn findings(m: &Machine) -> Vec<Finding> {
    use Weight::{Fine, Grave, Missing};
    let mut all = vec![];
    let mut add = |good: bool, bad: Weight, what: String, remedy: &'static str| {
        let (weight, remedy) = if good { (Fine, "") } else { (bad, remedy) };
        all.push(Finding { weight, what, remedy });
    };
    add(
        version(&m.kernel).is_none_or(|v| v >= KERNEL_MIN),
        Grave,
        format!("kernel {}", m.kernel),
        "isolated workers need Linux 5.16 or later (futex_waitv)",
    );
    let cores = format!("{} {}", m.cores, if m.cores == 1 { "core" } else { "cores" });
    add(m.cores >= 2, Missing, cores, "with one core a recovery waits for everybody's time slice");
    let room = m.shm_bytes.map_or("no".into(), |b| format!("{} MiB of", b >> 20));
    add(
        m.shm_bytes.is_some_and(|b| b >= SHM_BYTES_MIN),
        Missing,
        format!("{room} room in /dev/shm"),
        "tiles of trials then go to the temporary folder, and the disk's mood is measured too",
    );
    let load = m.load.map_or("load unknown".into(), |l| format!("load {l:.2}"));
    add(
        m.load.is_some_and(|l| l <= LOAD_MAX * m.cores as f64),
        Missing,
        load,
        "other work on this machine shows in all times: wait until it is over, or read ratios only",
    );
    for (there, what, remedy) in [
        (m.landlock, "Landlock", "--sandbox is refused without it: boot with lsm=landlock,…"),
        (
            m.user_namespaces,
            "user namespaces",
            "a full disk cannot be made without them: set user.max_user_namespaces above 0",
        ),
        (
            m.cgroup,
            "a cgroup of one's own",
            "workers are limited by RLIMIT_DATA alone; systemd-run --user --scope -p Delegate=yes gives one",
        ),
        (
            m.compiler,
            "a C compiler",
            "one's own filters and subjects in C cannot be built: install gcc",
        ),
        (m.pillow, "Python 3 with Pillow", "subjects in Python cannot run: install python3-pil"),
        (
            m.typst,
            "Typst",
            "the paper cannot be built: install typst, or the PyPI package of that name",
        ),
    ] {
        add(there, Missing, what.to_owned(), remedy);
    }
    all
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { weight, what, remedy } in findings {
        let mark = match weight {
            Weight::Fine => "ok",
            Weight::Missing => "--",
            Weight::Grave => "NO",
        };
        writeln!(text, "{mark}  {what}").ok();
        if !remedy.is_empty() {
            writeln!(text, "      {remedy}").ok();
        }
    }
    let missing = findings.iter().filter(|f| f.weight != Weight::Fine).count();
    text += match missing {
        0 => "\nNothing is missing.\n",
        _ => "\n-- goes without, NO does not work at all.\n",
    };
    text
}

impl Machine {
    fn look() -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let kernel = rustix::system::uname();
        Self {
            kernel: kernel.release().to_string_lossy().into_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            shm_bytes: tempfile::tempfile_in("/dev/shm")
                .and_then(|_| Ok(rustix::fs::statvfs("/dev/shm")?))
                .map(|s| s.f_bavail * s.f_frsize)
                .ok(),
            load: file("/proc/loadavg").split_whitespace().next().and_then(|l| l.parse().ok()),
            landlock: sandbox::is_available(),
            user_namespaces: runs("unshare", &["--user", "--map-root-user", "true"]),
            cgroup: own_cgroup(&file("/proc/self/cgroup")),
            compiler: runs("cc", &["--version"]),
            pillow: runs("python3", &["-c", "import PIL"]),
            typst: crate::paper::typst::Typst::find().is_some(),
        }
    }
}

/// Whether this process may make groups below its own in cgroup v2.
fn own_cgroup(memberships: &str) -> bool {
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::/"));
    own.is_some_and(|own| {
        let folder = Path::new("/sys/fs/cgroup").join(own);
        let writable = rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).is_ok();
        writable && folder.join("cgroup.subtree_control").exists()
    })
}

fn runs(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    let command = command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Machine {
        Machine {
            kernel: "6.18.0-generic".into(),
            cores: 2,
            shm_bytes: Some(SHM_BYTES_MIN),
            load: Some(0.2),
            landlock: true,
            user_namespaces: true,
            cgroup: true,
            compiler: true,
            pillow: true,
            typst: true,
        }
    }

    #[test]
    fn what_is_missing_is_said_with_a_remedy_and_nothing_else_is() {
        let none = findings(&whole());
        assert!(none.iter().all(|f| f.weight == Weight::Fine && f.remedy.is_empty()));
        assert!(text(&none).ends_with("Nothing is missing.\n"));
        type Spoil = fn(&mut Machine);
        let spoilt: [(Spoil, Weight, &str); 6] = [
            (|m| m.kernel = "5.15.9".into(), Weight::Grave, "kernel 5.15.9"),
            (|m| m.shm_bytes = None, Weight::Missing, "no room in /dev/shm"),
            (|m| m.shm_bytes = Some(1 << 20), Weight::Missing, "1 MiB of room in /dev/shm"),
            (|m| m.load = Some(1.5), Weight::Missing, "load 1.50"),
            (|m| m.pillow = false, Weight::Missing, "Python 3 with Pillow"),
            (|m| m.cores = 1, Weight::Missing, "1 core"),
        ];
        for (spoil, weight, what) in spoilt {
            let mut machine = whole();
            spoil(&mut machine);
            let found = findings(&machine);
            let bad: Vec<_> = found.iter().filter(|f| f.weight != Weight::Fine).collect();
            assert_eq!((bad[0].weight, &*bad[0].what), (weight, what));
            assert!(!bad[0].remedy.is_empty());
        }
    }

    #[test]
    fn kernels_are_compared_by_number_and_strange_ones_are_given_a_chance() {
        assert_eq!(version("6.18.0-generic"), Some((6, 18)));
        assert!(version("5.9.1") < Some(KERNEL_MIN));
        assert_eq!(version("unknown"), None);
    }
}
