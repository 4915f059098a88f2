//! A server: state in a thread of its own, that others reach by messages alone. The thesis's GenServer.
//!
//! ```
//! use pipelines::engine::server::{Caller, Flow, Server, Service};
//! use pipelines::message::Failure;
//! use std::time::Duration;
//!
//! struct Counter(u64);
//!
//! impl Service for Counter {
//!     type Config = u64;
//!     type Call = ();
//!     type Reply = u64;
//!     type Cast = u64;
//!     fn init(first: &u64) -> Result<Self, Failure> {
//!         Ok(Self(*first))
//!     }
//!     fn call(&mut self, (): (), from: Caller<u64>) -> Flow {
//!         from.reply(self.0);
//!         Flow::Continue
//!     }
//!     fn cast(&mut self, more: u64) -> Flow {
//!         self.0 += more;
//!         Flow::Continue
//!     }
//! }
//!
//! let server = Server::<Counter>::start("counter", 40, 8)?;
//! let counter = server.handle();
//! counter.cast(2)?;
//! assert_eq!(counter.call((), Duration::from_secs(1))?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Messages of one sender are taken in order, one at a time. A server ends when a callback says so or
//! panics, or when it is told to stop; a stop overtakes the mailbox. From then on it answers nobody: whoever
//! waits for it learns so at once, in the mailbox or already with the service. Then come
//! [`Service::terminate`], the end of the state, and `on_end`.
//!
//! Every call has a reply channel of its own, gone with the call. So a late reply reaches nobody, and never
//! the next call. Two servers that call each other wait until one of them times out.

use crate::message::Failure;
use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use handle::{Life, Message};
use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

mod handle;
#[cfg(test)]
mod tests;

pub use handle::{CallError, Caller, Handle};

/// What a server does: its state and the callbacks over it. They all run in the server's thread.
pub trait Service: Sized + Send + 'static {
    /// What `init` needs.
    type Config: Send + 'static;
    /// What is asked in a call.
    type Call: Send + 'static;
    /// What is answered to a call.
    type Reply: Send + 'static;
    /// What is told in a cast.
    type Cast: Send + 'static;
    /// Makes the first state.
    ///
    /// # Errors
    /// When there can be none; the start then fails with these words.
    fn init(config: &Self::Config) -> Result<Self, Failure>;
    /// Takes a call. `from` may be answered now, or be kept and answered later, from any thread.
    fn call(&mut self, request: Self::Call, from: Caller<Self::Reply>) -> Flow;
    /// Takes a cast. Does nothing unless implemented.
    fn cast(&mut self, _request: Self::Cast) -> Flow {
        Flow::Continue
    }
    /// The last callback, whatever ended the server; after a panic the state is as the panic left it. No
    /// caller waits any more. A panic in here is the ending, unless another panic was.
    fn terminate(&mut self, _why: &Ending) {}
}

/// What a server does after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It takes the next message.
    Continue,
    /// It ends, as [`Ending::Normal`].
    End,
}

/// Why a server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A callback returned [`Flow::End`].
    Normal,
    /// It was told to stop.
    Stopped,
    /// A callback panicked, with these words.
    Panicked(String),
}

/// A running server. Dropped, it is stopped and waited for, the callback it is in included.
pub struct Server<S: Service> {
    handle: Handle<S>,
    thread: Option<JoinHandle<Ending>>,
}

impl<S: Service> Server<S> {
    /// Starts a server in a thread of this name, and returns when its state is made. Its mailbox holds
    /// `mailbox` messages; with 0 a sender waits until its message is taken.
    ///
    /// # Errors
    /// What [`Service::init`] returned, or the words it panicked with; or that there can be no thread.
    pub fn start(name: &str, config: S::Config, mailbox: usize) -> Result<Self, Failure> {
        Self::start_watched(name, config, mailbox, |_| {})
    }

