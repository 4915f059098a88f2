//! The judges are shown every harm that can be done to a real run, and must find each of them.

use crate::process::Scratch;

#[test]
fn every_harm_to_a_real_run_is_found_whatever_the_seed() {
    let scratch = Scratch::new();
    for seed in 1..=8 {
        let ended = scratch.okiagari(&format!("judge --self-test --seed {seed}")).with(0);
        assert_eq!(
            ended.stdout, "96 of 96 harms were found, each by whom it concerns\n",
            "seed {seed}"
        );
    }
}
