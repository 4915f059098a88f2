//! One injection's story in words, with its times, for a reader who was not there. Pure.

use crate::history::{Event, History, Injection, Ring};
use crate::measure::words::{cause, counted, duration, ending};
use crate::measure::{Outcome, Steady, Twins, deficit, diagnosis_ok, outcome, worst};
use pipelines::black_box::What;
use std::collections::BTreeSet;

/// An injection, with all that is known around it.
pub struct Story<'a> {
    /// The trial that it happened in.
    pub history: &'a History,
    /// The injection.
    pub injection: &'a Injection,
    /// The twins among the trials of its experiment.
    pub twins: &'a Twins,
    /// What was recorded in the trial; may be empty.
    pub events: &'a [Event],
}

/// A list of runs, one a line.
pub fn list_of_runs(histories: &[History], twins: &Twins) -> String {
    let line = |h: &History| {
        let (r, faults) = (&h.run, counted(h.injections.len() as u64, "injection"));
        let twin = if r.faults { "" } else { " (twin)" };
        let (took, end, worst) =
            (duration(r.wall_ns as f64), ending(&r.ending), worst(h, twins).name());
        format!(
            "run {}: {}{twin}, block {}, {faults}, {end} after {took}: {worst}\n",
            r.run, r.subject, r.block
        )
    };
    histories.iter().map(line).collect()
}

/// A list of a run's injections, one a line.
pub fn list_of_injections(history: &History, twins: &Twins) -> String {
    if history.injections.is_empty() {
        return format!("run {} has no injections\n", history.run.run);
    }
    let line = |i: &Injection| {
        let came = outcome(history, i, twins).name();
        let when = match i.fired_ns {
            Some(t) => format!("fired at {}", duration(t as f64)),
            None => "never fired".to_owned(),
        };
        let back = i.recovery_ns().map(|ns| format!(", back after {}", duration(ns as f64)));
        let (n, fault, item, attempt) = (i.injection, i.fault, i.item, i.attempt);
        format!(
            "{n}: {fault} at tile {item}, attempt {attempt}, {when}{}: {came}\n",
            back.unwrap_or_default()
        )
    };
    history.injections.iter().map(line).collect()
}

impl Story<'_> {
    /// All of it, a sentence a line; the last says what it came to and what it cost.
    pub fn tell(&self) -> String {
        let mut lines = vec![self.head(), self.beginning()];
        if self.injection.fired_ns.is_some() {
            lines.push(self.notice());
            lines.extend(self.repair());
            lines.extend(self.recovery());
            lines.extend(self.meanwhile());
            lines.extend(self.around());
        }
        lines.push(self.end());
        lines.join("\n") + "\n"
    }

    fn head(&self) -> String {
        let (r, i) = (&self.history.run, self.injection);
        let class = i.fault.entry().class.name();
        format!(
            "Injection {} of run {} ({}, block {}, seed {:#x}): {}, class {class}.",
            i.injection, r.run, r.subject, r.block, r.seed, i.fault
        )
    }

    fn beginning(&self) -> String {
        let i = self.injection;
        let (at, item) = (duration(i.armed_ns as f64), i.item);
        let attempt =
            if i.attempt == 0 { String::new() } else { format!(", attempt {}", i.attempt) };
        let to = format!(" to lane {}", i.lane);
        let lent = format!("At {at} tile {item}{attempt} was lent{to}, with the fault in the loan");
        match (i.reached_ns, i.fired_ns) {
            (_, Some(fired)) => format!("{lent}; {} later it fired.", since(i.armed_ns, fired)),
            (Some(reached), None) => {
                format!(
                    "{lent}; {} later it came to the fault's point, and nothing fired.",
                    since(i.armed_ns, reached)
                )
            }
            (None, None) => format!("{lent}; it never came to the fault's point."),
        }
    }

    fn notice(&self) -> String {
        let i = self.injection;
        let fired = i.fired_ns.unwrap_or_default();
        let Some(detected) = i.detected_ns else {
            return "Nobody noticed anything.".into();
        };
        let who =
            if i.contained_at == Some(Ring::Subject) { "the observer" } else { "the supervisor" };
        let sign = i.error_ns.filter(|t| *t < detected);
        let sign = sign.map_or(String::new(), |t| {
            format!("{} later there was the first sign of it; ", since(fired, t))
        });
        let named = i.diagnosis.as_deref().map_or("something".to_owned(), cause);
        let right = match diagnosis_ok(i) {
            Some(true) => ", which is what it was",
            Some(false) => ", which is not what it was",
            None => "",
        };
        let text = format!(
            "{sign}{} after it fired {who} knew, and called it {named}{right}.",
            since(fired, detected)
        );
        capital(&text)
    }

    /// What was done about it.
    fn repair(&self) -> Option<String> {
        let i = self.injection;
        let detected = i.detected_ns?;
        let acted = i.acted_ns?;
        let ready = i.ready_ns.map(|t| {
            format!("; {} after it was known the lane could work again", since(detected, t))
        });
        let what = if i.lent_again_ns == Some(acted) {
            "the tile was lent again"
        } else {
            "a replacement was taken or ordered"
        };
        Some(format!("{} after that {what}{}.", since(detected, acted), ready.unwrap_or_default()))
    }

    fn recovery(&self) -> Option<String> {
        let i = self.injection;
        let fired = i.fired_ns?;
        let again = i.lent_again_ns?;
        let Some(accepted) = i.accepted_ns else {
            return Some(format!(
                "The tile was lent again {} after the fault, and no result came.",
                since(fired, again)
            ));
        };
        let work =
            i.work_ns.map(|ns| format!(", {} of which were its own work", duration(ns as f64)));
        Some(format!(
            "The tile was lent again {} after the fault, and its result was accepted {} after it{}.",
            since(fired, again),
            since(fired, accepted),
            work.unwrap_or_default()
        ))
    }

    /// What the others did until the tile was back.
    fn meanwhile(&self) -> Option<String> {
        let i = self.injection;
        let (from, to) = (i.fired_ns?, i.accepted_ns?);
        let within = |e: &&Event| (from..=to).contains(&e.t_ns) && e.item != i.item;
        let done = self.events.iter().filter(within).filter(|e| e.what == What::Accepted);
        let lanes: BTreeSet<u8> = done.clone().map(|e| e.lane).collect();
        let (n, lanes) = (done.count() as u64, counted(lanes.len() as u64, "lane"));
        (!self.events.is_empty()).then(|| match n {
            0 => "Meanwhile no other result was accepted.".to_owned(),
            _ => format!("Meanwhile {} of {lanes} were accepted.", counted(n, "other result")),
        })
    }

    /// How the whole trial came back.
    fn around(&self) -> Option<String> {
        let fired = self.injection.fired_ns?;
        Some(match self.twins.steady(self.history, self.injection)? {
            Steady::Reached(t) => {
                format!("The run was as steady as its twin {} after the fault.", since(fired, t))
            }
            Steady::Censored(t) => {
                format!(
                    "The run was not as steady as its twin before it ended, {} after the fault.",
                    since(fired, t)
                )
            }
        })
    }

    fn end(&self) -> String {
        let i = self.injection;
        let came = outcome(self.history, i, self.twins);
        let mut costs = Vec::new();
        if came != Outcome::NotActivated {
            costs.extend(
                i.contained_at.map(|ring| format!("it came as far as the {}", ring.name())),
            );
            costs.extend(
                i.recovery_net_ns()
                    .map(|ns| format!("cost the tile {} beside its work", duration(ns as f64))),
            );
            costs.extend(
                (i.restarts > 0)
                    .then(|| format!("cost {}", counted(i.restarts.into(), "replacement"))),
            );
        }
        let behind = deficit(self.history, self.twins).map(|d| d.peak_items.round() as u64);
        let behind = behind.filter(|_| came != Outcome::NotActivated);
        costs
            .extend(behind.map(|n| {
                format!("and its run was at most {} behind its twin", counted(n, "tile"))
            }));
        let costs =
            if costs.is_empty() { String::new() } else { format!(": {}", costs.join(", ")) };
        format!("Outcome: {}{costs}.", came.name())
    }
}