    /// [`start`](Self::start) for whoever has to learn of the end: `on_end` is the last thing the server's
    /// thread does. It is not called for a start that failed.
    ///
    /// # Errors
    /// As for `start`.
    pub fn start_watched(
        name: &str,
        config: S::Config,
        mailbox: usize,
        on_end: impl FnOnce(Ending) + Send + 'static,
    ) -> Result<Self, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::engine(format!("the server {name:?} could not start: {why}"))
        };
        if name.contains('\0') {
            return Err(failed(&"its name has a NUL in it"));
        }
        let (mailbox, inbox) = bounded(mailbox);
        let (halt, halted) = bounded(1);
        let (alive, gone) = bounded(0);
        let (opened, opening) = bounded(1);
        let body = move || {
            let state = match catch_unwind(AssertUnwindSafe(move || S::init(&config))) {
                Ok(Ok(state)) => state,
                unable => {
                    opened.send(unable.map(|made| made.map(drop))).ok();
                    return Ending::Normal;
                }
            };
            opened.send(Ok(Ok(()))).ok();
            let ending = serve(state, inbox, &halted, alive);
            on_end(ending.clone());
            ending
        };
        let thread = Builder::new().name(name.into()).spawn(body).map_err(|e| failed(&e))?;
        let life = Arc::new(Life { thread: thread.thread().id(), gone });
        let server = Self { handle: Handle { mailbox, halt, life }, thread: Some(thread) };
        match opening.recv() {
            Ok(Ok(made)) => made.map(|()| server),
            Ok(Err(panic)) => Err(failed(&words(&*panic))),
            Err(_) => Err(failed(&"its thread is gone")),
        }
    }

    /// A way to reach it, for anybody.
    pub fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Waits until the server has ended by itself or was stopped through a handle.
    ///
    /// # Panics
    /// In the server's own thread, which would wait for ever.
    pub fn wait(mut self) -> Ending {
        assert!(!self.handle.life.is_here(), "{}", CallError::Itself);
        let thread = self.thread.take().expect("only this takes it, and the server with it");
        // Outside of the callbacks only `on_end` can panic.
        thread.join().unwrap_or_else(|panic| Ending::Panicked(words(&*panic)))
    }
}

impl<S: Service> Drop for Server<S> {
    fn drop(&mut self) {
        self.handle.stop();
        // A service that owns its own server cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|_| !self.handle.life.is_here()) {
            thread.join().ok();
        }
    }
}

fn serve<S: Service>(
    mut state: S,
    inbox: Receiver<Message<S>>,
    halted: &Receiver<()>,
    alive: Sender<Infallible>,
) -> Ending {
    let lived = catch_unwind(AssertUnwindSafe(|| take_messages(&mut state, &inbox, halted)));
    let ending = lived.unwrap_or_else(|panic| Ending::Panicked(words(&*panic)));
    // First of all, whoever waits is told; only then comes what may take its time, or panic.
    drop(alive);
    let closed = catch_unwind(AssertUnwindSafe(|| {
        drop(inbox);
        let mut state = state;
        state.terminate(&ending);
    }));
    match (closed, ending) {
        (Err(panic), Ending::Normal | Ending::Stopped) => Ending::Panicked(words(&*panic)),
        (_, ending) => ending,
    }
}

fn take_messages<S: Service>(
    state: &mut S,
    inbox: &Receiver<Message<S>>,
    halted: &Receiver<()>,
) -> Ending {
    loop {
        let message = select_biased! {
            recv(halted) -> _ => return Ending::Stopped,
            recv(inbox) -> message => message,
        };
        let flow = match message {
            Ok(Message::Call(request, from)) => state.call(request, from),
            Ok(Message::Cast(request)) => state.cast(request),
            // Nobody can reach it any more.
            Err(_) => return Ending::Stopped,
        };
        if flow == Flow::End {
            return Ending::Normal;
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
        .to_owned()
}
