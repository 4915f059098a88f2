//! The work itself: pixels, tiles, codecs, operations, and the C function that every item crosses.

pub mod codec;
pub mod feed;
pub mod job;
pub mod layout;
pub mod native;
pub mod operations;
pub mod raster;
