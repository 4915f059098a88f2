//! R: how a pipeline ends that cannot go on, or cannot end.

use crate::case::Case;
use crate::kit::{
    barrier, both, counting_on, dummy, ended, entries, find, next, observer, pass, stage, ticket,
};
use crate::r_siblings::{Pair, SIBLING, pair};
use crate::waits::{all_ids, demanding, is_up};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::engine::event::{DrainPhase, Ending, Event};
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::running::Left;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R14",
            "a_blocked_producer_at_a_drain",
            "a producer that waits is woken by the drain, or by its closer, or given up",
            r14,
        ),
        Case::holds(
            "R15",
            "a_producer_dies_while_it_drains",
            "a new one may come too late for what it drains, or drains in its place; the run ends",
            r15,
        ),
        Case::holds(
            "R16",
            "the_deadline_is_for_all",
            "each kind of process has the whole time to leave, or all of them together",
            r16,
        ),
        Case::holds(
            "R17",
            "stopped_during_a_restart",
            "the run ends, and every item is accounted for",
            r17,
        ),
        Case::holds(
            "R18",
            "stopped_while_rate_limited",
            "what the limit holds back beyond the deadline never comes, or comes at once",
            r18,
        ),
    ]
}

/// How a producer waits.
#[derive(Clone)]
enum Wait {
    /// By its demand.
    Demand,
    /// For a word, that its closer gives.
    Word(Sender<()>, Receiver<()>),
    /// For a word that nobody gives.
    Ever(Receiver<()>),
}

struct Waiter {
    wait: Wait,
    here: Sender<()>,
}

impl Producer for Waiter {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        self.here.try_send(()).ok();
        match &self.wait {
            Wait::Demand => assert!(demand.wait(crate::kit::PATIENCE * 10)),
            Wait::Word(_, word) | Wait::Ever(word) => word.recv().unwrap_or_default(),
        }
        Ok(Supply::Idle(Duration::ZERO))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        match &self.wait {
            Wait::Word(say, _) => {
                let say = say.clone();
                Box::new(move || {
                    say.try_send(()).ok();
                })
            }
            Wait::Demand | Wait::Ever(_) => Box::new(|| {}),
        }
    }
}

fn r14() {
    let shutdown = Duration::from_millis(100);
    for (_, settings) in both() {
        let (say, word) = bounded(1);
        let (_never, ever) = bounded(1);
        for wait in [Wait::Demand, Wait::Word(say.clone(), word.clone()), Wait::Ever(ever.clone())]
        {
            // One that can be woken is woken at once: then the deadline is of no account.
            let woken = matches!(wait, Wait::Demand);
            let shutdown = if woken { crate::kit::PATIENCE * 10 } else { shutdown };
            let settings = Settings { shutdown, ..settings.clone() };
            let ((here, at_work), (observe, told)) = (bounded(1), observer());
            let abandoned = matches!(wait, Wait::Ever(_));
            let waiter = move |_: &Instance| Ok(Waiter { wait: wait.clone(), here: here.clone() });
            let running = Pipeline::produced_by(1, waiter).settings(settings).stage(pass());
            let running = running.observed(observe).start().unwrap();
            is_up(&told);
            next(&at_work);
            assert_eq!(next(&running.test_message(1).unwrap()).done.len(), 1);
            let stopped = Instant::now();
            running.stop();
            let report = running.wait();
            assert_eq!((report.tally.done, report.left.items(), report.failure), (1, 0, None));
            assert!(woken || stopped.elapsed() >= shutdown);
            let producer = Process::Producer(0);
            if abandoned {
                assert_eq!(ended(&told, producer), Ending::Abandoned);
            }
        }
    }
}

/// Gives nothing before it is drained; the first one then panics.
struct Late {
    fell: Arc<AtomicBool>,
    items: Arc<Mutex<Vec<Entry<i64>>>>,
}

impl Producer for Late {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        demand.wait(crate::kit::PATIENCE);
        Ok(Supply::Idle(Duration::ZERO))
    }
    fn prepare_for_draining(&mut self) -> Vec<Entry<i64>> {
        assert!(self.fell.swap(true, Ordering::SeqCst), "the first one falls");
        std::mem::take(&mut self.items.lock().unwrap())
    }
}

