//! Broadway's own test cases, GenStage's that apply, and those that neither has, against this engine. The
//! cases are the table of `CONFORMANCE.md`, which is generated from them: run with `OKIAGARI_BLESS=1` to
//! write it anew.

mod case;
mod e;
mod f;
mod f_split;
mod g;
mod h;
mod kit;
mod l;
mod o;
mod p;
mod p_asked;
mod p_labels;
mod p_told;

use case::Case;
use libtest_mimic::{Arguments, Trial};

fn cases() -> Vec<Case> {
    [
        e::cases(),
        f::cases(),
        f_split::cases(),
        g::cases(),
        h::cases(),
        l::cases(),
        o::cases(),
        p::cases(),
        p_asked::cases(),
        p_labels::cases(),
        p_told::cases(),
    ]
    .concat()
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
