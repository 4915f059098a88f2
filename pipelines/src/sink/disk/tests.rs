use super::*;
use std::cell::Cell;

/// Writes 1000 bytes through a disk that answers so; what came of it, what there is, how often it was asked.
fn written(ask: impl Fn(u32) -> Option<Fault>) -> (io::Result<()>, Vec<u8>, u32) {
    let dir = tempfile::tempdir().unwrap();
    let (path, asked) = (dir.path().join("half"), Cell::new(0));
    let counted = |tries: u32| {
        assert_eq!(asked.replace(tries + 1), tries, "each try is asked about once");
        ask(tries)
    };
    let result = Pen::new(&counted).write(&path, &dir.path().join("whole"), &bytes());
    assert!(!dir.path().join("whole").exists(), "it has not got its name yet");
    (result, fs::read(&path).unwrap_or_default(), asked.get())
}

fn bytes() -> Vec<u8> {
    (0..1000).map(|n| (n % 251) as u8).collect()
}

#[test]
fn what_passes_is_tried_again_and_nothing_is_written_twice() {
    let once = |fault| move |tries| (tries == 0).then_some(fault);
    let (result, there, asked) = written(|_| None);
    assert_eq!((result.unwrap(), there, asked), ((), bytes(), 1));
    for fault in [Fault::IoError, Fault::ShortWrite, Fault::NoFiles] {
        let (result, there, asked) = written(once(fault));
        assert_eq!((result.unwrap(), there, asked), ((), bytes(), 2), "{fault}");
    }
    // As many as may be, and one short one after the other.
    let (result, there, asked) = written(|tries| (tries < TRIES_MAX - 1).then_some(Fault::IoError));
    assert_eq!((result.unwrap(), there, asked), ((), bytes(), TRIES_MAX));
    let (result, there, asked) = written(|_| Some(Fault::ShortWrite));
    assert_eq!((result.unwrap(), there, asked), ((), bytes(), 10), "halves of 1000 bytes");
    let (result, there, asked) = written(once(Fault::SlowDisk(1)));
    assert_eq!((result.unwrap(), there, asked), ((), bytes(), 1));
}

#[test]
fn what_does_not_pass_is_told_as_what_it_is() {
    for (fault, errno) in [(Fault::IoError, Errno::IO), (Fault::NoFiles, Errno::MFILE)] {
        let (result, there, asked) = written(|_| Some(fault));
        assert_eq!(result.unwrap_err().raw_os_error(), Some(errno.raw_os_error()));
        assert_eq!((there, asked), (vec![], TRIES_MAX), "so often and no more");
    }
    // A full disk is not asked again; half is written, as by a real one.
    let (result, there, asked) = written(|_| Some(Fault::DiskFull));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!((there, asked), (bytes()[..500].to_vec(), 1));
}

#[test]
fn a_line_and_a_name_are_tried_again_too() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = File::create(&from).unwrap();
    for fault in [Fault::IoError, Fault::ShortWrite] {
        let ask = |tries| (tries == 0).then_some(fault);
        Pen::new(&ask).append(&file, b"a line\n").unwrap();
    }
    assert_eq!(fs::read(&from).unwrap(), b"a line\na line\n");
    let refused = Pen::new(&|_| Some(Fault::DiskFull)).rename(&from, &to).unwrap_err();
    assert_eq!((refused.kind(), to.exists()), (ErrorKind::StorageFull, false));
    Pen::new(&|tries| (tries < 2).then_some(Fault::IoError)).rename(&from, &to).unwrap();
    assert!(to.exists() && !from.exists());
}
