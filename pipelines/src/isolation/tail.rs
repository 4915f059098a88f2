//! The end of what a process says on standard error: its last words.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Reads a child's standard error whenever there is something, and keeps the last bytes of it: a child that
/// talks a lot neither blocks nor fills our memory.
pub struct Tail {
    stderr: Option<File>,
    bytes: VecDeque<u8>,
    most: usize,
}

impl Tail {
    /// Keeps the last `most` bytes.
    ///
    /// # Errors
    /// When the pipe cannot be made non-blocking.
    pub fn new(stderr: Option<impl Into<OwnedFd>>, most: usize) -> rustix::io::Result<Self> {
        let stderr = stderr.map(|stderr| File::from(stderr.into()));
        if let Some(stderr) = &stderr {
            fcntl_setfl(stderr, fcntl_getfl(stderr)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { stderr, bytes: VecDeque::new(), most })
    }

    /// What to poll for more; `None` once the other end is closed.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.stderr.as_ref().map(AsFd::as_fd)
    }

    /// Reads what there is, without waiting.
    pub fn drain(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut some = [0; 4096];
        loop {
            match stderr.read(&mut some) {
                Ok(0) => {
                    self.stderr = None;
                    return;
                }
                Ok(n) => self.bytes.extend(&some[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
            let excess = self.bytes.len().saturating_sub(self.most);
            self.bytes.drain(..excess);
        }
    }

    /// The last words so far.
    pub fn words(&mut self) -> String {
        self.drain();
        String::from_utf8_lossy(self.bytes.make_contiguous()).trim_end().to_owned()
    }
}
