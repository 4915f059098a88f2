//! What it costs to ask the plan whether a fault strikes: it is asked once an attempt, in the subject.

use criterion::Criterion;
use harness::plan::{Facts, FaultPlan};
use pipelines::fault::Site;
use std::hint::black_box;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for texts in [&["abort@p=1%"][..], &["abort@p=1%", "shutdown@item=10..1000+50", "hang@item=7"]]
    {
        let specs = texts.iter().map(|text| text.parse().expect("a SPEC")).collect();
        let plan = FaultPlan { specs, seed: 1 };
        criterion.bench_function(&format!("decide, {} specs", texts.len()), |bench| {
            let mut item = 0;
            bench.iter(|| {
                item += 1;
                plan.decide(&Site::lent(black_box(item), 0, 0), &Facts::default())
            });
        });
    }
    criterion.final_summary();
}
