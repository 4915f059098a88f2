//! Knocks image pipelines over, watches them get up, and says how sure we are.

pub mod experiment;
pub mod figure;
pub mod history;
pub mod measure;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod stats;
pub mod subject;
pub mod trial;
