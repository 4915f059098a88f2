//! In which order the trials of an experiment run, and with which seeds.

use super::{Experiment, Options};
use crate::plan::{FaultPlan, Moment, Trigger, first_eight};

/// One trial to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Its number, from 0, in the order in which trials run.
    pub run: u32,
    /// Its block, from 0.
    pub block: u32,
    /// Its place in the block, from 0.
    pub order_in_block: u32,
    /// Who runs.
    pub subject: String,
    /// False for the fault-free twin.
    pub faults: bool,
    /// Decides the faults; the same for all trials of a block, so that all subjects in it meet the same plan. The
    /// image is that of the experiment's own seed in every block.
    pub seed: u64,
}

impl Experiment {
    /// All trials, in the order in which they run: block after block, in each every subject once with faults and
    /// once without, in an order drawn from the experiment's seed, so that a machine that slowly grows warm or busy
    /// favours none of them.
    pub fn schedule(&self) -> Vec<Trial> {
        let mut all = Vec::new();
        for block in 0..self.blocks_in_all() {
            let seed = self.keyed(b"okiagari block 1", block, &[]);
            let mut drawn = Vec::new();
            let takes_part = |o: &Options| o.blocks.is_none_or(|blocks| block < blocks);
            let subjects = self.subject.iter().filter(|(_, options)| takes_part(options));
            for (subject, _) in subjects {
                for faults in [true, false] {
                    let mut who = vec![u8::from(faults)];
                    who.extend_from_slice(subject.as_bytes());
                    drawn.push((self.keyed(b"okiagari order 1", block, &who), subject, faults));
                }
            }
            // Sorted by independent draws: a shuffle that needs no generator with a state.
            drawn.sort();
            for (order_in_block, (_, subject, faults)) in (0..).zip(drawn) {
                let (run, subject) = (all.len() as u32, subject.clone());
                all.push(Trial { run, block, order_in_block, subject, faults, seed });
            }
        }
        all
    }

    /// The faults of a trial: those of the experiment, or none for a fault-free twin. Those of a `schedule` are in its
    /// file.
    pub fn plan(&self, trial: &Trial) -> FaultPlan {
        let mut specs = if trial.faults { self.specs(trial.block) } else { Vec::new() };
        if let Some(mtbf_ms) = self.subject.get(&trial.subject).and_then(|o| o.mtbf_ms) {
            let rate = Trigger::Moment(Moment::RatePerS(1000.0 / mtbf_ms.max(1) as f64));
            specs.iter_mut().for_each(|spec| spec.trigger = rate);
        }
        FaultPlan { specs, seed: trial.seed }
    }

    /// Hashes domain, seed (u64), block (u32) and whatever follows, numbers with their little end first.
    fn keyed(&self, domain: &[u8; 16], block: u32, rest: &[u8]) -> u64 {
        let mut bytes = domain.to_vec();
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&block.to_le_bytes());
        bytes.extend_from_slice(rest);
        first_eight(&bytes)
    }
}
