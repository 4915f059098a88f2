//! What an engine tells of itself, for people and their tools: each event as one of `tracing`, written as a
//! JSON object a line, and all of them counted.

use pipelines::engine::event::{Ending, Event};
use pipelines::message::Failure;
use pipelines::sink::refused;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::dispatcher::{Dispatch, with_default};
use tracing::{debug, info, trace, warn};

/// Where the events of one run go.
pub(super) struct Telemetry {
    to: Dispatch,
    counts: Arc<Counts>,
}

/// What the events of a run add up to.
#[derive(Default)]
struct Counts {
    processes_started: AtomicU64,
    /// Of them, those that follow one that ended.
    restarts: AtomicU64,
    supervisors_given_up: AtomicU64,
    items_produced: AtomicU64,
    items_handled: AtomicU64,
    items_failed: AtomicU64,
    items_lost: AtomicU64,
    items_returned: AtomicU64,
    acks_failed: AtomicU64,
}

impl Telemetry {
    /// Events are appended to the file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn to(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| refused("write", path, &e))?;
        let to = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Mutex::new(file));
        Ok(Self { to: Dispatch::new(to.finish()), counts: Arc::default() })
    }

    /// What an engine calls.
    pub(super) fn observer(&self) -> impl Fn(&Event) + Send + Sync + use<> {
        let (to, counts) = (self.to.clone(), self.counts.clone());
        move |event| {
            counts.add(event);
            with_default(&to, || emit(event));
        }
    }

    /// The last event: all counts. A run that is struck down has none.
    pub(super) fn conclude(self) {
        let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let c = &*self.counts;
        with_default(&self.to, || {
            info!(
                processes_started = n(&c.processes_started),
                restarts = n(&c.restarts),
                supervisors_given_up = n(&c.supervisors_given_up),
                items_produced = n(&c.items_produced),
                items_handled = n(&c.items_handled),
                items_failed = n(&c.items_failed),
                items_lost = n(&c.items_lost),
                items_returned = n(&c.items_returned),
                acks_failed = n(&c.acks_failed),
                "counts"
            );
        });
    }
}

impl Counts {
    fn add(&self, event: &Event) {
        let add = |count: &AtomicU64, n: usize| {
            count.fetch_add(n as u64, Ordering::Relaxed);
        };
        match event {
            Event::ProcessStarted { incarnation, .. } => {
                add(&self.processes_started, 1);
                add(&self.restarts, usize::from(*incarnation > 1));
            }
            Event::GaveUp { .. } => add(&self.supervisors_given_up, 1),
            Event::Produced { items, .. } => add(&self.items_produced, *items),
            Event::ItemEnded { error: None, .. } => add(&self.items_handled, 1),
            Event::ItemEnded { .. } => add(&self.items_failed, 1),
            Event::Lost { items, .. } | Event::Discarded { items } => add(&self.items_lost, *items),
            Event::Returned { items, .. } => add(&self.items_returned, *items),
            Event::AckFailed { .. } => add(&self.acks_failed, 1),
            _ => {}
        }
    }
}

fn ns(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// Warnings are what costs something; the flow of items is for those who debug.
fn emit(event: &Event) {
    match event {
        Event::Started => info!("started"),
        Event::ProcessStarted { process, incarnation } => {
            info!(%process, incarnation, "process started");
        }
        Event::ProcessEnded { process, incarnation, ending: Ending::Finished | Ending::Left } => {
            info!(%process, incarnation, "process left");
        }
        Event::ProcessEnded { process, incarnation, ending } => {
            warn!(%process, incarnation, ?ending, "process ended");
        }
        Event::GaveUp { tree } => warn!(tree, "gave up"),
        Event::Discarded { items } => warn!(items, "discarded"),
        Event::FailureJudged { item, decision, panic, took } => {
            let panic = panic.as_deref().unwrap_or_default();
            warn!(item, decision, panic, took_ns = ns(*took), "failure judged");
        }
        Event::AckFailed { reference, items, why } => warn!(reference, items, why, "ack failed"),
        Event::Lost { process, items } => warn!(%process, items, "lost"),
        Event::Returned { process, items } => info!(%process, items, "returned"),
        Event::LimiterClosed { .. } => info!("limiter closed"),
        Event::LimiterOpened => info!("limiter opened"),
        Event::Paused => info!("paused"),
        Event::Resumed => info!("resumed"),
        Event::Drain(phase) => info!(?phase, "drain"),
        _ => emit_flow(event),
    }
}

fn emit_flow(event: &Event) {
    match event {
        Event::Demanded { producer, items } => debug!(producer, items, "demanded"),
        Event::Produced { producer, items, waiting } => {
            debug!(producer, items, waiting, "produced");
        }
        Event::ChunkStarted { processor, items } => debug!(processor, items, "chunk started"),
        Event::ChunkEnded { processor, done, failed, took } => {
            debug!(processor, done, failed, took_ns = ns(*took), "chunk ended");
        }
        Event::Batching { batcher, items } => debug!(batcher, items, "batching"),
        Event::BatchStarted { process, info } => {
            debug!(%process, size = info.size, "batch started");
        }
        Event::BatchEnded { process, done, failed, took, .. } => {
            debug!(%process, done, failed, took_ns = ns(*took), "batch ended");
        }
        Event::ItemEnded { item, attempt, processor, error: None, took } => {
            trace!(item, attempt, processor, took_ns = ns(*took), "item done");
        }
        Event::ItemEnded { item, attempt, processor, error: Some((death, why)), took } => {
            warn!(item, attempt, processor, %death, why, took_ns = ns(*took), "item failed");
        }
        other => debug!(event = ?other, "event"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::engine::tree::shapes::Process;
    use serde_json::Value;

    #[test]
    fn events_become_lines_of_json_and_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let telemetry = Telemetry::to(&path).unwrap();
        let tell = telemetry.observer();
        let process = Process::Processor(1);
        tell(&Event::ProcessStarted { process, incarnation: 2 });
        tell(&Event::ProcessEnded { process, incarnation: 2, ending: Ending::Fell });
        tell(&Event::Lost { process, items: 20 });
        tell(&Event::Discarded { items: 3 });
        let took = Duration::from_micros(2);
        let (item, attempt, processor, error) = (7, 0, 1, None);
        tell(&Event::ItemEnded { item, attempt, processor, error, took });
        telemetry.conclude();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said: Vec<_> = lines.iter().map(|l| (&l["level"], &l["message"])).collect();
        let expected = [
            ("INFO", "process started"),
            ("WARN", "process ended"),
            ("WARN", "lost"),
            ("WARN", "discarded"),
            ("TRACE", "item done"),
            ("INFO", "counts"),
        ];
        assert_eq!(said.len(), expected.len());
        for ((level, message), said) in expected.into_iter().zip(said) {
            assert_eq!((said.0.as_str(), said.1.as_str()), (Some(level), Some(message)));
        }
        assert_eq!(lines[1]["process"], process.to_string());
        assert_eq!((&lines[2]["items"], &lines[4]["took_ns"]), (&20.into(), &2000.into()));
        let counts = ["processes_started", "restarts", "items_lost", "items_handled"];
        assert_eq!(counts.map(|c| lines[5][c].as_u64()), [1, 1, 23, 1].map(Some));
    }
}
