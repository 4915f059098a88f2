//! The rows of the files of a history: those of one run can be written alone. What is derived from other columns is written for the reader of the
//! file, and never read back.

use super::{Checksum, History, Injection, Item, Resource, Ring, Role, Run, State};
use crate::measure::{self, Outcome, Steady, Twins};
use crate::noise::Noise;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct RunRow {
    pub(super) run: u32,
    block: u32,
    order_in_block: u32,
    subject: String,
    faults: bool,
    seed: u64,
    items: u64,
    pixels: u64,
    wall_ns: u64,
    cpu_ns: Option<u64>,
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
    #[serde(skip_deserializing)]
    outcome_worst: Option<Outcome>,
}

impl RunRow {
    pub(super) fn of(h: &History, twins: &Twins) -> Self {
        let r = &h.run;
        Self {
            run: r.run,
            block: r.block,
            order_in_block: r.order_in_block,
            subject: r.subject.clone(),
            faults: r.faults,
            seed: r.seed,
            items: r.items,
            pixels: r.pixels,
            wall_ns: r.wall_ns,
            cpu_ns: r.cpu_ns,
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
            outcome_worst: Some(measure::worst(h, twins)),
        }
    }

    /// The run, or why its ending makes no sense.
    pub(super) fn run(self) -> Result<Run, String> {
        Ok(Run {
            run: self.run,
            block: self.block,
            order_in_block: self.order_in_block,
            subject: self.subject,
            faults: self.faults,
            seed: self.seed,
            items: self.items,
            pixels: self.pixels,
            wall_ns: self.wall_ns,
            cpu_ns: self.cpu_ns,
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
    #[serde(skip_deserializing)]
    class: String,
    item: u64,
    attempt: u32,
    point: pipelines::fault::Point,
    lane: u8,
    permanent: bool,
    armed_ns: u64,
    reached_ns: Option<u64>,
    fired_ns: Option<u64>,
    error_ns: Option<u64>,
    effect_ns: Option<u64>,
    detected_ns: Option<u64>,
    acted_ns: Option<u64>,
    ready_ns: Option<u64>,
    lent_again_ns: Option<u64>,
    first_ns: Option<u64>,
    accepted_ns: Option<u64>,
    #[serde(skip_deserializing)]
    steady_ns: Option<u64>,
    #[serde(skip_deserializing)]
    caught_ns: Option<u64>,
    #[serde(skip_deserializing)]
    detect_ns: Option<u64>,
    #[serde(skip_deserializing)]
    recovery_ns: Option<u64>,
    work_ns: Option<u64>,
    #[serde(skip_deserializing)]
    recovery_net_ns: Option<u64>,
    diagnosis: Option<String>,
    #[serde(skip_deserializing)]
    diagnosis_ok: Option<bool>,
    contained_at: Option<Ring>,
    restarts: u32,
    #[serde(skip_deserializing)]
    outcome: Option<Outcome>,
    #[serde(skip_deserializing)]
    declared: bool,
    #[serde(skip_deserializing)]
    censored: Option<bool>,
}

impl InjectionRow {
    pub(super) fn of(h: &History, i: &Injection, twins: &Twins) -> Self {
        let steady = twins.steady(h, i);
        Self {
            run: h.run.run,
            injection: i.injection,
            subject: h.run.subject.clone(),
            fault: i.fault,
            class: i.fault.entry().class.name().to_owned(),
            item: i.item,
            attempt: i.attempt,
            point: i.point,
            lane: i.lane,
            permanent: i.permanent,
            armed_ns: i.armed_ns,
            reached_ns: i.reached_ns,
            fired_ns: i.fired_ns,
            error_ns: i.error_ns,
            effect_ns: i.effect_ns,
            detected_ns: i.detected_ns,
            acted_ns: i.acted_ns,
            ready_ns: i.ready_ns,
            lent_again_ns: i.lent_again_ns,
            first_ns: i.first_ns,
            accepted_ns: i.accepted_ns,
            steady_ns: steady.and_then(Steady::reached_ns),
            caught_ns: twins.caught_ns(h, i),
            detect_ns: i.detect_ns(),
            recovery_ns: i.recovery_ns(),
            work_ns: i.work_ns,
            recovery_net_ns: i.recovery_net_ns(),
            diagnosis: i.diagnosis.clone(),
            diagnosis_ok: measure::diagnosis_ok(i),
            contained_at: i.contained_at,
            restarts: i.restarts,
            outcome: Some(measure::outcome(h, i, twins)),
            declared: measure::declared(h, i),
            censored: steady.map(Steady::is_censored),
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
            permanent: self.permanent,
            armed_ns: self.armed_ns,
            reached_ns: self.reached_ns,
            fired_ns: self.fired_ns,
            error_ns: self.error_ns,
            effect_ns: self.effect_ns,
            detected_ns: self.detected_ns,
            acted_ns: self.acted_ns,
            ready_ns: self.ready_ns,
            lent_again_ns: self.lent_again_ns,
            first_ns: self.first_ns,
            accepted_ns: self.accepted_ns,
            work_ns: self.work_ns,
            diagnosis: self.diagnosis,
            contained_at: self.contained_at,
            restarts: self.restarts,
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
    found_blake3: Option<Checksum>,
    golden_blake3: Option<Checksum>,
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
            found_blake3: i.found_blake3,
            golden_blake3: i.golden_blake3,
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

#[derive(Serialize, Deserialize)]
pub(super) struct ResourceRow {
    pub(super) run: u32,
    t_ns: u64,
    role: Role,
    pid: u32,
    deaths: u64,
    rss_bytes: u64,
    fds: u64,
    threads: u64,
    cpu_ns: u64,
}

impl ResourceRow {
    pub(super) fn of(h: &History, r: &Resource) -> Self {
        let &Resource { t_ns, role, pid, deaths, rss_bytes, fds, threads, cpu_ns } = r;
        Self { run: h.run.run, t_ns, role, pid, deaths, rss_bytes, fds, threads, cpu_ns }
    }

    pub(super) fn resource(self) -> Resource {
        let Self { t_ns, role, pid, deaths, rss_bytes, fds, threads, cpu_ns, .. } = self;
        Resource { t_ns, role, pid, deaths, rss_bytes, fds, threads, cpu_ns }
    }
}
