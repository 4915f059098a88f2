//! Who watches a campaign and shows it: a bar, and on a terminal a line a trial, which grows while the trial runs.

use crate::campaign::{News, Pace, Results};
use crate::experiment::{Experiment, Trial};
use crate::film::{self, Film, Tail};
use crate::history::{Ending, History};
use crate::progress::{Progress, Screen};
use crate::trial::Look;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the lines of trials are made of, said once.
const LEGEND: &str = ". tiles done   X died   ^ risen   a twin is the same without faults";

pub(super) struct Spectator<'a> {
    progress: Progress,
    schedule: Vec<Trial>,
    /// Trials that are finished.
    over: usize,
    pace: Pace,
    interrupted: &'a Arc<AtomicBool>,
    /// Columns of the longest name.
    name_width: usize,
    scene: Scene,
}

/// The trial that runs.
struct Scene {
    who: String,
    items: u64,
    film: Film,
    /// Events that were seen.
    seen: usize,
    begun: Instant,
}

impl<'a> Spectator<'a> {
    pub(super) fn new(
        experiment: &Experiment,
        results: &Results,
        interrupted: &'a Arc<AtomicBool>,
        screen: Screen,
    ) -> Self {
        let schedule = experiment.schedule();
        let progress = Progress::new(&experiment.name, schedule.len() as u64, "trials", screen);
        let name_width = schedule.iter().map(|t| who(t).chars().count()).max().unwrap_or(0);
        if screen.is_live() {
            progress.stays(LEGEND);
        }
        let (over, pace) = (results.finished(), results.pace());
        let scene = Scene::of(String::new(), 0);
        Self { progress, schedule, over, pace, interrupted, name_width, scene }
    }

    /// How many trials are finished.
    pub(super) fn over(&self) -> usize {
        self.over
    }

    pub(super) fn hear(&mut self, news: News<'_>) {
        match news {
            News::Golden => self.show(Duration::ZERO, "golden runs"),
            News::Begins(trial, items) => {
                self.scene = Scene::of(who(trial), items);
                self.tell_who(Duration::ZERO);
            }
            News::Goes(look) => self.look(&look),
            News::Over(history) => {
                self.over += 1;
                self.curtain(history);
                let (run, took) = (&history.run, self.scene.begun.elapsed());
                self.pace.add(&run.subject, run.faults, took);
            }
        }
    }

    /// Takes away what was only for the moment.
    pub(super) fn leave(&self) {
        self.progress.clear();
    }

    fn look(&mut self, look: &Look<'_>) {
        // What is to end is not drawn again, so that nothing is left half drawn however it ends.
        if self.interrupted.load(Ordering::SeqCst) {
            return self.progress.clear();
        }
        let time = self.scene.begun.elapsed();
        if self.progress.screen().is_live() {
            let Scene { film, seen, items, .. } = &mut self.scene;
            film.see(look.settled, look.restarts, &look.black_box.events_since(seen));
            let tail = Tail::running(look.settled, *items, time.as_nanos() as u64);
            self.progress.above(&self.line(&tail));
        }
        self.tell_who(time);
    }

    /// A trial is over, and its line stays.
    fn curtain(&mut self, history: &History) {
        if !self.progress.screen().is_live() {
            return;
        }
        if history.run.ending != Ending::Complete {
            self.scene.film.fell();
        }
        self.progress.stays(&self.line(&Tail::over(history)));
    }

    fn line(&self, tail: &Tail) -> String {
        let who = format!("{:<1$}", self.scene.who, self.name_width);
        let colours = self.progress.screen() == Screen::Colour;
        film::line(&who, &self.scene.film, tail, self.progress.columns(), colours)
    }

    fn tell_who(&mut self, passed: Duration) {
        let live = self.progress.screen().is_live();
        let who = if live { String::new() } else { self.scene.who.clone() };
        self.show(passed, &who);
    }

    fn show(&mut self, passed: Duration, message: &str) {
        let to_do = self.schedule.get(self.over..).unwrap_or_default();
        self.progress.at_with(self.over as u64, self.pace.left(to_do, passed), message);
    }
}

impl Scene {
    fn of(who: String, items: u64) -> Self {
        Self { who, items, film: Film::of(items), seen: 0, begun: Instant::now() }
    }
}

fn who(trial: &Trial) -> String {
    let twin = if trial.faults { "" } else { ", twin" };
    format!("{}{twin}", trial.subject)
}
