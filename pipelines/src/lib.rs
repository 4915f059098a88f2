//! Image pipelines whose items outlive the processes that handle them.

pub mod black_box;
pub mod engine;
pub mod fault;
pub mod handler;
pub mod image;
pub mod isolation;
pub mod message;
pub mod pipeline;
pub mod plain;
pub mod producer;
pub mod sink;
pub mod source;
