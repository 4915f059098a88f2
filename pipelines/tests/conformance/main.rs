//! Broadway's own test cases, GenStage's that apply, and those that neither has, against this engine. The
//! cases are the table of `CONFORMANCE.md`, which is generated from them: run with `OKIAGARI_BLESS=1` to
//! write it anew.

mod a;
mod a_sizes;
mod a_start;
mod b;
mod c;
mod case;
mod d;
mod d_told;
mod e;
mod f;
mod f_split;
mod fed;
mod g;
mod h;
mod hand;
mod heard;
mod i;
mod j;
mod j_told;
mod k;
mod kit;
mod l;
mod losses;
mod m;
mod measured;
mod n;
mod o;
mod p;
mod p_asked;
mod p_labels;
mod p_told;
mod recovery;

use case::Case;
use libtest_mimic::{Arguments, Trial};

fn cases() -> Vec<Case> {
    [
        a::cases(),
        a_sizes::cases(),
        a_start::cases(),
        b::cases(),
        c::cases(),
        d::cases(),
        d_told::cases(),
        e::cases(),
        f::cases(),
        f_split::cases(),
        g::cases(),
        h::cases(),
        i::cases(),
        j::cases(),
        j_told::cases(),
        k::cases(),
        l::cases(),
        m::cases(),
        n::cases(),
        o::cases(),
        p::cases(),
        p_asked::cases(),
        p_labels::cases(),
        p_told::cases(),
        losses::cases(),
        recovery::cases(),
        measured::cases(),
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
