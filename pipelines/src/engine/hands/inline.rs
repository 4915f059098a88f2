//! The handler in the lane's own thread: fast, and as mortal as the process.

use super::{Fall, Hands, Outcome};
use crate::black_box::{BlackBox, Receipts, now_ns};
use crate::engine::ledger::Loan;
use crate::engine::watch::Watch;
use crate::fault::strike::Unit;
use crate::handler::{Desk, Handler, Left};
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

impl<H: Handler> Inline<H> {
    pub(crate) fn new(lane: usize, config: H::Config, out: Arc<Segment>, watch: &Watch) -> Self {
        let receipts = watch.black_box().map(BlackBox::receipts);
        Self { lane, config, handler: None, out, receipts }
    }

    fn one(&mut self, input: &H::In, mut desk: Desk<'_>) -> Result<Result<H::Out, Failure>, Death> {
        let done = catch_unwind(AssertUnwindSafe(|| {
            desk.before(Unit::Thread)?;
            let handler = match &mut self.handler {
                Some(handler) => handler,
                none => none.insert(match H::open(&self.config) {
                    Ok(handler) => handler,
                    Err(failure) => return Ok(Err(failure)),
                }),
            };
            Ok::<_, Left>(handler.handle(input, &mut desk))
        }));
        match done {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(Left)) => {}
            Err(_) => {
                self.handler = None;
                return Err(Death::Panic);
            }
        }
        self.handler = None;
        Err(Death::Left)
    }
}

impl<H: Handler + Send> Hands<H> for Inline<H> {
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall> {
        for (n, (item, input)) in loan.items().iter().enumerate() {
            let ledger = if n == 0 { loan.attempt } else { 0 };
            let (attempt, strike) = watch.begin(self.lane, *item, ledger);
            let (out, receipts) = (self.out.clone(), self.receipts.take());
            let desk = Desk::new(*item, attempt, strike, receipts.as_ref(), &out);
            let start = now_ns();
            let result = self.one(input, desk);
            self.receipts = receipts;
            let work_ns = now_ns() - start;
            let words = String::new();
            let died = |death| Fall::Died { item: *item, attempt, death, words };
            settle(Outcome { item: *item, attempt, work_ns, result: result.map_err(died)? });
        }
        Ok(())
    }
}
