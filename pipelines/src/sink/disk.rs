//! The few calls that saving makes, each of which a disk may refuse: what passes is tried again, so often and no more.

use crate::fault::Fault;
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

/// How often a call is made that fails as if that could pass, all in all.
pub(super) const TRIES_MAX: u32 = 4;
/// The pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(5);

/// What strikes a try, the first one being number 0.
type Ask<'a> = dyn Fn(u32) -> Option<Fault> + 'a;

/// Whoever writes one file, or one piece of a file.
pub(super) struct Pen<'a> {
    ask: &'a Ask<'a>,
    tries: u32,
    refused: u32,
}

impl<'a> Pen<'a> {
    /// One whose tries `ask` may strike.
    pub(super) fn new(ask: &'a Ask<'a>) -> Self {
        Self { ask, tries: 0, refused: 0 }
    }

    /// Writes a new file at `path`, which is to be called `whole` later.
    pub(super) fn write(&mut self, path: &Path, whole: &Path, bytes: &[u8]) -> io::Result<()> {
        let (file, struck) = loop {
            let struck = self.meet();
            let opened = match struck {
                Some(Fault::NoFiles) => Err(Errno::MFILE.into()),
                Some(Fault::TornFile) => return tear(whole, bytes),
                _ => File::create(path),
            };
            match opened {
                Ok(file) => break (file, struck),
                Err(error) => self.again(error)?,
            }
        };
        self.all(&file, bytes, Some(struck))
    }

    /// Appends to a file, with one call unless the disk takes less.
    pub(super) fn append(&mut self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.all(file, bytes, None)
    }

    /// Gives a file its name.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        loop {
            let renamed = match self.meet() {
                Some(Fault::IoError) => Err(Errno::IO.into()),
                Some(Fault::DiskFull) => Err(Errno::NOSPC.into()),
                Some(Fault::SlowDisk(ms)) => slowly(ms, || fs::rename(from, to)),
                _ => fs::rename(from, to),
            };
            match renamed {
                Err(error) => self.again(error)?,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Goes on where the last call ended, so that nothing is written twice.
    fn all(&mut self, file: &File, bytes: &[u8], mut met: Option<Option<Fault>>) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            let struck = met.take().unwrap_or_else(|| self.meet());
            match write(file, &bytes[done..], struck) {
                Ok(0) => self.again(ErrorKind::WriteZero.into())?,
                Ok(written) => done += written,
                Err(error) => self.again(error)?,
            }
        }
        Ok(())
    }

    fn meet(&mut self) -> Option<Fault> {
        self.tries += 1;
        (self.ask)(self.tries - 1)
    }

    /// Waits, and comes back for another try; or not, if the error will not pass or has been seen too often.
    fn again(&mut self, error: io::Error) -> io::Result<()> {
        self.refused += 1;
        if !may_pass(&error) || self.refused >= TRIES_MAX {
            return Err(error);
        }
        std::thread::sleep(PAUSE * (1 << (self.refused - 1)));
        Ok(())
    }
}

fn may_pass(error: &io::Error) -> bool {
    let passing = [Errno::IO, Errno::INTR, Errno::AGAIN, Errno::MFILE, Errno::NFILE];
    error.kind() == ErrorKind::WriteZero
        || error.raw_os_error().is_some_and(|code| passing.iter().any(|e| e.raw_os_error() == code))
}

/// One call of `write`, as a disk in this state answers it.
fn write(mut file: &File, bytes: &[u8], struck: Option<Fault>) -> io::Result<usize> {
    let half = &bytes[..bytes.len().div_ceil(2)];
    match struck {
        Some(Fault::ShortWrite) => file.write(half),
        Some(Fault::IoError) => Err(Errno::IO.into()),
        Some(Fault::SlowDisk(ms)) => slowly(ms, || file.write(bytes)),
        // A disk takes what it has room for, and then refuses.
        Some(Fault::DiskFull) => file.write_all(half).and(Err(Errno::NOSPC.into())),
        _ => file.write(bytes),
    }
}

fn slowly<T>(ms: u32, call: impl FnOnce() -> T) -> T {
    std::thread::sleep(Duration::from_millis(ms.into()));
    call()
}

/// What is left by who writes a file under its own name and is killed over it.
fn tear(whole: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(whole, &bytes[..bytes.len() / 2])?;
    kill_process(getpid(), Signal::KILL)?;
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests;
