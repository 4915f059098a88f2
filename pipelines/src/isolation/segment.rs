//! Memory that is shared between a supervisor and its workers, cut into slots.

/// Frozen bytes in a slot. Placeholder until the segment lands.
#[derive(Clone)]
pub struct Buf;
