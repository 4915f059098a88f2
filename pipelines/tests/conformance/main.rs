//! Broadway's own test cases, GenStage's that apply, and those that neither has, against this engine. The
//! cases are the table of `CONFORMANCE.md`, which is generated from them: run with `OKIAGARI_BLESS=1` to
//! write it anew.

mod case;
mod e;
mod kit;

use case::Case;
use libtest_mimic::{Arguments, Trial};

fn cases() -> Vec<Case> {
    [e::cases()].concat()
}

fn main() {
    let cases = cases();
    let mut trials: Vec<_> = cases.iter().filter_map(Case::trial).collect();
    trials.push(Trial::test("conformance::the_table_is_up_to_date", move || {
        case::check_table(&cases);
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
