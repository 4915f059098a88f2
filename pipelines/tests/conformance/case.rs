//! A case, and the table of all of them.

use libtest_mimic::Trial;
use std::fmt::Write;
use std::path::Path;

/// Whether the engine does as the original does.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// It does, in the setting that stands for the original; where that is a defect, ours mends it.
    Holds,
    /// It does something else, for this reason. The test shows what.
    Differs(&'static str),
    /// It means nothing here, for this reason.
    NotApplicable(&'static str),
}

/// A case of the list.
#[derive(Clone)]
pub(crate) struct Case {
    id: &'static str,
    /// What is given, done, expected, in a line.
    what: &'static str,
    verdict: Verdict,
    test: Option<(&'static str, fn())>,
}

impl Case {
    /// A case that holds; `name` says in a few words what its test shows.
    pub(crate) fn holds(
        id: &'static str,
        name: &'static str,
        what: &'static str,
        test: fn(),
    ) -> Self {
        Self { id, what, verdict: Verdict::Holds, test: Some((name, test)) }
    }
    /// A case in which this engine does something else, on purpose.
    pub(crate) fn differs(
        id: &'static str,
        name: &'static str,
        what: &'static str,
        why: &'static str,
        test: fn(),
    ) -> Self {
        Self { id, what, verdict: Verdict::Differs(why), test: Some((name, test)) }
    }
    /// A case that means nothing here.
    pub(crate) fn not_applicable(id: &'static str, what: &'static str, why: &'static str) -> Self {
        Self { id, what, verdict: Verdict::NotApplicable(why), test: None }
    }

    /// Its group, and its number in that.
    fn place(&self) -> (&'static str, u32) {
        let (group, number) = self.id.split_at(1);
        (group, number.parse().expect("an id is a letter and a number"))
    }

    fn name(&self) -> Option<String> {
        self.test.map(|(name, _)| format!("conformance::{}_{name}", self.id))
    }
    pub(crate) fn trial(&self) -> Option<Trial> {
        let (_, test) = self.test?;
        Some(Trial::test(self.name()?, move || {
            test();
            Ok(())
        }))
    }
    fn row(&self) -> String {
        let name = self.name().map_or("–".to_owned(), |name| format!("`{name}`"));
        let verdict = match self.verdict {
            Verdict::Holds => "holds".to_owned(),
            Verdict::Differs(why) => format!("differs on purpose: {why}"),
            Verdict::NotApplicable(why) => format!("not applicable: {why}"),
        };
        format!("| {} | {} | {name} | {verdict} |\n", self.id, self.what)
    }
}

/// The table is written anew when that is asked for, and else compared.
pub(crate) fn check_table(cases: &[Case]) {
    let count = |of: fn(&Verdict) -> bool| cases.iter().filter(|case| of(&case.verdict)).count();
    let mut table = include_str!("preface.md").to_owned();
    writeln!(
        table,
        "{} cases: {} hold, {} differ on purpose, {} are not applicable.\n",
        cases.len(),
        count(|v| matches!(v, Verdict::Holds)),
        count(|v| matches!(v, Verdict::Differs(_))),
        count(|v| matches!(v, Verdict::NotApplicable(_)))
    )
    .expect("a string takes it");
    table.push_str("| id | what | test | |\n|---|---|---|---|\n");
    let mut sorted: Vec<_> = cases.iter().collect();
    sorted.sort_by_key(|case| case.place());
    table.extend(sorted.into_iter().map(Case::row));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONFORMANCE.md");
    if std::env::var_os("OKIAGARI_BLESS").is_some() {
        std::fs::write(&path, table).expect("the table can be written");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == table,
        "CONFORMANCE.md is out of date: OKIAGARI_BLESS=1 cargo test --test conformance"
    );
}
