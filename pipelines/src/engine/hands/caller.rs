//! A lane that calls HtPipe in the middle of its work: the first of two handlers is in the process that all
//! lanes share, the second in the lane's own thread, and the lane acknowledges what both have done.

use super::inline::{Ended, tried};
use super::node::SharedHands;
use super::{Fall, Hands, Outcome};
use crate::engine::leave::Leave;
use crate::engine::ledger::Loan;
use crate::engine::watch::Watch;
use crate::handler::{Desk, Handler, Then};
use crate::isolation::frame::Portable;
use crate::isolation::segment::Segment;
use crate::message::Death;
use crate::producer::Entry;
use std::sync::Arc;

/// One lane's hands: `B` works on what a call brought back.
pub(crate) struct Caller<B: Handler> {
    calls: SharedHands,
    after: After<B>,
}

struct After<B: Handler> {
    config: B::Config,
    handler: Option<B>,
    out: Arc<Segment>,
}

impl<B: Handler> Caller<B> {
    pub(crate) fn new(calls: SharedHands, config: B::Config) -> Self {
        let out = calls.results();
        Self { calls, after: After { config, handler: None, out } }
    }
}

impl<B: Handler> After<B> {
    /// A handler, opened anew if a panic cost the last one its state.
    fn handler(&mut self) -> Result<&mut B, Fall> {
        if self.handler.is_none() {
            match tried(|| Ok(B::open(&self.config))) {
                Ended::Well(handler) => self.handler = Some(handler),
                Ended::Badly(wrong) => return Err(Fall::NotStarted(wrong.failure)),
                Ended::Left | Ended::Killed => return Err(Fall::Killed),
            }
        }
        Ok(self.handler.as_mut().expect("it was just opened"))
    }

    /// Goes on with what a call returned.
    fn go_on<T>(
        &mut self,
        called: Outcome<B::In>,
        entry: &Entry<T>,
        leave: &Leave,
    ) -> Result<Outcome<B::Out>, Fall> {
        // What a call brings back is used up at once: a chunk is acknowledged as a whole.
        let Outcome { item, attempt, work_ns, result, in_company, bulky: _ } = called;
        let bulky = false;
        let (between, route) = match result {
            Ok(made) => made,
            Err(wrong) => {
                return Ok(Outcome {
                    item,
                    attempt,
                    work_ns,
                    result: Err(wrong),
                    in_company,
                    bulky,
                });
            }
        };
        let out = self.out.clone();
        let mut desk = Desk::new(item, attempt, None, None, &out).in_thread(&entry.ticket, leave);
        desk.route = route;
        let handler = self.handler()?;
        let result = match tried(|| Ok(handler.handle(&between, &mut desk))) {
            Ended::Well(made) => Ok((made, desk.route)),
            Ended::Badly(wrong) => {
                if wrong.death == Death::Panic {
                    self.handler = None;
                }
                Err(wrong)
            }
            Ended::Left | Ended::Killed => return Err(Fall::Killed),
        };
        Ok(Outcome { item, attempt, work_ns, result, in_company, bulky })
    }
}

impl<A, B> Hands<Then<A, B>> for Caller<B>
where
    A: Handler,
    A::In: Portable,
    A::Out: Portable,
    B: Handler<In = A::Out>,
{
    fn start(&mut self) -> Result<(), Fall> {
        self.after.handler().map(|_| ())
    }
    /// What the lane did and has not acknowledged dies with it.
    fn is_apart(&self) -> bool {
        false
    }
    fn work(
        &mut self,
        loan: &Loan<A::In>,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<B::Out>),
    ) -> Result<(), Fall> {
        let Self { calls, after } = self;
        let mut entries = loan.items().iter();
        let mut fell = Ok(());
        Hands::<A>::work(calls, loan, watch, leave, &mut |called| {
            let entry = entries.next().expect("an outcome is that of an item");
            match after.go_on(called, entry, leave) {
                Ok(outcome) if fell.is_ok() => settle(outcome),
                Ok(_) => {}
                Err(fall) => fell = Err(fall),
            }
        })?;
        fell
    }
}
