//! What results do not show. A reader sees what was found; what could not have been found has to be said.

use super::{Claims, Finding, Results, Rule};
use crate::figure::subjects;
use crate::history::{Ending, History, Injection};
use crate::measure::words::{counted, grouped};
use crate::measure::{Twins, is_covered};
use crate::stats::{clopper_pearson, trials_needed};
use std::collections::BTreeMap;

/// A coverage that nobody asked for is compared with this one.
const COVERAGE: f64 = 0.99;

/// What the results do not show, a sentence or two each: class by class of the injected faults, then subject by subject,
/// then what is true of all.
pub fn limits(claims: &Claims, findings: &[Finding<'_>], results: &Results) -> Vec<String> {
    let mut all = Vec::new();
    for (experiment, histories) in results.all() {
        let twins = &Twins::of(histories);
        for subject in subjects(histories) {
            let struck: Vec<_> =
                histories.iter().filter(|h| h.run.subject == subject && h.run.faults).collect();
            let about = format!("{}, {subject}", experiment.name);
            for (fault, injections) in by_class(&struck) {
                let wanted = wanted(claims, &experiment.name, subject);
                let class = Class { about: &about, fault: &fault, injections, twins };
                all.extend(class.limits(claims.confidence, wanted));
            }
            all.extend(ended_early(&about, &struck));
        }
    }
    all.extend(findings.iter().filter_map(unsaid));
    if results.all().any(|(_, histories)| histories.iter().any(|h| h.injections.len() > 1)) {
        all.push(
            "Faults of one run share a machine and a moment. Bounds of shares take them for independent; \
             intervals of times do not."
                .into(),
        );
    }
    if results.all().next().is_some() {
        all.push(
            "All of it is about this machine, this image and these operations: an interval says nothing about \
             others."
                .into(),
        );
    }
    all
}

/// What a finding leaves open: everything, or that a promise kept so far is broken some day.
fn unsaid(finding: &Finding<'_>) -> Option<String> {
    let id = &finding.claim.id;
    let Some(estimate) = finding.estimate else {
        return Some(format!("{id}: nothing at all, {}.", finding.why));
    };
    let (low, _) = estimate.interval.filter(|_| finding.claim.rule == Rule::Holds)?;
    (estimate.value == Some(1.0)).then(|| {
        format!(
            "{id}: that no run ever breaks the promise. It was kept in {} of {}; up to {:.1} % of all runs could \
             still break it.",
            estimate.n,
            counted(estimate.n as u64, "run"),
            ((1.0 - low) * 1e3).ceil() / 10.0
        )
    })
}

type Struck<'a> = Vec<(&'a History, &'a Injection)>;

/// The injections of some runs, by fault.
fn by_class<'a>(struck: &[&'a History]) -> BTreeMap<String, Struck<'a>> {
    let mut classes: BTreeMap<_, Struck<'a>> = BTreeMap::new();
    for history in struck {
        for injection in &history.injections {
            classes.entry(injection.fault.to_string()).or_default().push((history, injection));
        }
    }
    classes
}

/// The coverage that is claimed of a subject.
fn wanted(claims: &Claims, experiment: &str, subject: &str) -> f64 {
    let mine = claims.claim.iter().find(|c| {
        (&*c.experiment, &*c.subject, c.measure.as_deref())
            == (experiment, subject, Some("coverage"))
    });
    match mine.map(|c| c.rule) {
        Some(Rule::Lower(x)) if x > 0.0 && x < 1.0 => x,
        _ => COVERAGE,
    }
}

/// The faults of one class that met one subject.
struct Class<'a> {
    about: &'a str,
    fault: &'a str,
    injections: Struck<'a>,
    twins: &'a Twins,
}

impl Class<'_> {
    fn limits(&self, confidence: f64, wanted: f64) -> Vec<String> {
        let Self { about, fault, injections, twins } = self;
        let fired: Vec<_> = injections.iter().filter(|(_, i)| i.fired_ns.is_some()).collect();
        let (armed, n) = (injections.len() as u64, fired.len() as u64);
        let k = fired.iter().filter(|(h, i)| is_covered(h, i, twins)).count() as u64;
        let mut all = Vec::new();
        all.extend(self.coverage(k, n, confidence, wanted));
        let censored = fired.iter().filter(|(_, i)| i.recovery_ns().is_none()).count() as u64;
        if censored > 0 {
            let so = match n - censored {
                0 => "so measures.csv has no median of recovery",
                _ => {
                    "so the median in measures.csv speaks of the others only; claims count them as never"
                }
            };
            all.push(format!(
                "{about}: {} of {} × {fault} never came back while it was watched. Their recovery has no time, {so}.",
                grouped(censored),
                grouped(n)
            ));
        }
        if armed > n {
            all.push(format!(
                "{about}: {} of {} × {fault} never fired. Nothing is known of what they would have done.",
                grouped(armed - n),
                grouped(armed)
            ));
        }
        let times = n - censored;
        if times > 0 {
            all.push(format!(
                "{about}: {} of {fault} bound no quantile above {} from above; nothing is said of the slowest.",
                counted(times, "recovery time"),
                floor((1.0 - confidence).powf(1.0 / times as f64))
            ));
        }
        all
    }

    /// How much coverage `k` of `n` show, and what more it would take.
    fn coverage(&self, k: u64, n: u64, confidence: f64, wanted: f64) -> Option<String> {
        let (low, high) = clopper_pearson(k, n, 1.0 - confidence)?;
        let what = format!(
            "{}: {} of {} × {} came back right.",
            self.about,
            grouped(k),
            grouped(n),
            self.fault
        );
        let percent = confidence * 100.0;
        if k == 0 {
            let high = (high * 1e3).ceil() / 1e3;
            return Some(format!(
                "{what} A coverage of up to {high:.3} is still possible ({percent} %)."
            ));
        }
        let needed = counted(trials_needed(wanted, confidence, n - k), "fault");
        let more = match n - k {
            _ if low >= wanted => String::new(),
            0 => format!(" For {wanted} it takes {needed}, all recovered."),
            _ => format!(" For {wanted} it takes {needed}, if no more of them stay away."),
        };
        Some(format!("{what} That shows a coverage of {} or more ({percent} %).{more}", floor(low)))
    }
}

/// Three decimals, cut off: 0.9899 must not read as 0.990.
fn floor(x: f64) -> String {
    format!("{:.3}", (x * 1e3).floor() / 1e3)
}

fn ended_early(about: &str, struck: &[&History]) -> Option<String> {
    let early = struck.iter().filter(|h| h.run.ending != Ending::Complete).count() as u64;
    (early > 0).then(|| {
        format!(
            "{about}: {} of {} with faults ended early. Their throughput is a rate until then, and what would have \
             struck later did not.",
            grouped(early),
            counted(struck.len() as u64, "run")
        )
    })
}
