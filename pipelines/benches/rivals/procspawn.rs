//! The job with a pool of the crate procspawn. Arguments and results travel through a socket, as bytes in one piece: a
//! `Vec<u8>` would be written number by number. When a worker dies its caller is told, and tries again.

use super::{ABORTS, BYTES, ITEMS, Round, WORKERS, now_ns, stamp};
use ::procspawn::Pool;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::time::Instant;

const VERSION: &str = "1.0.2";

/// In a worker of procspawn this does not return.
pub(super) fn init() {
    ::procspawn::init();
}

/// Bytes in one piece.
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Bytes;
            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
                let mut all = vec![];
                while let Some(byte) = bytes.next_element()? {
                    all.push(byte);
                }
                Ok(Bytes(all))
            }
        }
        from.deserialize_byte_buf(Whole)
    }
}

fn turn(mut tile: Bytes) -> Bytes {
    tile.0.iter_mut().for_each(|byte| *byte = 255 - *byte);
    tile
}

/// Aborts when nobody did so before.
fn turn_or_abort((tile, stamp): (Bytes, PathBuf)) -> Bytes {
    if !stamp.exists() {
        std::fs::write(&stamp, now_ns().to_string()).expect("a folder of ours");
        std::process::abort();
    }
    turn(tile)
}

fn tile() -> Bytes {
    Bytes(vec![7; BYTES])
}

fn map(pool: &Pool, items: usize) -> Result<(), String> {
    let calls: Vec<_> = (0..items).map(|_| pool.spawn(tile(), turn)).collect();
    for call in calls {
        let made = call.join().map_err(|e| e.to_string())?;
        assert!(made.0.iter().all(|byte| *byte == 248));
    }
    Ok(())
}

/// From the abort to the result, in µs.
fn insist(pool: &Pool, dir: &Path, n: u32) -> f64 {
    loop {
        let args = (tile(), dir.join(n.to_string()));
        if let Ok(made) = pool.spawn(args, turn_or_abort).join() {
            let end = now_ns();
            assert!(made.0.iter().all(|byte| *byte == 248));
            return (end - stamp(dir, n)) as f64 / 1e3;
        }
    }
}

pub(super) fn round() -> Result<Round, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let pool = Pool::new(WORKERS).map_err(|e| e.to_string())?;
    map(&pool, 8)?;
    let start = Instant::now();
    map(&pool, ITEMS)?;
    let item_us = start.elapsed().as_secs_f64() * 1e6 / ITEMS as f64;
    let mut recoveries_us = vec![];
    for n in 1..=ABORTS as u32 {
        recoveries_us.push(insist(&pool, dir.path(), n));
        map(&pool, 8)?;
    }
    pool.shutdown();
    Ok(Round { version: VERSION.to_owned(), item_us, recoveries_us })
}
