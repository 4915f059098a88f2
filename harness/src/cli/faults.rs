//! `okiagari faults`: what can be injected.

use super::{Exit, say};
use pipelines::fault::{Entry, Point, TABLE};

pub(super) fn run() -> anyhow::Result<Exit> {
    say(&text());
    Ok(Exit::Good)
}

/// The table, class by class; no line is longer than 100 columns.
fn text() -> String {
    let mut text = String::from("Faults, for --fault FAULT@WHEN and for experiments:\n");
    let mut class = None;
    for entry in TABLE {
        if class.replace(entry.class) != Some(entry.class) {
            text += &format!("\n{}\n", entry.class.name());
        }
        text += &format!("  {:<21}  {}  {}\n", entry.usage(), entry.tier, entry.how);
        text += &format!("  {:<21}  ⇒  {}\n", format!("  at {}", entry.point), entry.contract);
    }
    text += "\nThe digit is the tier, what injecting it takes: 0 nothing, 1 signals or processes. Below the name\n\
             stands the point at which it strikes, after ⇒ what a supervised pipeline owes its user. A fault\n\
             of the class protocol is one of worker processes; a thread that meets it shuts down. Those at the\n\
             points notice and fork want worker processes, too; elsewhere they do not fire. Memory,\n\
             descriptors and disks run out for the struck process only, never for the machine.\n\n\
             N is an exit status from 1 to 255, or how many; MS are milliseconds. At fork an item is the\n\
             number of the start, from 0; a file that is written again is one more attempt.\n";
    text += WHEN;
    text += &points();
    text
}

/// How a SPEC says when.
const WHEN: &str = "
WHEN is one trigger, and any conditions, all of which must hold, with commas between them.

triggers                       in an experiment: when = { … }
  item=120, item=10..1000+50   item = 120, item = \"10..1000+50\"
  tile=ROW:COL                 tile = \"ROW:COL\"       a place in the grid of its scene
  p=1%                         p = 0.01               drawn for each attempt of each item
  point=NAME                   point = \"NAME\"         each item, where it passes that point
  at=2.5s                      at_ms = 2500           these three are moments, and go to
  every=5s±30%, every=5s+-30%  every_ms = 5000, jitter = 0.3   the next item that can be
  rate=0.2/s                   rate_per_s = 0.2       struck then

conditions
  point=NAME                   point = \"NAME\"         there, not where it strikes by itself
  attempts=all, attempts<N     attempts = \"all\", attempts_below = N
  attempt=N                    attempt = N            that one alone, counted from 0
  lane=N                       lane = N               in the hands of this lane, from 0
  bytes>1M                     above_bytes = 1000000  of the tile, decoded
  when=recovering              recovering = true      from a worker's death in some lane until
                                                      the next result that this lane has
  after-restart=N              after_restart = N      the subject was started again so often

Without attempts an item is struck at its first attempt only (attempts=all: a poison item), and a
probability is drawn for all. At the points that the subject itself passes an item is struck once.
";

/// The points, and what can be moved there.
fn points() -> String {
    let process = |e: &&Entry| e.fault.strikes_at(Point::Accept) && e.point != Point::Accept;
    let process: Vec<_> = TABLE.iter().filter(process).map(|e| e.name).collect();
    let mut text = format!(
        "What happens to a whole process can be moved by point= to where the subject itself passes\n({}):\n",
        process.join(", ")
    );
    for point in Point::ALL.into_iter().filter(|p| !p.rides()) {
        text += &format!("  {:<12}  {}\n", point.name(), point.about());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_fault_once_and_fits_a_terminal() {
        let text = text();
        let long: Vec<_> = text.lines().filter(|l| l.chars().count() > 100).collect();
        assert!(long.is_empty(), "{long:#?}");
        for entry in TABLE {
            let head = format!("\n  {:<21}  {}  ", entry.usage(), entry.tier);
            assert_eq!(text.matches(&head).count(), 1, "{}", entry.name);
            let owed =
                format!("\n  {:<21}  ⇒  {}\n", format!("  at {}", entry.point), entry.contract);
            assert!(text.contains(&owed), "{}", entry.name);
            assert_eq!(text.matches(&format!("\n\n{}\n", entry.class.name())).count(), 1);
        }
    }
}
