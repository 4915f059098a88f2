//! P: units: what a producer answers to what comes from outside, and how it ends.

use crate::case::Case;
use crate::kit::{
    PATIENCE, both, dummy, ended, find, hear, ids, life, next, observer, pass, stop, ticket,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::acknowledger::{Heard, Ticket};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{Failure, ItemId, Tally};
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PRODUCER: Process = Process::Producer(0);

pub(crate) fn cases() -> Vec<Case> {
    [told(), closed()].concat()
}

fn told() -> Vec<Case> {
    const WAITS: &str = "a producer has no mailbox; it may wait for others inside `produce`";
    vec![
        Case::differs(
            "P19",
            "told_and_gives",
            "a producer is told something from outside, and gives it: it goes on",
            WAITS,
            p19,
        ),
        Case::differs(
            "P20",
            "told_and_idle",
            "a producer is told what gives no message: it is asked again",
            WAITS,
            p20,
        ),
        Case::differs(
            "P21",
            "told_and_ends",
            "a producer is told to end: what it gave is finished, and the run ends",
            WAITS,
            p21,
        ),
        Case::differs(
            "P22",
            "told_what_is_no_message",
            "a producer is told what cannot be made a message: it dies, and it is lost; mended: that one fails",
            "types rule out what is no message, but for what a transformer refuses",
            p22,
        ),
        Case::differs(
            "P23",
            "told_and_transformed",
            "what a producer is told is transformed, and then goes on",
            WAITS,
            p23,
        ),
    ]
}

fn closed() -> Vec<Case> {
    vec![
        Case::differs(
            "P24",
            "a_producer_is_dropped",
            "a producer that has to close something does so when it ends, however that comes",
            "it does so when it is dropped, and is not told why; ours outlives the death of its thread",
            p24,
        ),
        Case::holds(
            "P25",
            "a_producer_without_an_end",
            "a producer that closes nothing: it ends all the same",
            p25,
        ),
    ]
}

/// What a producer is told from outside.
enum Word {
    Give(&'static str),
    Nothing,
    End,
}

/// Waits to be told what to give.
struct Told {
    words: Receiver<Word>,
    next: Arc<AtomicU64>,
    to: Ticket,
}

impl Producer for Told {
    type Item = &'static str;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<&'static str>, Failure> {
        Ok(match self.words.recv_timeout(PATIENCE).map_err(Failure::item)? {
            Word::Give(text) => {
                let id = self.next.fetch_add(1, Ordering::SeqCst);
                Supply::Items(vec![Entry::with_ticket(id, text, self.to.clone())])
            }
            Word::Nothing => Supply::Idle(Duration::ZERO),
            Word::End => Supply::Drained,
        })
    }
}

/// A pipeline of such a producer, whose texts are made numbers; how to tell it, and what is heard.
fn telling(settings: Settings) -> (Pipeline<i64>, Sender<Word>, Receiver<Heard>) {
    let ((to, heard), (tell, words), next) = (ticket(), bounded(16), Arc::<AtomicU64>::default());
    let make =
        move |_: &Instance| Ok(Told { words: words.clone(), next: next.clone(), to: to.clone() });
    let pipeline = Pipeline::produced_by(1, make).settings(settings);
    (pipeline.transform(|text: &str| text.parse().map_err(Failure::item)), tell, heard)
}

fn p19() {
    for (name, settings) in both() {
        let (pipeline, tell, heard) = telling(settings);
        let running = pipeline.stage(pass()).start().unwrap();
        for (id, text) in ["5", "6"].into_iter().enumerate() {
            tell.send(Word::Give(text)).unwrap();
            assert_eq!(ids(&next(&heard)), (vec![id as ItemId], vec![]), "{name}");
        }
        tell.send(Word::End).unwrap();
        let report = running.wait();
        assert_eq!(
            (report.tally.done, report.left.items(), report.failure),
            (2, 0, None),
            "{name}"
        );
    }
}

fn p20() {
    for (name, settings) in both() {
        let ((pipeline, tell, heard), (observe, told)) = (telling(settings), observer());
        let running = pipeline.stage(pass()).observed(observe).start().unwrap();
        for word in [Word::Nothing, Word::Give("5"), Word::Nothing, Word::End] {
            tell.send(word).unwrap();
        }
        let report = running.wait();
        assert_eq!((report.tally.done, report.failure), (1, None), "{name}");
        assert_eq!(hear(&heard, 1), [(vec![0], vec![])]);
        let asked = told.try_iter().filter(|event| matches!(event, Event::Demanded { .. })).count();
        assert_eq!(asked, 4, "{name}");
    }
}

fn p21() {
    for (name, settings) in both() {
        let ((pipeline, tell, heard), (observe, told)) = (telling(settings), observer());
        let running = pipeline.stage(pass()).observed(observe).start().unwrap();
        for word in [Word::Give("5"), Word::End, Word::Give("6")] {
            tell.send(word).unwrap();
        }
        assert_eq!(ended(&told, PRODUCER), Ending::Finished, "{name}");
        let report = running.wait();
        assert_eq!((report.tally.produced, report.failure), (1, None), "{name}");
        assert_eq!(hear(&heard, 1), [(vec![0], vec![])]);
        assert_eq!(tell.len(), 1, "{name}: it was not asked again");
    }
}

fn p22() {
    for (name, settings) in both() {
        let original = settings.as_the_original;
        let ((pipeline, tell, heard), (observe, told)) = (telling(settings), observer());
        let running = pipeline.stage(pass()).observed(observe).start().unwrap();
        tell.send(Word::Give("no number")).unwrap();
        if original {
            assert!(matches!(ended(&told, PRODUCER), Ending::Panicked(_)), "{name}");
        } else {
            let ack = next(&heard);
            assert_eq!(ids(&ack), (vec![], vec![0]), "{name}");
            let why = &ack.failed[0].failure.as_ref().unwrap().what;
            assert_eq!(why, "invalid digit found in string", "{name}");
        }
        tell.send(Word::Give("6")).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![1], vec![]), "{name}");
        assert_eq!(life(&running, PRODUCER), if original { 2 } else { 1 }, "{name}");
        tell.send(Word::End).unwrap();
        let Tally { produced, done, failed, lost, .. } = running.wait().tally;
        let all = if original { (1, 1, 0, 0) } else { (2, 1, 1, 0) };
        assert_eq!((produced, done, failed, lost), all, "{name}");
        assert_eq!(heard.try_iter().count(), 0, "{name}");
    }
}

