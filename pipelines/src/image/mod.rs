//! The work itself: pixels, tiles, codecs, operations, and the C function that every item crosses.

pub mod layout;
pub mod raster;