fn since(from: u64, to: u64) -> String {
    duration(to.saturating_sub(from) as f64)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    fn tell(history: &History, events: &[Event]) -> String {
        let injection = &history.injections[0];
        Story { history, injection, twins: &Twins::default(), events }.tell()
    }

    #[test]
    fn a_recovery_is_told_with_its_times() {
        let all = sample::comparison(1, 20);
        let event = |t_ns, item, lane| Event {
            t_ns,
            what: What::Accepted,
            item,
            attempt: 0,
            lane,
            value: 0,
        };
        let events = [
            event(1, 1, 0),
            event(6_000_000, 6, 0),
            event(7_000_000, 7, 0),
            event(8_700_000, 5, 1),
        ];
        assert_eq!(
            tell(&all[3], &events),
            "Injection 0 of run 3 (okiagari, block 0, seed 0x3e8): abort, class crash.\n\
             At 5.30 ms tile 5 was lent to lane 1, with the fault in the loan; 400 µs later it fired.\n\
             400 µs later there was the first sign of it; 500 µs after it fired the supervisor knew, and called it \
             SIGABRT, which is what it was.\n\
             500 µs after that a replacement was taken or ordered; 500 µs after it was known the lane could work again.\n\
             The tile was lent again 1.50 ms after the fault, and its result was accepted 3.00 ms after it, 900 µs of \
             which were its own work.\n\
             Meanwhile 2 other results of 1 lane were accepted.\n\
             Outcome: recovered: it came as far as the worker, cost the tile 2.10 ms beside its work, cost 1 replacement.\n"
        );
        let twins = Twins::of(&all);
        let list = list_of_injections(&all[3], &twins);
        assert_eq!(list.lines().count(), 2);
        assert!(list.starts_with(
            "0: abort at tile 5, attempt 0, fired at 5.70 ms, back after 3.00 ms: recovered\n"
        ));
        let runs = list_of_runs(&all, &twins);
        assert_eq!(runs.lines().count(), 4);
        assert!(
            runs.starts_with(
                "run 0: baseline, block 0, 1 injection, died: SIGABRT after 6.20 ms: abort\n"
            ),
            "{runs}"
        );
        assert_eq!(list_of_injections(&all[1], &twins), "run 1 has no injections\n");
    }

    #[test]
    fn a_fall_and_what_never_fired_are_told_too() {
        let mut all = sample::comparison(1, 20);
        let fall = tell(&all[0], &[]);
        for part in [
            "the observer knew, and called it SIGABRT",
            "Outcome: abort: it came as far as the subject.",
        ] {
            assert!(fall.contains(part), "{fall}");
        }
        let i = &mut all[3].injections[0];
        (i.reached_ns, i.fired_ns, i.effect_ns) = (None, None, None);
        let idle = tell(&all[3], &[]);
        assert!(
            idle.ends_with("it never came to the fault's point.\nOutcome: not-activated.\n"),
            "{idle}"
        );
    }
}