fn p23() {
    for (name, settings) in both() {
        let (pipeline, tell, _heard) = telling(settings);
        let (pass_on, numbers) = bounded(16);
        let stage = crate::kit::stage(move |n, _| {
            pass_on.send(*n).unwrap();
            Ok(*n)
        });
        let running = pipeline.stage(stage).start().unwrap();
        for word in [Word::Give("-5"), Word::Give("6"), Word::End] {
            tell.send(word).unwrap();
        }
        assert_eq!(running.wait().failure, None);
        assert_eq!(numbers.try_iter().collect::<Vec<_>>(), [-5, 6], "{name}");
    }
}

/// Tells when it is dropped.
struct Closing(Sender<&'static str>);

impl Producer for Closing {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        demand.wait(PATIENCE);
        Ok(Supply::Idle(Duration::ZERO))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.send("closed").ok();
    }
}

fn p24() {
    for (name, settings) in both() {
        let original = settings.as_the_original;
        let ((tell, closed), (observe, told)) = (bounded(16), observer());
        let make = move |_: &Instance| {
            tell.send("made").unwrap();
            Ok(Closing(tell.clone()))
        };
        let pipeline = Pipeline::produced_by(1, make).settings(settings);
        let running = pipeline.stage(pass()).observed(observe).start().unwrap();
        let handle = running.handle();
        // It waits inside of `produce`.
        find(&told, |event| matches!(event, Event::Demanded { .. }).then_some(()));
        assert!(running.kill(PRODUCER));
        assert_eq!(ended(&told, PRODUCER), Ending::Killed);
        find(&told, |event| matches!(event, Event::Demanded { .. }).then_some(()));
        let lives = if original { vec!["made", "closed", "made"] } else { vec!["made"] };
        assert_eq!(closed.try_iter().collect::<Vec<_>>(), lives, "{name}");
        stop(running);
        assert_eq!(closed.try_iter().collect::<Vec<_>>(), ["closed"], "{name}");
        drop(handle);
    }
}

fn p25() {
    for (name, settings) in both() {
        let (observe, told) = observer();
        let running = dummy().settings(settings).stage(pass()).observed(observe).start().unwrap();
        find(&told, |event| matches!(event, Event::Demanded { .. }).then_some(()));
        stop(running);
        assert_eq!(ended(&told, PRODUCER), Ending::Finished, "{name}");
    }
}
