//! What a kill in threads costs in time: from `kill` to the first item that the successor handles, and,
//! for a producer, the longest pause of the items. In both settings, so that it can be compared.
//!
//! Two workers, 100 µs an item, with a fault point every microsecond or so. Times are taken inside the
//! handlers. This is no criterion bench: criterion would count the pauses as work.

use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{Desk, Handler};
use pipelines::message::Failure;
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WORK: Duration = Duration::from_micros(100);

/// Numbers without end, with a cursor outside; it is stopped.
struct Numbers(Arc<AtomicU64>);

impl Producer for Numbers {
    type Item = u64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<u64>, Failure> {
        let count = demand.count() as u64;
        let from = self.0.fetch_add(count, Ordering::SeqCst);
        Ok(Supply::of((from..from + count).map(|n| (n, n))))
    }
}

/// When items were begun, and by a handler that had done none before.
static BEGUN: Mutex<Vec<(Instant, bool, u64)>> = Mutex::new(Vec::new());

struct Spin {
    fresh: bool,
}

impl Handler for Spin {
    type Config = ();
    type In = u64;
    type Out = ();
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self { fresh: true })
    }
    fn handle(&mut self, item: &u64, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let start = Instant::now();
        BEGUN.lock().expect("no panic").push((start, self.fresh, *item));
        self.fresh = false;
        while start.elapsed() < WORK {
            desk.point();
        }
        Ok(())
    }
}

/// Times in ms, sorted: 10 %, median, 90 %, worst.
fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let [low, median, high, worst] = [10, 50, 90, 100].map(at);
    format!("median {median:.3} ms, 10 % {low:.3}, 90 % {high:.3}, worst {worst:.3}")
}

fn run(name: &str, victim: Process, settings: Settings) {
    BEGUN.lock().expect("no panic").clear();
    // However often: this is about time, not about budgets.
    let settings = Settings { restarts: u32::MAX, ..settings };
    let cursor = Arc::<AtomicU64>::default();
    let demand = NonZeroUsize::new(10).expect("not 0");
    let running = Pipeline::produced_by(1, move |_| Ok(Numbers(cursor.clone())))
        .settings(settings)
        .stage(Stage::<Spin>::new(()).workers(2).max_demand(demand))
        .start()
        .expect("it starts");
    // Longer than Broadway's consumers wait before they turn to a new producer.
    let (kills, pause) = match victim {
        Process::Producer(_) => (40, Duration::from_millis(150)),
        _ => (200, Duration::from_millis(20)),
    };
    let kill = |_| {
        std::thread::sleep(pause);
        let at = Instant::now();
        running.kill(victim);
        at
    };
    let killed: Vec<_> = (0..kills).map(kill).collect();
    std::thread::sleep(pause);
    running.stop();
    let report = running.wait();
    let begun = std::mem::take(&mut *BEGUN.lock().expect("no panic"));
    let times = killed.iter().filter_map(|kill| match victim {
        Process::Processor(_) => {
            let heir = begun.iter().find(|(at, fresh, _)| at > kill && *fresh)?;
            Some(heir.0 - *kill)
        }
        _ => {
            let window = *kill..*kill + pause;
            let times: Vec<_> =
                begun.iter().map(|b| b.0).filter(|at| window.contains(at)).collect();
            times.windows(2).map(|pair| pair[1] - pair[0]).max()
        }
    });
    let times = quantiles(times.collect());
    let mut items: Vec<_> = begun.iter().map(|b| b.2).collect();
    items.sort_unstable();
    let again = items.windows(2).filter(|pair| pair[0] == pair[1]).count();
    println!(
        "{name}, {victim}: {times}; {kills} kills, {} lost, {again} begun again{}",
        report.tally.lost,
        report.failure.map_or(String::new(), |failure| format!("; {failure}"))
    );
}

fn main() {
    for victim in [Process::Processor(0), Process::Producer(0)] {
        run("okiagari", victim, Settings::okiagari());
        run("broadway", victim, Settings::broadway());
    }
}
