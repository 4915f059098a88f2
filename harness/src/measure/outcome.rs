//! What became of an injected fault, in one word.
//!
//! The scale goes back to CRASH (Koopman and DeVale, "Comparing the robustness of POSIX operating systems", FTCS 1999)
//! and to the classes of software fault injectors (masked, detected, silent corruption).

use super::twins::Twins;
use super::{Toll, conserved, toll};
use crate::history::{Ending, History, Injection, Item, Ring, State};
use serde::{Deserialize, Serialize};

/// A recovery that took longer than this, in nanoseconds, came late: 1 s.
pub const LATE_NS: u64 = 1_000_000_000;
/// A lane that got nothing new while so many more items were done is gone for good.
pub const DEGRADED_ITEMS: usize = 16;

/// What became of an injected fault. They exclude each other; worse ones are greater, and win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was put into a loan, but never fired.
    NotActivated,
    /// It fired; nothing failed and nothing was replaced, and the item came out right.
    Masked,
    /// It was detected, and the item came out right, once, in time. Or the item was poison, and was set aside, as it
    /// should be.
    Recovered,
    /// The same, but later than [`LATE_NS`], or without a steady state within that time.
    RecoveredLate,
    /// The item came out right, and the subject has one lane less from then on.
    Degraded,
    /// The item was delivered more than once.
    Duplicated,
    /// The item was given up, though a later attempt would have met no fault.
    DeclaredLoss,
    /// The subject made no progress, and had to be ended.
    Hang,
    /// The subject ended abnormally.
    Abort,
    /// The item is gone, nobody said so, and the subject ended as if all were well.
    SilentLoss,
    /// What was delivered is wrong, or in the wrong place.
    Sdc,
    /// It came out of the subject: processes that outlived it, or damage to items that nothing had struck.
    Catastrophic,
    /// What was recorded contradicts itself, so that nothing can be said.
    Invalid,
}

impl Outcome {
    /// All of them, the worst first, as they are listed.
    pub const ALL: [Self; 13] = [
        Self::Invalid,
        Self::Catastrophic,
        Self::Sdc,
        Self::SilentLoss,
        Self::Abort,
        Self::Hang,
        Self::DeclaredLoss,
        Self::Duplicated,
        Self::Degraded,
        Self::RecoveredLate,
        Self::Recovered,
        Self::Masked,
        Self::NotActivated,
    ];

    /// Its word in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Catastrophic => "catastrophic",
            Self::Sdc => "sdc",
            Self::SilentLoss => "silent-loss",
            Self::Abort => "abort",
            Self::Hang => "hang",
            Self::DeclaredLoss => "declared-loss",
            Self::Duplicated => "duplicated",
            Self::Degraded => "degraded",
            Self::RecoveredLate => "recovered-late",
            Self::Recovered => "recovered",
            Self::Masked => "masked",
            Self::NotActivated => "not-activated",
        }
    }
}

/// What became of `injection` in the trial it belongs to. `twins` are for what is late; without a twin only the victim's
/// own time is.
pub fn outcome(history: &History, injection: &Injection, twins: &Twins) -> Outcome {
    let Some(item) = victim(history, injection) else { return Outcome::Invalid };
    if contradicts_itself(injection) || !is_sound(history) {
        return Outcome::Invalid;
    }
    if injection.fired_ns.is_none() {
        return Outcome::NotActivated;
    }
    if let Some(escaped) = escaped(history) {
        return escaped;
    }
    if item.wrong() {
        return Outcome::Sdc;
    }
    if let Some(fell) = fell(history, injection, item) {
        return fell;
    }
    if item.declared() {
        return if injection.permanent { Outcome::Recovered } else { Outcome::DeclaredLoss };
    }
    if item.deliveries > 1 {
        return Outcome::Duplicated;
    }
    if injection.detected_ns.is_none() && injection.accepted_ns.is_none() {
        return Outcome::Masked;
    }
    if is_degraded(history, injection) {
        return Outcome::Degraded;
    }
    let (late, slow) = (|ns: u64| ns > LATE_NS, injection.recovery_ns());
    let unsteady = || {
        let steady = twins.steady(history, injection)?.after(injection.fired_ns?);
        Some(late(steady.0))
    };
    let came_late = slow.is_some_and(late) || unsteady() == Some(true);
    if came_late { Outcome::RecoveredLate } else { Outcome::Recovered }
}

