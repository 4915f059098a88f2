//! A checksum as histories keep it: the first 128 bits of BLAKE3. As a number it takes 16 bytes, so that a thousand runs
//! fit into memory; in files it is hexadecimal.

use pipelines::message::Failure;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Characters of a checksum in files.
const CHARACTERS: usize = 32;

/// The first 128 bits of a BLAKE3 hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub u128);

impl Checksum {
    /// Of a whole hash in hexadecimal; `None` if it is none.
    pub fn of(hash: &str) -> Option<Self> {
        hash.get(..CHARACTERS)?.parse().ok()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Checksum {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == CHARACTERS);
        let why = || Failure::input(format!("{text:?} is no checksum of 32 hexadecimal digits"));
        number.map(Self).ok_or_else(why)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|e: Failure| serde::de::Error::custom(e.what))
    }
}
