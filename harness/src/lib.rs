//! Knocks image pipelines over, watches them get up, and says how sure we are.

pub mod history;
