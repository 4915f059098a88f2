//! `CLAIMS.md`: every claim with what it takes to check it, as an artifact evaluation asks for.

use crate::claim::{Finding, observed, rule};

const HEAD: &str = "\
# Claims

What is claimed of the results in this folder, and what they say to it. The rules stood in `experiments/claims.toml` before
the data were looked at. This file is written by `okiagari report`; `okiagari verify` says the same in a terminal. Neither runs
anything: to make the data anew, run a claim's command (time and room are for two cores), and then `okiagari verify` again.

**PASS**: the data bear the claim out, and are enough to do so. **FAIL**: they contradict it. **INCONCLUSIVE**: they are too
few, or allow both.

";

/// The file, with a table first and a section for each claim.
pub(super) fn text(findings: &[Finding<'_>], confidence: f64) -> String {
    let mut out = String::from(HEAD);
    out += "| claim | verdict | what is claimed |\n|---|---|---|\n";
    for finding in findings {
        let claim = finding.claim;
        out += &format!(
            "| [{0}](#{0}) | {1} | {2} |\n",
            claim.id,
            finding.verdict,
            cell(&claim.statement)
        );
    }
    out += &format!(
        "\nBounds are one-sided, each with {} % confidence; claims of one family are corrected together (Holm).\n",
        confidence * 100.0
    );
    findings.iter().for_each(|finding| out += &section(finding));
    out
}

fn section(finding: &Finding<'_>) -> String {
    let claim = finding.claim;
    let why = if finding.why.is_empty() { String::new() } else { format!("; {}", finding.why) };
    let file = |name: &str| format!("[`{0}/{name}`]({0}/{name})", claim.experiment);
    let figure = claim.figure.as_deref().map_or("–".into(), file);
    format!(
        "\n## {}\n\n{}\n\n| | |\n|---|---|\n\
         | verdict | **{}**{} |\n| observed | {} |\n| rule | {}, n >= {} |\n| file | {} |\n| figure | {figure} |\n\
         | command | `{}` |\n| minutes | {} |\n| disk | {} MiB |\n",
        claim.id,
        claim.statement,
        finding.verdict,
        cell(&why),
        cell(&observed(finding)),
        rule(finding),
        claim.n_min,
        file(claim.table()),
        claim.command,
        claim.minutes,
        claim.disk_mib
    )
}

/// A text that does not end the cell it stands in.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
