//! How a lane's hands live in another process.

pub mod segment;
