//! What the kernel says of the machine's time and of ours.

use super::{Noise, Quiet, spread};
use rustix::param::clock_ticks_per_second;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long the machine is listened to before a campaign: enough for twenty of the kernel's ticks on each core.
const LISTEN: Duration = Duration::from_millis(200);
/// Steps of the short computation, some 0.5 ms.
const STEPS: u64 = 400_000;

/// Processor time since the machine, or this program, was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks {
    /// All cores were busy with processes and interrupts.
    pub busy_ns: u64,
    /// All cores were taken away by the host.
    pub steal_ns: u64,
    /// This process used it, or those of its descendants that are reaped.
    pub own_ns: u64,
}

impl Ticks {
    /// As it is now; `None` where the kernel does not say.
    pub fn now() -> Option<Self> {
        let machine = std::fs::read_to_string("/proc/stat").ok()?;
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&machine, &own, 1_000_000_000 / clock_ticks_per_second().max(1))
    }

    /// Reads `/proc/stat` and `/proc/self/stat`, whose unit is `tick_ns`.
    pub(super) fn parse(machine: &str, own: &str, tick_ns: u64) -> Option<Self> {
        // cpu  user nice system idle iowait irq softirq steal guest guest_nice
        let all = machine.lines().next()?.strip_prefix("cpu ")?;
        let all: Vec<u64> = all.split_whitespace().map_while(|n| n.parse().ok()).collect();
        let [user, nice, system, _, _, irq, softirq, steal, ..] = all[..] else { return None };
        // The name of a program may hold anything, also a parenthesis and spaces.
        let (_, after_name) = own.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let mut own = 0;
        // utime, stime, cutime, cstime: fields 14 to 17, counted from 1.
        for field in fields.get(11..15)? {
            own += field.parse::<u64>().ok()?;
        }
        Some(Self {
            busy_ns: (user + nice + system + irq + softirq) * tick_ns,
            steal_ns: steal * tick_ns,
            own_ns: own * tick_ns,
        })
    }
}

/// Listens to the machine for a fifth of a second, with a short computation of its own.
pub fn listen() -> Quiet {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (before, begun) = (Ticks::now(), Instant::now());
    let mut times_ns = Vec::new();
    while begun.elapsed() < LISTEN {
        let start = Instant::now();
        black_box((0..STEPS).fold(1u64, |x, k| black_box(x).wrapping_mul(25).wrapping_add(k)));
        times_ns.push(start.elapsed().as_nanos() as u64);
    }
    let wall_ns = begun.elapsed().as_nanos() as u64;
    let noise = before.zip(Ticks::now()).map_or_else(Noise::default, |(before, after)| {
        Noise::between(&before, &after, wall_ns, cores)
    });
    let share = |ns: u64| ns as f64 / (wall_ns as f64 * cores as f64);
    Quiet {
        foreign_share: noise.foreign_cpu_ns.map(share),
        steal_share: noise.steal_ns.map(share),
        load_per_core: load().map(|load| load / cores as f64),
        spread: spread(&times_ns),
    }
}

/// Processes that wanted a core, on average of the last minute.
pub(crate) fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
