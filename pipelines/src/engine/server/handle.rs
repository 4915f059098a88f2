//! A server from outside: how it is reached, and what its callers are told when it ends.

use super::Service;
use crossbeam_channel::{
    Receiver, SendTimeoutError, Sender, TryRecvError, TrySendError, at, bounded, never, select,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Why a message was not delivered, or a call not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server has ended. Whether it had done what was asked is not known.
    #[error("the server is dead")]
    Dead,
    /// The time was over, before or after the server took the message. It may still do what was asked.
    #[error("the server did not answer in time")]
    Timeout,
    /// The mailbox is full, and the sender would not wait.
    #[error("the server's mailbox is full")]
    Busy,
    /// A service would wait for itself, for ever.
    #[error("a server cannot wait for itself")]
    Itself,
    /// The service dropped the [`Caller`]; the server lives.
    #[error("the server let the call go without an answer")]
    Unanswered,
}

pub(super) enum Message<S: Service> {
    Call(S::Call, Caller<S::Reply>),
    Cast(S::Cast),
}

/// Where a server runs, and whether it still does.
pub(super) struct Life {
    pub(super) thread: ThreadId,
    /// Disconnected when the server has ended; nothing is ever sent.
    pub(super) gone: Receiver<Infallible>,
}

impl Life {
    fn is_alive(&self) -> bool {
        self.gone.try_recv() == Err(TryRecvError::Empty)
    }
    /// Whether this very thread is the server.
    pub(super) fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }
}

/// What a reply channel carries, once.
type Answer<R> = Result<R, CallError>;

/// Who waits for the answer to one call. Dropped, it leaves its call [unanswered](CallError::Unanswered) at
/// once.
pub struct Caller<R> {
    /// Room for the one answer there is; empty once it was given.
    reply: Option<Sender<Answer<R>>>,
    life: Arc<Life>,
}

impl<R> Caller<R> {
    /// Answers the call. When nobody waits any more, the answer is dropped.
    pub fn reply(mut self, reply: R) {
        if let Some(to) = self.reply.take() {
            to.try_send(Ok(reply)).ok();
        }
    }
}

impl<R> Drop for Caller<R> {
    fn drop(&mut self) {
        // A server that ends, or is unwinding, lets nobody go by intent: its callers see it dead.
        let dying = !self.life.is_alive() || thread::panicking() && self.life.is_here();
        if let Some(to) = self.reply.take().filter(|_| !dying) {
            to.try_send(Err(CallError::Unanswered)).ok();
        }
    }
}

/// How others reach a server. It does not keep it alive.
pub struct Handle<S: Service> {
    pub(super) mailbox: Sender<Message<S>>,
    pub(super) halt: Sender<()>,
    pub(super) life: Arc<Life>,
}

impl<S: Service> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { mailbox: self.mailbox.clone(), halt: self.halt.clone(), life: self.life.clone() }
    }
}

impl<S: Service> Handle<S> {
    /// Asks, and waits for the answer. `timeout` is for all of it, the wait for room in the mailbox too;
    /// one too long for the clock is none.
    ///
    /// # Errors
    /// All but [`CallError::Busy`].
    pub fn call(&self, request: S::Call, timeout: Duration) -> Result<S::Reply, CallError> {
        if self.life.is_here() {
            return Err(CallError::Itself);
        }
        let deadline = Instant::now().checked_add(timeout);
        let answers = self.post(request, deadline)?;
        self.answer(&answers, deadline)
    }

    pub(super) fn post(
        &self,
        request: S::Call,
        deadline: Option<Instant>,
    ) -> Result<Receiver<Answer<S::Reply>>, CallError> {
        let (reply, answers) = bounded(1);
        let caller = Caller { reply: Some(reply), life: self.life.clone() };
        let message = Message::Call(request, caller);
        match deadline {
            Some(deadline) => self.mailbox.send_deadline(message, deadline),
            None => self.mailbox.send(message).map_err(|e| SendTimeoutError::Disconnected(e.0)),
        }
        .map_err(|e| if e.is_timeout() { CallError::Timeout } else { CallError::Dead })?;
        Ok(answers)
    }

    pub(super) fn answer(
        &self,
        answers: &Receiver<Answer<S::Reply>>,
        deadline: Option<Instant>,
    ) -> Answer<S::Reply> {
        let timer = deadline.map_or_else(never, at);
        select! {
            recv(answers) -> answer => if let Ok(answer) = answer {
                return answer;
            },
            recv(self.life.gone) -> _ => return answers.try_recv().unwrap_or(Err(CallError::Dead)),
            recv(timer) -> _ => return answers.try_recv().unwrap_or(Err(CallError::Timeout)),
        }
        // The server is unwinding: it is called dead when it is.
        select! {
            recv(self.life.gone) -> _ => Err(CallError::Dead),
            recv(timer) -> _ => Err(CallError::Timeout),
        }
    }

    /// Tells, and does not wait for it to be done; but waits for room in the mailbox, so that senders are
    /// held to the server's pace. What a dying server had not taken is dropped.
    ///
    /// # Errors
    /// [`CallError::Dead`]; [`CallError::Itself`] when the service would wait for room in its own mailbox.
    pub fn cast(&self, request: S::Cast) -> Result<(), CallError> {
        if self.life.is_here() {
            return self.try_cast(request).map_err(|e| match e {
                CallError::Busy => CallError::Itself,
                e => e,
            });
        }
        self.mailbox.send(Message::Cast(request)).map_err(|_| CallError::Dead)
    }

    /// [`cast`](Self::cast) that never waits.
    ///
    /// # Errors
    /// [`CallError::Dead`], or [`CallError::Busy`] when the mailbox is full.
    pub fn try_cast(&self, request: S::Cast) -> Result<(), CallError> {
        self.mailbox.try_send(Message::Cast(request)).map_err(|e| match e {
            TrySendError::Full(_) => CallError::Busy,
            TrySendError::Disconnected(_) => CallError::Dead,
        })
    }

    /// Tells the server to end after the callback it is in, and does not wait for it.
    pub fn stop(&self) {
        // Full: it has been told.
        self.halt.try_send(()).ok();
    }

    /// Whether the server still takes messages; after [`CallError::Dead`] it does not.
    pub fn is_alive(&self) -> bool {
        self.life.is_alive()
    }
}
