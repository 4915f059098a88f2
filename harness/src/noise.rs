//! How quiet the machine is. What others do on it disturbs every time that is measured: before a campaign it can be
//! refused, and during each run it is measured, so that disturbed runs can be told from others.
//!
//! Deciding is pure; [`stat`] reads `/proc`.

mod stat;
#[cfg(test)]
mod tests;

pub(crate) use stat::load;
pub use stat::{Ticks, listen};

/// A run is noisy if processes that are not its own used more than this share of all cores' time.
pub const FOREIGN_SHARE_MAX: f64 = 0.10;
/// But less than this, over all cores, is not told from the kernel's rounding to ticks of 10 ms.
pub const NOISE_NS_MIN: u64 = 50_000_000;
/// Or if the host of a virtual machine kept more than this share of it for others.
pub const STEAL_SHARE_MAX: f64 = 0.05;
/// More processes than this wanted a core in the last minute, on average and for each core: it is a busy machine.
pub const LOAD_MAX: f64 = 1.0;
/// A short computation, done again and again, takes at most this much longer (its ninth decile against its fastest).
pub const SPREAD_MAX: f64 = 0.25;

/// What the machine did beside a run. `None`: the kernel does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noise {
    /// Processor time of processes that belong neither to the run nor to its observer, over all cores.
    pub foreign_cpu_ns: Option<u64>,
    /// Time that a virtual machine was not given though it had work, over all cores.
    pub steal_ns: Option<u64>,
    /// Whether one of the two was more than a run bears: [`FOREIGN_SHARE_MAX`], [`STEAL_SHARE_MAX`],
    /// [`NOISE_NS_MIN`].
    pub noisy: Option<bool>,
}

impl Noise {
    /// What lies between two looks at the machine that are `wall_ns` apart.
    pub fn between(before: &Ticks, after: &Ticks, wall_ns: u64, cores: usize) -> Self {
        let busy_ns = after.busy_ns.saturating_sub(before.busy_ns);
        // The kernel rounds the two differently: a small difference may turn out below zero.
        let foreign_ns = busy_ns.saturating_sub(after.own_ns.saturating_sub(before.own_ns));
        let steal_ns = after.steal_ns.saturating_sub(before.steal_ns);
        let all_ns = wall_ns as f64 * cores as f64;
        let above = |ns: u64, share: f64| ns >= NOISE_NS_MIN && ns as f64 > share * all_ns;
        let noisy = above(foreign_ns, FOREIGN_SHARE_MAX) || above(steal_ns, STEAL_SHARE_MAX);
        Self { foreign_cpu_ns: Some(foreign_ns), steal_ns: Some(steal_ns), noisy: Some(noisy) }
    }
}

/// The machine before a campaign, while nothing of ours runs but a short computation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quiet {
    /// Share of all cores' time that others used, 0 to 1; `None`: the kernel does not say.
    pub foreign_share: Option<f64>,
    /// Share of it that the host kept, 0 to 1.
    pub steal_share: Option<f64>,
    /// Processes that wanted a core in the last minute, for each core.
    pub load_per_core: Option<f64>,
    /// How much longer the computation took in its ninth decile than at its fastest: 0.1 is a tenth.
    pub spread: f64,
}

impl Quiet {
    /// What speaks against measuring here and now, each in words; empty: nothing.
    pub fn objections(&self) -> Vec<String> {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let mut all = Vec::new();
        if let Some(share) = self.foreign_share.filter(|s| *s > FOREIGN_SHARE_MAX) {
            all.push(format!("other processes use {} of the cores", percent(share)));
        }
        if let Some(share) = self.steal_share.filter(|s| *s > STEAL_SHARE_MAX) {
            all.push(format!("the host keeps {} of the cores' time for others", percent(share)));
        }
        if let Some(load) = self.load_per_core.filter(|l| *l > LOAD_MAX) {
            all.push(format!("{load:.1} processes wanted each core in the last minute"));
        }
        if self.spread > SPREAD_MAX {
            all.push(format!("a short computation takes up to {} longer", percent(self.spread)));
        }
        all
    }
}

/// How much longer the ninth decile of these times is than the least, as a share of it; 0 of less than two times.
pub fn spread(times_ns: &[u64]) -> f64 {
    let mut sorted = times_ns.to_vec();
    sorted.sort_unstable();
    let ninth = sorted.get((sorted.len() * 9).div_ceil(10).saturating_sub(1));
    match (sorted.first(), ninth) {
        (Some(&least), Some(&ninth)) if least > 0 => (ninth - least) as f64 / least as f64,
        _ => 0.0,
    }
}
