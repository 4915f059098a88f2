use super::machine::{field, file_system, soft_limits};
use super::*;

#[test]
fn a_command_line_tells_nobody_where_somebody_lives() {
    // In two pieces, or this file would know a machine.
    let home = concat!("/ho", "me/maria");
    let here = Path::new(home).join("desk");
    for (word, said) in [
        ("experiment".to_owned(), "experiment"),
        ("results/e1".to_owned(), "results/e1"),
        (format!("{home}/desk/out/e1"), "out/e1"),
        (format!("{home}/desk"), ".../desk"),
        (format!("{home}/secret/tiny.toml"), ".../tiny.toml"),
        (format!("--out={home}/secret/out"), "--out=.../out"),
        (format!("--out={home}/desk/out"), "--out=out"),
        ("../../maria/tiny.toml".to_owned(), ".../tiny.toml"),
        ("abort@p=1%".to_owned(), "abort@p=1%"),
        ("/".to_owned(), ".../"),
    ] {
        assert_eq!(public(&word, &here), said, "{word}");
    }
}

#[test]
fn a_build_knows_what_it_is_made_of() {
    let build = Build::of_this_program();
    assert!(build.rustc.starts_with("rustc 1."), "{build:?}");
    assert!(build.profile.contains("opt-level"), "{build:?}");
    assert_eq!(build.commit.is_some(), build.dirty.is_some());
    assert!(build.commit.is_none_or(|c| c.len() == 40 && c.chars().all(|c| c.is_ascii_hexdigit())));
    for hash in [build.cargo_lock_blake3, build.binary_blake3.unwrap()] {
        assert_eq!(hash.len(), 64);
    }
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    assert_eq!(CARGO_LOCK, std::fs::read(lock).unwrap());
}

#[test]
fn a_sitting_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let sitting = Sitting { first_run: 7, ..Sitting::now(dir.path(), dir.path()) };
    assert!(sitting.machine.cores > 0 && sitting.machine.kernel.is_some());
    assert!(sitting.machine.memory_bytes > Some(1 << 20));
    assert!(sitting.limits.process.contains_key("open_files"), "{:?}", sitting.limits);
    assert!(sitting.started_utc.ends_with('Z') && sitting.command.starts_with("okiagari"));
    assert!(sitting.results.free_bytes > 0 && !sitting.results.file_system.is_empty());
    let text = toml::to_string(&sitting).unwrap();
    assert_eq!(toml::from_str::<Sitting>(&text).unwrap(), sitting);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    assert!(host.len() < 4 || !text.contains(host), "{text}");
}

#[test]
fn what_the_kernel_writes_is_read() {
    let limits = "\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max data size             1048576              unlimited            bytes     
Max open files            1024                 524288               files     
Max realtime timeout      unlimited            unlimited            us        
";
    let found = soft_limits(limits);
    let found: Vec<_> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(
        found,
        [
            ("cpu_time_s", "unlimited"),
            ("data_size_bytes", "1048576"),
            ("open_files", "1024"),
            ("realtime_timeout_us", "unlimited")
        ]
    );
    assert!(soft_limits("").is_empty() && soft_limits("Limits of another kind\n").is_empty());
    let text = "processor\t: 0\nmodel name\t: A B: C\nmodel name\t: D\n";
    assert_eq!(field(text, "model name").as_deref(), Some("A B: C"));
    assert_eq!(field(text, "microcode"), None);
    assert_eq!((&*file_system(0xef53), &*file_system(0x1234)), ("ext4", "0x1234"));
}
