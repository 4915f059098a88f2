//! Whole pipelines whose workers really die: real processes, real signals, real `abort()`.
//!
//! A worker is this program again, so that `main` begins with `worker::enter` and the trials run under a
//! harness of their own. They run one after the other: some count this process's children and files.

mod bounds;
mod budget;
mod conduct;
mod ends;
mod evidence;
mod faultload;
mod faults;
mod htpipe;
mod kit;
mod limits;
mod oddities;
mod orphans;
mod points;
mod pool;
mod sandbox;
mod shelf;
mod threaded;

use bounds::Glutton;
use budget::Heavy;
use conduct::Hungry;
use faultload::Poor;
use kit::Toil;
use libtest_mimic::Arguments;
use oddities::Babble;
use pipelines::image::job::TileWork;
use pipelines::isolation::worker::{enter, role};
use pool::Double;
use rustix::process::{Resource, Rlimit, setrlimit};
use sandbox::Escape;
use threaded::Threaded;

fn main() {
    enter(&[
        role::<Toil>(),
        role::<TileWork>(),
        role::<Babble>(),
        role::<Glutton>(),
        role::<Hungry>(),
        role::<Poor>(),
        role::<Double>(),
        role::<Escape>(),
        role::<Heavy>(),
        role::<Threaded>(),
    ]);
    orphans::die_if_asked();
    points::die_if_asked();
    // Workers abort on purpose. 1, not 0: it also stops a core_pattern pipe.
    let one = Rlimit { current: Some(1), maximum: Some(1) };
    setrlimit(Resource::Core, one).expect("core dumps can be limited");
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = [
        faults::trials(),
        ends::trials(),
        conduct::trials(),
        faultload::trials(),
        points::trials(),
        limits::trials(),
        orphans::trials(),
        oddities::trials(),
        htpipe::trials(),
        evidence::trials(),
        bounds::trials(),
        pool::trials(),
        sandbox::trials(),
        budget::trials(),
        threaded::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}
