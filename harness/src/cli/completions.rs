//! `okiagari completions`: the command line, told to a shell.

use super::{Arguments, Exit, say};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, CommandFactory, Error};
use clap_complete::{Shell, generate};
use std::ffi::OsStr;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut script = vec![];
        generate(self.shell, &mut Arguments::command(), "okiagari", &mut script);
        say(&String::from_utf8_lossy(&script));
        Ok(Exit::Good)
    }
}

/// A parser as it is, with values that a shell may offer. Others are as good: it alone decides.
#[derive(Clone)]
pub(super) struct Hinted<P> {
    parser: P,
    hints: Vec<&'static str>,
}

pub(super) fn hinted<P>(parser: P, hints: impl IntoIterator<Item = &'static str>) -> Hinted<P> {
    Hinted { parser, hints: hints.into_iter().collect() }
}

impl<P: TypedValueParser> TypedValueParser for Hinted<P> {
    type Value = P::Value;
    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        self.parser.parse_ref(command, arg, value)
    }
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.hints.iter().map(PossibleValue::new)))
    }
}
