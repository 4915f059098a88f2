//! Knocks image pipelines over, watches them get up, and says how sure we are.

pub mod campaign;
pub mod claim;
pub mod cli;
pub mod effort;
pub mod experiment;
pub mod figure;
pub mod floor;
pub mod golden;
pub mod history;
pub mod measure;
pub mod noise;
pub mod oracle;
pub mod output;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod provenance;
pub mod replay;
pub mod report;
pub mod schedule;
pub mod selftest;
pub mod stats;
pub mod subject;
pub mod summary;
pub mod trial;
