//! Verdicts for people.

use super::{Finding, Verdict};
use crate::measure::words::{counted, duration, figures};
use crate::report::wrap;
use crate::stats::Estimate;

/// The verdicts, each with its number, its rule and the command that makes its data; then their count; then what the
/// results do not show. No line is longer than 100 characters, but for long commands.
pub fn text(findings: &[Finding<'_>], limits: &[String]) -> String {
    let mut out = String::new();
    for finding in findings {
        out += &verdict(finding);
    }
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count() as u64;
    out += &format!(
        "{}: {} PASS, {} FAIL, {} INCONCLUSIVE.\n",
        counted(findings.len() as u64, "claim"),
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive)
    );
    if !limits.is_empty() {
        out += "\nWhat these results do not show:\n";
    }
    for limit in limits {
        out += &indented(limit, "- ", "  ");
    }
    out
}

fn verdict(finding: &Finding<'_>) -> String {
    let claim = finding.claim;
    let mut out = indented(&claim.statement, &format!("{}  ", finding.verdict), "    ");
    out += &indented(&format!("{}: {}", claim.id, observed(finding)), "    ", "      ");
    let why = if finding.why.is_empty() { String::new() } else { format!("; {}", finding.why) };
    out +=
        &indented(&format!("rule: {}, n >= {}{why}", rule(finding), claim.n_min), "    ", "      ");
    out + &format!(
        "    data: {} ({} min, {} MiB)\n\n",
        claim.command, claim.minutes, claim.disk_mib
    )
}

/// What the claim is about, and the number found, with how sure it is.
pub(crate) fn observed(finding: &Finding<'_>) -> String {
    let claim = finding.claim;
    let what = match (&claim.measure, claim.oracle) {
        (Some(measure), _) => measure.clone(),
        (_, Some(oracle)) => format!("{oracle} (share of runs)"),
        (None, None) => String::new(),
    };
    let twins = if claim.faults { "" } else { ", without faults" };
    let family = claim.family.as_ref().map(|f| format!(" in its family {f}"));
    let number = match finding.estimate {
        None => String::new(),
        Some(e) => format!(
            ": {} from {}, bounds {}, each with {}{}",
            e.value.map_or("no value".into(), |v| value(v, finding.unit)),
            e.n,
            bounds(e, finding.unit),
            percent(1.0 - finding.error),
            family.unwrap_or_default()
        ),
    };
    format!("{what} of {} in {}{twins}{number}", claim.subject, claim.experiment)
}

/// When it passes, in words with units.
pub(crate) fn rule(finding: &Finding<'_>) -> String {
    let rule = finding.claim.rule;
    match (rule.limit(), finding.unit) {
        // Without its digits of nanoseconds.
        (Some(x), "ns") => {
            let text = rule.to_string();
            let head = text.rsplit_once(' ').map_or("", |(head, _)| head);
            format!("{head} {}", duration(x))
        }
        _ => rule.to_string(),
    }
}

/// A number with its unit, for people.
pub(crate) fn value(x: f64, unit: &str) -> String {
    match unit {
        _ if x.is_infinite() => "never".into(),
        "ns" => duration(x),
        "px/s" => format!("{} Mpx/s", figures(x / 1e6)),
        "1" => format!("{x:.3}"),
        unit => format!("{} {unit}", figures(x)),
    }
}

/// Both ends of the interval. A ratio is rounded away from the middle, so that a bound never reads as more than it is.
pub(crate) fn bounds(estimate: Estimate, unit: &str) -> String {
    let Some((low, high)) = estimate.interval else { return "none".into() };
    let (low, high) = match unit {
        "1" => ((low * 1e3).floor() / 1e3, (high * 1e3).ceil() / 1e3),
        _ => (low, high),
    };
    format!("{} to {}", value(low, unit), value(high, unit))
}

/// `95 %`, `98.33 %`.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Wrapped, with something before the first line and before the others.
fn indented(text: &str, first: &str, others: &str) -> String {
    let wrapped = wrap(text, 100 - first.chars().count().max(others.len()));
    let line =
        |(n, line): (usize, &str)| format!("{}{line}\n", if n == 0 { first } else { others });
    wrapped.lines().enumerate().map(line).collect()
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        })
    }
}
