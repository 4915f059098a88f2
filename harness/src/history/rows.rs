//! The rows of the three files of a history. What is derived from other columns is written for the reader of the
//! file, and never read back.

use super::{History, Injection, Item, Run, State};
use crate::measure::{self, Outcome};
use crate::noise::Noise;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct RunRow {
    pub(super) run: u32,
    block: u32,
    subject: String,
    faults: bool,
    seed: u64,
    items: u64,
    pixels: u64,
    wall_ns: u64,
    #[serde(skip_deserializing)]
    throughput_px_per_s: u64,
    ending: String,
    deaths: u64,
    restarts: u64,
    orphans: u64,
    foreign_files: u64,
    events_missed: u64,
    foreign_cpu_ns: Option<u64>,
    steal_ns: Option<u64>,
    noisy: Option<bool>,
}

impl RunRow {
    pub(super) fn of(h: &History) -> Self {
        let r = &h.run;
        Self {
            run: r.run,
            block: r.block,
            subject: r.subject.clone(),
            faults: r.faults,
            seed: r.seed,
            items: r.items,
            pixels: r.pixels,
            wall_ns: r.wall_ns,
            throughput_px_per_s: measure::throughput_px_per_s(h).round() as u64,
            ending: r.ending.to_string(),
            deaths: r.deaths,
            restarts: r.restarts,
            orphans: r.orphans,
            foreign_files: r.foreign_files,
            events_missed: r.events_missed,
            foreign_cpu_ns: r.noise.foreign_cpu_ns,
            steal_ns: r.noise.steal_ns,
            noisy: r.noise.noisy,
        }
    }

    /// The run, or why its ending makes no sense.
    pub(super) fn run(self) -> Result<Run, String> {
        Ok(Run {
            run: self.run,
            block: self.block,
            subject: self.subject,
            faults: self.faults,
            seed: self.seed,
            items: self.items,
            pixels: self.pixels,
            wall_ns: self.wall_ns,
            ending: self.ending.parse().map_err(|e: super::Failure| e.what)?,
            deaths: self.deaths,
            restarts: self.restarts,
            orphans: self.orphans,
            foreign_files: self.foreign_files,
            events_missed: self.events_missed,
            noise: Noise {
                foreign_cpu_ns: self.foreign_cpu_ns,
                steal_ns: self.steal_ns,
                noisy: self.noisy,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct InjectionRow {
    pub(super) run: u32,
    injection: u32,
    #[serde(skip_deserializing)]
    subject: String,
    fault: pipelines::fault::Fault,
    item: u64,
    attempt: u32,
    point: pipelines::fault::Point,
    lane: u8,
    armed_ns: u64,
    fired_ns: Option<u64>,
    detected_ns: Option<u64>,
    lent_again_ns: Option<u64>,
    accepted_ns: Option<u64>,
    #[serde(skip_deserializing)]
    detect_ns: Option<u64>,
    #[serde(skip_deserializing)]
    recovery_ns: Option<u64>,
    work_ns: Option<u64>,
    #[serde(skip_deserializing)]
    recovery_net_ns: Option<u64>,
    diagnosis: Option<String>,
    #[serde(skip_deserializing)]
    outcome: Option<Outcome>,
}

impl InjectionRow {
    pub(super) fn of(h: &History, i: &Injection) -> Self {
        Self {
            run: h.run.run,
            injection: i.injection,
            subject: h.run.subject.clone(),
            fault: i.fault,
            item: i.item,
            attempt: i.attempt,
            point: i.point,
            lane: i.lane,
            armed_ns: i.armed_ns,
            fired_ns: i.fired_ns,
            detected_ns: i.detected_ns,
            lent_again_ns: i.lent_again_ns,
            accepted_ns: i.accepted_ns,
            detect_ns: i.detect_ns(),
            recovery_ns: i.recovery_ns(),
            work_ns: i.work_ns,
            recovery_net_ns: i.recovery_net_ns(),
            diagnosis: i.diagnosis.clone(),
            outcome: Some(measure::outcome(h, i)),
        }
    }

    pub(super) fn injection(self) -> Injection {
        Injection {
            injection: self.injection,
            fault: self.fault,
            item: self.item,
            attempt: self.attempt,
            point: self.point,
            lane: self.lane,
            armed_ns: self.armed_ns,
            fired_ns: self.fired_ns,
            detected_ns: self.detected_ns,
            lent_again_ns: self.lent_again_ns,
            accepted_ns: self.accepted_ns,
            work_ns: self.work_ns,
            diagnosis: self.diagnosis,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ItemRow {
    pub(super) run: u32,
    item: u64,
    attempts: u32,
    state: State,
    deliveries: u32,
    lent_ns: Option<u64>,
    done_ns: Option<u64>,
    work_ns: Option<u64>,
    found_blake3: Option<String>,
    golden_blake3: String,
}

impl ItemRow {
    pub(super) fn of(h: &History, i: &Item) -> Self {
        Self {
            run: h.run.run,
            item: i.item,
            attempts: i.attempts,
            state: i.state,
            deliveries: i.deliveries,
            lent_ns: i.lent_ns,
            done_ns: i.done_ns,
            work_ns: i.work_ns,
            found_blake3: i.found_blake3.clone(),
            golden_blake3: i.golden_blake3.clone(),
        }
    }

    pub(super) fn item(self) -> Item {
        Item {
            item: self.item,
            attempts: self.attempts,
            state: self.state,
            deliveries: self.deliveries,
            lent_ns: self.lent_ns,
            done_ns: self.done_ns,
            work_ns: self.work_ns,
            found_blake3: self.found_blake3,
            golden_blake3: self.golden_blake3,
        }
    }
}
