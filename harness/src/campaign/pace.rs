//! How long trials take, by what they took so far: subjects differ a hundredfold, so each is expected by its own mean.

use crate::experiment::Trial;
use crate::history::Run;
use std::collections::BTreeMap;
use std::time::Duration;

/// What trials took so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pace {
    /// Trials and their time together, by subject and whether it was struck.
    seen: BTreeMap<(String, bool), (u32, Duration)>,
}

impl Pace {
    /// That of these runs.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Self {
        let mut pace = Self::default();
        for run in runs {
            pace.add(&run.subject, run.faults, Duration::from_nanos(run.wall_ns));
        }
        pace
    }

    /// One more trial is over.
    pub fn add(&mut self, subject: &str, faults: bool, took: Duration) {
        let (trials, time) = self.seen.entry((subject.to_owned(), faults)).or_default();
        *trials += 1;
        *time += took;
    }

    /// What a trial like this takes: the mean of those like it, else of all of its subject, else of all there are.
    /// `None` if nothing was seen yet.
    pub fn expect(&self, subject: &str, faults: bool) -> Option<Duration> {
        let mean = |like: &dyn Fn(&str, bool) -> bool| {
            let found = self.seen.iter().filter(|((s, f), _)| like(s, *f));
            let (trials, time) =
                found.fold((0, Duration::ZERO), |(n, t), (_, (m, u))| (n + m, t + *u));
            (trials > 0).then(|| time / trials)
        };
        mean(&|s, f| s == subject && f == faults)
            .or_else(|| mean(&|s, _| s == subject))
            .or_else(|| mean(&|_, _| true))
    }

    /// What these trials take together, of the first of which so much has passed.
    pub fn left(&self, trials: &[Trial], passed: Duration) -> Option<Duration> {
        let mut left = Duration::ZERO;
        for (n, trial) in trials.iter().enumerate() {
            let whole = self.expect(&trial.subject, trial.faults)?;
            left += if n == 0 { whole.saturating_sub(passed) } else { whole };
        }
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(subject: &str, faults: bool) -> Trial {
        let subject = subject.into();
        Trial { run: 0, block: 0, order_in_block: 0, subject, faults, seed: 0 }
    }

    #[test]
    fn each_subject_is_expected_by_its_own_mean() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::default();
        assert_eq!(pace.left(&[trial("baseline", true)], Duration::ZERO), None);
        assert_eq!(pace.left(&[], Duration::ZERO), Some(Duration::ZERO));
        pace.add("baseline", true, second);
        pace.add("baseline", true, 3 * second);
        pace.add("baseline", false, 4 * second);
        // Of whom nothing was seen, the mean of all is expected.
        assert_eq!(pace.expect("htpipe", true), Some(second * 8 / 3));
        pace.add("htpipe", false, 100 * second);
        assert_eq!(
            pace.expect("htpipe", true),
            Some(100 * second),
            "its twin is nearer than others"
        );
        assert_eq!(pace.expect("baseline", true), Some(2 * second));
        let left = [trial("htpipe", true), trial("baseline", true), trial("baseline", false)];
        assert_eq!(pace.left(&left, 30 * second), Some(76 * second));
        assert_eq!(pace.left(&left, 900 * second), Some(6 * second), "one that is late is due now");
    }
}
