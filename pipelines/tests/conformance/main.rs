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
mod q_buffers;
mod q_children;
mod q_flow;
mod q_ledger;
mod r_acks;
mod r_budget;
mod r_children;
mod r_ends;
mod r_frail;
mod r_half_way;
mod r_kills;
mod r_room;
mod r_siblings;
mod r_sinks;
mod recovery;
mod waits;

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
        q_ledger::cases(),
        q_flow::cases(),
        q_buffers::cases(),
        q_children::cases(),
        r_kills::cases(),
        r_siblings::cases(),
        r_half_way::cases(),
        r_budget::cases(),
        r_ends::cases(),
        r_acks::cases(),
        r_room::cases(),
        r_children::cases(),
        r_sinks::cases(),
        losses::cases(),
        recovery::cases(),
        measured::cases(),
    ]
    .concat()
}

fn main() {
    // The processes of isolated workers are this program again.
    pipelines::isolation::worker::enter(&r_frail::roles());
    let cases = cases();
    let mut trials: Vec<_> = cases.iter().filter_map(Case::trial).collect();
    trials.push(Trial::test("conformance::the_table_is_up_to_date", move || {
        case::check_table(&cases);
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
