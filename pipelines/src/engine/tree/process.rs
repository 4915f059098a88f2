//! What the leaves of a pipeline's tree are.

use super::Leaf;
use super::shapes::Sizes;
use std::fmt;
use std::str::FromStr;

/// A process of a pipeline. All numbers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// What the producers need to be there before them (Broadway: the children of `prepare_for_start`).
    Service(usize),
    /// What tells the producers how much they may send.
    RateLimiter,
    /// One copy of the producer.
    Producer(usize),
    /// One copy of the processor.
    Processor(usize),
    /// What gathers messages into batches.
    Batcher(usize),
    /// One of those that handle a batcher's batches.
    BatchProcessor {
        /// Whose batches.
        batcher: usize,
        /// Which of that batcher's.
        index: usize,
    },
    /// What drains the pipeline when it is told to leave.
    Terminator,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(n) => write!(f, "service {n}"),
            Self::RateLimiter => f.write_str("rate limiter"),
            Self::Producer(n) => write!(f, "producer {n}"),
            Self::Processor(n) => write!(f, "processor {n}"),
            Self::Batcher(n) => write!(f, "batcher {n}"),
            Self::BatchProcessor { batcher, index } => {
                write!(f, "batch processor {batcher}.{index}")
            }
            Self::Terminator => f.write_str("terminator"),
        }
    }
}

/// A text names no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no process is called '{0}'; there are 'service N', 'rate limiter', 'producer N', 'processor N', \
     'batcher N', 'batch processor BATCHER.N' and 'terminator', counted from 0"
)]
pub struct NoProcess(pub String);

impl FromStr for Process {
    type Err = NoProcess;

    fn from_str(text: &str) -> Result<Self, NoProcess> {
        let (name, which) = text.rsplit_once(' ').unwrap_or((text, ""));
        let pair = || {
            let (batcher, index) = which.split_once('.')?;
            Some(Self::BatchProcessor {
                batcher: batcher.parse().ok()?,
                index: index.parse().ok()?,
            })
        };
        let process = match (name, which.parse()) {
            ("service", Ok(n)) => Some(Self::Service(n)),
            ("producer", Ok(n)) => Some(Self::Producer(n)),
            ("processor", Ok(n)) => Some(Self::Processor(n)),
            ("batcher", Ok(n)) => Some(Self::Batcher(n)),
            ("batch processor", _) => pair(),
            _ if text == "rate limiter" => Some(Self::RateLimiter),
            _ if text == "terminator" => Some(Self::Terminator),
            _ => None,
        };
        process.ok_or_else(|| NoProcess(text.to_owned()))
    }
}

/// Which leaf of a pipeline's tree is which process. The same for each shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering(Vec<Process>);

impl Numbering {
    /// The processes of a pipeline in the order of their start, which is that of their numbers.
    pub fn new(sizes: &Sizes) -> Self {
        let mut all: Vec<_> = (0..sizes.services).map(Process::Service).collect();
        all.extend(sizes.rate_limiter.then_some(Process::RateLimiter));
        all.extend((0..sizes.producers).map(Process::Producer));
        all.extend((0..sizes.processors).map(Process::Processor));
        for (batcher, handlers) in sizes.batchers.iter().enumerate() {
            all.push(Process::Batcher(batcher));
            all.extend((0..*handlers).map(|index| Process::BatchProcessor { batcher, index }));
        }
        all.push(Process::Terminator);
        Self(all)
    }

    /// What a leaf is; none if the tree has no such leaf.
    pub fn process(&self, leaf: Leaf) -> Option<Process> {
        self.0.get(leaf.0 as usize).copied()
    }

    /// Where a process is in the tree; none if the tree has no such process. Looks at each in turn.
    pub fn leaf(&self, process: Process) -> Option<Leaf> {
        self.iter().find(|(_, each)| *each == process).map(|(leaf, _)| leaf)
    }

    /// All of them, in the order of their start.
    pub fn iter(&self) -> impl Iterator<Item = (Leaf, Process)> {
        (0..).map(Leaf).zip(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_back_from_its_name() {
        let sizes =
            Sizes { services: 2, rate_limiter: true, batchers: vec![1, 12], ..Sizes::default() };
        let numbering = Numbering::new(&sizes);
        for (leaf, process) in numbering.iter() {
            assert_eq!(process.to_string().parse(), Ok(process));
            assert_eq!(numbering.leaf(process), Some(leaf));
            assert_eq!(numbering.process(leaf), Some(process));
        }
        assert_eq!(
            "batch processor 1.11".parse(),
            Ok(Process::BatchProcessor { batcher: 1, index: 11 })
        );
        for text in
            ["", "processor", "processor x", "processor -1", "batch processor 1", "terminator 0"]
        {
            assert_eq!(text.parse::<Process>(), Err(NoProcess(text.to_owned())));
        }
        assert_eq!(numbering.leaf(Process::Service(2)), None);
    }
}