fn r15() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let settings = Settings { resubscribe: Duration::from_millis(1), ..settings };
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (fell, items) =
            (Arc::<AtomicBool>::default(), Arc::new(Mutex::new(entries(0..3, &to))));
        let late = move |_: &Instance| Ok(Late { fell: fell.clone(), items: items.clone() });
        let running = Pipeline::produced_by(1, late).settings(settings).stage(pass());
        let running = running.observed(observe).start().unwrap();
        is_up(&told);
        running.push(entries(7..8, &to)).unwrap();
        running.stop();
        let producer = Process::Producer(0);
        assert!(matches!(ended(&told, producer), Ending::Panicked(_)));
        let report = running.wait();
        // The original does not wait for the new one: if its processors have gone by then, what it gives is
        // left, or never given.
        let (done, left) = (all_ids(&heard).0, report.left.items());
        let late = original && done == [7] && [0, 3].contains(&left);
        assert!(late || (done == [0, 1, 2, 7] && left == 0), "{done:?}, {report:?}");
        assert_eq!(report.tally.produced, report.tally.done + left);
        assert_eq!(report.failure, None);
    }
}

fn r16() {
    let shutdown = Duration::from_millis(700);
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let settings = Settings { shutdown, ..settings };
        let ((hold, came, go), (hold_batch, batch_came, go_batch)) = (barrier(), barrier());
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let slow = stage(move |n, _| {
            if *n == 2 {
                hold.pass(2);
            }
            Ok(*n)
        });
        let batch = crate::kit::batch(move |_, _, _| {
            hold_batch.pass(0);
            Ok(())
        });
        let running = dummy().settings(settings).stage(demanding(slow, 1, 0)).batch(batch.size(1));
        let running = running.observed(observe).start().unwrap();
        is_up(&told);
        running.push(entries(0..4, &to)).unwrap();
        next(&came);
        next(&batch_came);
        let stopped = Instant::now();
        running.stop();
        let report = running.wait();
        let took = stopped.elapsed();
        // One is in the hands of each, one waits between them, and one before them.
        let left = Left { waiting: 1, processors: 1, batchers: 1, batch_processors: 1 };
        if original {
            // The terminator, the batch processor and the processor in turn.
            assert!(took >= shutdown * 3, "{took:?}");
            assert_eq!(report.tally.lost + report.left.items(), 4);
        } else {
            assert!(took >= shutdown && took < shutdown * 2, "{took:?}");
            find(&told, |event| (*event == Event::Drain(DrainPhase::Late)).then_some(()));
            assert_eq!((report.left, report.tally.lost), (left, 0));
        }
        assert_eq!((report.tally.produced, report.tally.done, report.failure), (4, 0, None));
        // What those bring who were given up counts for nothing.
        drop((go, go_batch));
        assert_eq!(all_ids(&heard), (vec![], vec![]));
    }
}

fn r17() {
    let shutdown = Duration::from_millis(100);
    for (_, settings) in both() {
        let original = settings.as_the_original;
        // The sibling hangs: under the original nobody can be restarted before it is gone.
        let Pair { running, told, go, .. } = pair(Settings { shutdown, ..settings });
        running.stop();
        let report = running.wait();
        assert_eq!(ended(&told, SIBLING), Ending::Abandoned);
        assert_eq!(report.failure, None);
        let tally = report.tally;
        if original {
            assert_eq!((tally.produced, tally.done, tally.lost, report.left.items()), (2, 0, 2, 0));
        } else {
            // The victim's item was done by its successor.
            assert_eq!((tally.produced, tally.done, tally.lost), (2, 1, 0));
            assert_eq!(report.left, Left { processors: 1, ..Left::default() });
        }
        drop(go);
    }
}

fn r18() {
    let shutdown = Duration::from_millis(100);
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let settings = Settings { shutdown, ..settings };
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let rate = Rate::new(Some(2), None, Duration::from_secs(3600)).unwrap();
        let running = counting_on(5, to).settings(settings).rate_limited(Kind::Window, rate, |_| 1);
        let running = running.stage(demanding(pass(), 5, 0)).observed(observe).start().unwrap();
        let (mut up, mut closed) = (false, false);
        find(&told, |event| {
            up |= *event == Event::Started;
            closed |= matches!(event, Event::LimiterClosed { .. });
            (up && closed).then_some(())
        });
        let stopped = Instant::now();
        running.stop();
        let report = running.wait();
        let (done, _) = all_ids(&heard);
        if original {
            assert!(stopped.elapsed() >= shutdown);
            assert_eq!(done, [0, 1]);
            // What was held back had not come out of its producer.
            assert_eq!((report.tally.produced, report.tally.done), (2, 2));
        } else {
            assert_eq!(done, [0, 1, 2, 3, 4]);
            assert_eq!((report.tally.produced, report.tally.done), (5, 5));
        }
        assert_eq!((report.left.items(), report.failure), (0, None));
    }
}
