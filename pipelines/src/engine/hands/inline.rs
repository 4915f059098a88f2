//! The handler in the lane's own thread: fast, and as mortal as the process.

use super::{Fall, Hands, Outcome, Wrong};
use crate::black_box::{Receipts, now_ns};
use crate::engine::leave::{Killed, Leave};
use crate::engine::ledger::Loan;
use crate::engine::watch::Watch;
use crate::engine::words;
use crate::fault::strike::Unit;
use crate::handler::{Desk, Handler, Left, Route};
use crate::isolation::segment::Segment;
use crate::message::{Death, Failure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A handler in this process; a panic costs it its state, an abort costs all of us our lives.
pub(crate) struct Inline<H: Handler> {
    lane: usize,
    config: H::Config,
    handler: Option<H>,
    out: Arc<Segment>,
    receipts: Option<Receipts>,
}

/// How code of others ended.
pub(super) enum Ended<T> {
    Well(T),
    Badly(Wrong),
    /// Told to leave by a strike.
    Left,
    Killed,
}

pub(super) fn tried<T>(call: impl FnOnce() -> Result<Result<T, Failure>, Left>) -> Ended<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(Ok(value))) => Ended::Well(value),
        Ok(Ok(Err(failure))) => Ended::Badly(failure.into()),
        Ok(Err(Left)) => Ended::Left,
        Err(payload) if payload.is::<Killed>() => Ended::Killed,
        Err(payload) => {
            let failure = Failure::item(format!("the handler panicked: {}", words(&*payload)));
            Ended::Badly(Wrong { death: Death::Panic, failure, will: None })
        }
    }
}

impl<H: Handler> Inline<H> {
    pub(crate) fn new(
        lane: usize,
        config: H::Config,
        out: Arc<Segment>,
        receipts: Option<Receipts>,
    ) -> Self {
        Self { lane, config, handler: None, out, receipts }
    }

    /// A handler, opened anew if a panic cost the last one its state.
    fn handler(&mut self) -> Result<&mut H, Fall> {
        if self.handler.is_none() {
            match tried(|| Ok(H::open(&self.config))) {
                Ended::Well(handler) => self.handler = Some(handler),
                Ended::Badly(wrong) => return Err(Fall::NotStarted(wrong.failure)),
                Ended::Left | Ended::Killed => return Err(Fall::Killed),
            }
        }
        Ok(self.handler.as_mut().expect("it was just opened"))
    }

    /// Why the whole chunk fails, if it does.
    fn prepare(&mut self, loan: &Loan<H::In>) -> Result<Option<Wrong>, Fall> {
        let handler = self.handler()?;
        match tried(|| Ok(handler.prepare(loan.items()))) {
            Ended::Well(()) => Ok(None),
            Ended::Badly(wrong) => {
                self.handler = None;
                Ok(Some(wrong))
            }
            Ended::Left | Ended::Killed => Err(Fall::Killed),
        }
    }
}

impl<H: Handler> Hands<H> for Inline<H> {
    fn start(&mut self) -> Result<(), Fall> {
        self.handler().map(|_| ())
    }
    fn is_apart(&self) -> bool {
        false
    }
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall> {
        let refused = self.prepare(loan)?;
        let receipts = self.receipts.take();
        let out = self.out.clone();
        // Nobody reads the clock's answer unless somebody watches.
        let clock = || if watch.is_there() { now_ns() } else { 0 };
        let mut fall = Ok(());
        for (n, entry) in loan.items().iter().enumerate() {
            if leave.is_killed() {
                fall = Err(Fall::Killed);
                break;
            }
            let (item, ledger) = (entry.id, if n == 0 { loan.attempt } else { 0 });
            let (attempt, strike) = watch.begin(self.lane, item, ledger);
            if let Some(wrong) = &refused {
                let result = Err(wrong.clone());
                settle(Outcome { item, attempt, work_ns: 0, result, in_company: 0, bulky: false });
                continue;
            }
            let desk = Desk::new(item, attempt, strike, receipts.as_ref(), &out);
            let mut desk = desk.in_thread(&entry.ticket, leave);
            desk.route = entry.route;
            let start = clock();
            let handler = match self.handler() {
                Ok(handler) => handler,
                Err(cannot) => {
                    fall = Err(cannot);
                    break;
                }
            };
            let ended = tried(|| {
                let before = desk.before(Unit::Thread)?;
                Ok(before.and_then(|()| handler.handle(&entry.item, &mut desk)))
            });
            let work_ns = clock() - start;
            let route: Route = desk.route;
            let result = match ended {
                Ended::Well(made) => Ok((made, route)),
                Ended::Badly(wrong) => {
                    if wrong.death == Death::Panic {
                        self.handler = None;
                    }
                    Err(wrong)
                }
                Ended::Left => {
                    let words = "the thread was told to leave".to_owned();
                    let (death, deaths, will) = (Death::Left, 1, None);
                    fall = Err(Fall::Died { item, attempt, death, deaths, words, will });
                    break;
                }
                Ended::Killed => {
                    fall = Err(Fall::Killed);
                    break;
                }
            };
            settle(Outcome { item, attempt, work_ns, result, in_company: 0, bulky: false });
        }
        self.receipts = receipts;
        fall
    }
}
