//! Image pipelines whose items outlive the processes that handle them.

pub mod fault;
pub mod image;
pub mod isolation;
pub mod message;
