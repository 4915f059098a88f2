//! One option of all subjects, in several values: each subject becomes one for each value, called after both.

use super::{Experiment, Options};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[vary]` in an experiment: exactly one key, with the values that its option is to have. `okiagari` with
/// `memory_max_mib = [64, 256]` becomes `okiagari-64mib` and `okiagari-256mib`; what is expected of it is expected of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// [`Options::library`]: `-rust` and `-c`.
    Library(Vec<String>),
    /// [`Options::memory_max_mib`]: `-64mib`.
    MemoryMaxMib(Vec<u64>),
    /// [`Options::mtbf_ms`]: `-300ms`.
    MtbfMs(Vec<u64>),
}

impl Vary {
    /// Each value: how names end in it, and how it is given to a subject.
    fn values(&self) -> Vec<(String, Options)> {
        let none = Options::default;
        match self {
            Self::Library(all) => {
                let give = |v: &String| (v.clone(), Options { library: Some(v.clone()), ..none() });
                all.iter().map(give).collect()
            }
            Self::MemoryMaxMib(all) => {
                let give =
                    |v: &u64| (format!("{v}mib"), Options { memory_max_mib: Some(*v), ..none() });
                all.iter().map(give).collect()
            }
            Self::MtbfMs(all) => {
                let give = |v: &u64| (format!("{v}ms"), Options { mtbf_ms: Some(*v), ..none() });
                all.iter().map(give).collect()
            }
        }
    }
}

impl Options {
    /// The same, and where nothing is said what `more` says of what can be varied.
    fn with(&self, more: &Self) -> Self {
        Self {
            library: self.library.clone().or_else(|| more.library.clone()),
            memory_max_mib: self.memory_max_mib.or(more.memory_max_mib),
            mtbf_ms: self.mtbf_ms.or(more.mtbf_ms),
            ..self.clone()
        }
    }
}

impl Experiment {
    /// The same with its subjects multiplied, and without `vary`. A subject that gives that option itself stays one.
    pub(super) fn varied(mut self) -> Self {
        let Some(vary) = self.vary.take() else { return self };
        let mut subjects = BTreeMap::new();
        for (name, options) in &self.subject {
            for (value, given) in vary.values() {
                let varied = options.with(&given);
                if varied == *options {
                    subjects.insert(name.clone(), varied);
                    continue;
                }
                let variant = format!("{name}-{value}");
                if let Some(expected) = self.expect.get(name).cloned() {
                    self.expect.insert(variant.clone(), expected);
                }
                // One with a name of its own is like that one; another says already what it is.
                let like = name.parse::<crate::subject::Subject>().is_ok().then(|| name.clone());
                subjects.insert(variant, Options { like: varied.like.clone().or(like), ..varied });
            }
        }
        self.expect
            .retain(|name, _| subjects.contains_key(name) || !self.subject.contains_key(name));
        self.subject = subjects;
        self
    }
}
