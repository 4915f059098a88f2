//! One option of all subjects, in several values: each subject becomes one for each value, called after both.

use super::{Experiment, Options};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `[vary]` in an experiment: exactly one key, with the values that its option is to have. `okiagari` with
/// `memory_max_mib = [64, 256]` becomes `okiagari-64mib` and `okiagari-256mib`; what is expected of it is expected of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// [`Options::library`]: `-rust` and `-c`.
    Library(Vec<String>),
    /// [`Options::operation`]: `-blur-2` of `"blur:2"`, `-sobel-grayscale` of `["sobel", "grayscale"]`.
    Operation(Vec<Operations>),
    /// [`Options::memory_max_mib`]: `-64mib`.
    MemoryMaxMib(Vec<u64>),
    /// [`Options::mtbf_ms`]: `-300ms`.
    MtbfMs(Vec<u64>),
}

/// One value of what is done with a tile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Operations {
    /// A single operation.
    One(String),
    /// Several, in order.
    Several(Vec<String>),
}

impl Operations {
    fn list(&self) -> Vec<String> {
        match self {
            Self::One(operation) => vec![operation.clone()],
            Self::Several(all) => all.clone(),
        }
    }
    /// How a name ends in it: what cannot stand in a name is a dash.
    fn suffix(&self) -> String {
        let all = self.list().join("-");
        let words = all.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }
}

impl Vary {
    /// Its key and what is wrong with it, if two of its values would be one subject, since they are called alike.
    pub(super) fn twice(&self) -> Option<(String, String)> {
        let key = match self {
            Self::Library(_) => "library",
            Self::Operation(_) => "operation",
            Self::MemoryMaxMib(_) => "memory_max_mib",
            Self::MtbfMs(_) => "mtbf_ms",
        };
        let mut seen = BTreeSet::new();
        let mut names = self.values().into_iter().map(|(name, _)| name);
        let name = names.find(|name| !seen.insert(name.clone()))?;
        Some((key.to_owned(), format!("has two values that are both called {name:?}; give one")))
    }

    /// Each value: how names end in it, and how it is given to a subject.
    fn values(&self) -> Vec<(String, Options)> {
        let none = Options::default;
        match self {
            Self::Library(all) => {
                let give = |v: &String| (v.clone(), Options { library: Some(v.clone()), ..none() });
                all.iter().map(give).collect()
            }
            Self::Operation(all) => {
                let give =
                    |v: &Operations| (v.suffix(), Options { operation: Some(v.list()), ..none() });
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
            operation: self.operation.clone().or_else(|| more.operation.clone()),
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

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, error};
    use super::*;
    use crate::subject::Subject;

    #[test]
    fn what_is_done_with_a_tile_can_be_varied_too() {
        let vary = "[vary]\noperation = [\"none\", \"blur:16\", [\"sobel\", \"blur:2\"]]\n[subject.baseline]";
        let mine = "[subject.mine]\nlike = \"okiagari\"\noperation = [\"sobel\"]\n[expect]";
        let text = GOOD.replace("[subject.baseline]", vary).replace("[expect]", mine);
        let e = Experiment::parse(&text, "mine.toml").unwrap();
        let names = "baseline-blur-16 baseline-none baseline-sobel-blur-2 mine \
                     okiagari-blur-16 okiagari-none okiagari-sobel-blur-2";
        assert!(e.subject.keys().map(String::as_str).eq(names.split(' ')));
        assert_eq!(e.operations("baseline-sobel-blur-2"), ["sobel", "blur:2"]);
        assert_eq!(
            (e.operations("mine"), e.operations("another")),
            (&["sobel".into()][..], &["blur:2".into()][..])
        );
        assert_eq!(toml::from_str::<Experiment>(&toml::to_string(&e).unwrap()).unwrap(), e);
    }

    #[test]
    fn what_is_varied_makes_several_subjects_of_each_and_expects_the_same_of_them() {
        let text = "name = \"mine\"\nquestion = \"?\"\nseed = 1\nblocks = 2\n[workload]\ninput = \"a.png\"\n\
            [[strike]]\nfault = \"abort\"\nwhen = { p = 0.5 }\n[vary]\nmtbf_ms = [10, 200]\n\
            [subject.okiagari]\nspares = 3\n[subject.slow]\nlike = \"htpipe\"\nmtbf_ms = 9000\n\
            [expect]\nokiagari = { nothing-lost = \"holds\" }\n";
        let e = Experiment::parse(text, "mine.toml").unwrap();
        assert!(e.subject.keys().eq(["okiagari-10ms", "okiagari-200ms", "slow"]));
        assert!(e.expect.keys().eq(["okiagari-10ms", "okiagari-200ms"]));
        let options = &e.subject["okiagari-10ms"];
        assert_eq!((options.spares, options.mtbf_ms), (Some(3), Some(10)));
        assert_eq!(e.subject_called("okiagari-10ms").unwrap().program, Subject::okiagari().program);
        assert_eq!(e.subject["slow"].mtbf_ms, Some(9000));
        for trial in e.schedule().iter().filter(|t| t.faults && t.subject == "okiagari-200ms") {
            assert_eq!(e.plan(trial).specs[0].to_string(), "abort@rate=5/s");
        }
        // What was run is read again as it is.
        let again: Experiment = toml::from_str(&toml::to_string(&e).unwrap()).unwrap();
        assert_eq!(again, e);
        for (values, part) in [
            ("spares = [1]", "unknown variant `spares`"),
            ("mtbf_ms = [10, 10]", "mtbf_ms has two values that are both called \"10ms\""),
            ("operation = [\"blur:2\", [\"blur\", \"2\"]]", "both called \"blur-2\""),
            (
                "operation = [\"burr:2\"]",
                "subject.okiagari-burr-2.operation cannot be: there is no operation",
            ),
            ("operation = [[]]", "operation is empty; \"none\" leaves the pixels as they are"),
            ("operation = [2]", "did not match any variant"),
        ] {
            let wrong = error(&text.replace("mtbf_ms = [10, 200]", values));
            assert!(wrong.contains(part) && !wrong.contains('\n'), "{wrong}");
        }
    }
}
