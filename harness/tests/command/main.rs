//! The command `okiagari`, used as its users use it: real processes, real kills, real files.

mod budget;
mod campaign;
mod cve;
mod deaths;
mod experiment;
mod faultload;
mod foreign;
mod interruption;
mod originals;
mod package;
mod picture;
mod process;
mod quarantined;
mod readme;
mod refusal;
mod replay;
mod room;
mod run;
mod schedule;
mod selftest;
mod story;
mod subjects;
mod terminal;
mod tutorial;
mod verify;
