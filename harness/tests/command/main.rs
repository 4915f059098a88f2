//! The command `okiagari`, used as its users use it: real processes, real kills, real files.

mod cve;
mod deaths;
mod experiment;
mod interruption;
mod originals;
mod picture;
mod process;
mod quarantined;
mod refusal;
mod replay;
mod room;
mod run;
mod schedule;
mod selftest;
mod story;
mod tutorial;
mod verify;
