//! One injected fault, with all the moments that are known of it.

use pipelines::fault::{Fault, Point};
use pipelines::message::ItemId;
use serde::{Deserialize, Serialize};

/// How far a failure came: the outermost ring that saw it (M19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ring {
    /// An attempt failed; whoever executed it lives on.
    Item,
    /// A thread of the subject ended.
    Lane,
    /// A worker process ended.
    Worker,
    /// More than one lane lost what it works with.
    Pool,
    /// The subject gave up, and said so.
    Pipeline,
    /// The subject itself died.
    Subject,
}

impl Ring {
    /// All of them, the innermost first.
    pub const ALL: [Self; 6] =
        [Self::Item, Self::Lane, Self::Worker, Self::Pool, Self::Pipeline, Self::Subject];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Lane => "lane",
            Self::Worker => "worker",
            Self::Pool => "pool",
            Self::Pipeline => "pipeline",
            Self::Subject => "subject",
        }
    }
}

/// One injected fault. Its moments, in the order in which they are reached; `None` where one was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// Its number in the trial, from 0: the receipt's number.
    pub injection: u32,
    /// What was injected.
    pub fault: Fault,
    /// The item it was meant for.
    pub item: ItemId,
    /// The attempt of that item, from 0.
    pub attempt: u32,
    /// Where it was to fire.
    pub point: Point,
    /// The lane that it was meant for; 0 where there is none.
    pub lane: u8,
    /// The plan strikes every attempt of this item: a poison item.
    pub permanent: bool,
    /// When it was put into the loan.
    pub armed_ns: u64,
    /// When the item came to the fault's point.
    pub reached_ns: Option<u64>,
    /// When it fired, by its receipt; `None` when it never did.
    pub fired_ns: Option<u64>,
    /// The first sign of it: the kernel's mark on the worker, the deadline that passed, the first failed attempt.
    pub error_ns: Option<u64>,
    /// When somebody other than the injector saw it, by the receipt.
    pub effect_ns: Option<u64>,
    /// When the subject (or, if the subject fell, the observer) knew, and knew of what.
    pub detected_ns: Option<u64>,
    /// When something was done about it: a spare taken, a replacement ordered, or the item lent again.
    pub acted_ns: Option<u64>,
    /// When its lane had a worker, or a thread, that was ready again.
    pub ready_ns: Option<u64>,
    /// When the item was lent again.
    pub lent_again_ns: Option<u64>,
    /// When the first good result on its lane was accepted after that.
    pub first_ns: Option<u64>,
    /// When a later attempt's result was accepted: all victims, as there is one, are redone.
    pub accepted_ns: Option<u64>,
    /// The item's own work in the accepted attempt, as its handler measured it.
    pub work_ns: Option<u64>,
    /// The cause of death as the subject (or observer) named it, like `signal 6`.
    pub diagnosis: Option<String>,
    /// How far it came; `None` when it never fired, or nobody noticed.
    pub contained_at: Option<Ring>,
    /// Workers or threads that were replaced, from the moment it fired until its item was redone or the next fault fired.
    pub restarts: u32,
}

impl Injection {
    /// Time to detect (M2), nanoseconds: from the receipt of the fault to the moment the subject knew, or, if the
    /// subject fell, the observer. `None` if it never fired or was never detected.
    pub fn detect_ns(&self) -> Option<u64> {
        self.detected_ns?.checked_sub(self.fired_ns?)
    }

    /// The latent part of [`Self::detect_ns`], nanoseconds: until the first sign.
    pub fn latent_ns(&self) -> Option<u64> {
        self.error_ns?.checked_sub(self.fired_ns?)
    }

    /// Time to act, nanoseconds: from detection to the first thing done about it.
    pub fn act_ns(&self) -> Option<u64> {
        self.acted_ns?.checked_sub(self.detected_ns?)
    }

    /// Restart time (M3), nanoseconds: from detection until the lane has a worker that is ready.
    pub fn restart_ns(&self) -> Option<u64> {
        self.ready_ns?.checked_sub(self.detected_ns?)
    }

    /// Time to first service (M4), nanoseconds: from the receipt to the first good result on its lane.
    pub fn first_service_ns(&self) -> Option<u64> {
        self.first_ns?.checked_sub(self.fired_ns?)
    }

    /// Victim recovery (M5), nanoseconds: from the receipt of the fault to the moment a later attempt's result of the
    /// same item was accepted. `None` if that never happened.
    pub fn recovery_ns(&self) -> Option<u64> {
        self.accepted_ns?.checked_sub(self.fired_ns?)
    }

    /// Net recovery, nanoseconds: [`Self::recovery_ns`] without the item's own work in the accepted attempt, which
    /// any subject has to do.
    pub fn recovery_net_ns(&self) -> Option<u64> {
        self.recovery_ns()?.checked_sub(self.work_ns?)
    }
}