/// The worst that became of any fault of a trial, or of the trial itself.
pub fn worst(history: &History, twins: &Twins) -> Outcome {
    let all = history.injections.iter().map(|i| outcome(history, i, twins));
    all.chain([of_run(history)]).max().unwrap_or(Outcome::NotActivated)
}

/// Whether the victim was given up with a word: a flag beside the outcome, since for a poison item that is what is owed.
pub fn declared(history: &History, injection: &Injection) -> bool {
    victim(history, injection).is_some_and(Item::declared)
}

/// What a trial came to, whatever struck it.
fn of_run(history: &History) -> Outcome {
    let Toll { wrong, lost, declared, twice, .. } = toll(history);
    match &history.run.ending {
        _ if !is_sound(history) => Outcome::Invalid,
        _ if history.run.orphans > 0 => Outcome::Catastrophic,
        _ if wrong > 0 => Outcome::Sdc,
        Ending::Complete | Ending::Exit(0) if lost > 0 => Outcome::SilentLoss,
        Ending::Hang => Outcome::Hang,
        Ending::Signal(_) | Ending::Exit(1..) => Outcome::Abort,
        _ if declared > 0 && !history.injections.iter().any(|i| i.permanent) => {
            Outcome::DeclaredLoss
        }
        _ if twice > 0 => Outcome::Duplicated,
        _ => Outcome::NotActivated,
    }
}

fn victim<'a>(history: &'a History, injection: &Injection) -> Option<&'a Item> {
    history.items.get(usize::try_from(injection.item).ok()?)
}

/// Its receipt says things that cannot all be true: an effect of what never fired, or steps in the wrong order.
fn contradicts_itself(i: &Injection) -> bool {
    let steps = [Some(i.armed_ns), i.reached_ns, i.fired_ns, i.effect_ns];
    let skipped = i.fired_ns.is_some() && i.reached_ns.is_none();
    let without_cause = i.fired_ns.is_none() && i.effect_ns.is_some();
    skipped || without_cause || !steps.iter().flatten().is_sorted()
}

/// Everything is recorded, and adds up. A noisy run is sound: noise stretches its times, which `noisy` in `runs.csv` says,
/// and takes nothing from what was delivered.
fn is_sound(history: &History) -> bool {
    history.items.len() as u64 == history.run.items
        && history.run.events_missed == 0
        && conserved(history)
}

/// It came out of the subject. Which fault of a trial did so cannot be told: all that fired are held liable.
fn escaped(history: &History) -> Option<Outcome> {
    let struck = |item: &Item| history.fired().any(|i| i.item == item.item);
    let damaged = history.items.iter().any(|item| item.wrong() && !struck(item));
    (history.run.orphans > 0 || damaged).then_some(Outcome::Catastrophic)
}

/// The item is missing, or the subject fell of this fault and did not get up. An abnormal end says itself that work is
/// missing; only an end in order makes the loss a silent one.
fn fell(history: &History, injection: &Injection, item: &Item) -> Option<Outcome> {
    let gone = matches!(item.state, State::Lost | State::Done) && item.found_blake3.is_none();
    let felled = injection.contained_at >= Some(Ring::Pipeline);
    match &history.run.ending {
        Ending::Complete | Ending::Exit(0) => gone.then_some(Outcome::SilentLoss),
        _ if !gone && !felled => None,
        Ending::Hang => Some(Outcome::Hang),
        Ending::Signal(_) | Ending::Exit(_) => Some(Outcome::Abort),
    }
}

/// Its lane lost what it works with, and never had anything new, though there was work left for it.
fn is_degraded(history: &History, injection: &Injection) -> bool {
    let Some(detected) = injection.detected_ns else { return false };
    let lost = injection.contained_at.is_some_and(|ring| (Ring::Lane..=Ring::Pool).contains(&ring));
    let idle = injection.ready_ns.is_none() && injection.first_ns.is_none();
    let later = history.items.iter().filter_map(|i| i.done_ns).filter(|t| *t > detected).count();
    lost && idle && later >= DEGRADED_ITEMS
}
