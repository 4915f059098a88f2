//! Image pipelines whose items outlive the processes that handle them.

pub mod image;
pub mod isolation;
pub mod message;
pub mod source;
