//! Who may write what, and that slots come back.

use super::*;
use crate::isolation::Budget;
use rustix::io::Errno;
use rustix::mm::{MprotectFlags, mprotect};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::thread::{scope, yield_now};

const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

fn slots_free(segment: &Segment) -> usize {
    segment.free.lock().unwrap().slots.len()
}

/// Until somebody waits for a slot.
fn wait_for_waiter(segment: &Segment) {
    while segment.free.lock().unwrap().waiting == 0 {
        yield_now();
    }
}

#[test]
fn nobody_else_can_write_a_slab() {
    let slab = Segment::slab(0, 2, 5000).unwrap();
    let mut slot = slab.reserve().unwrap();
    slot.bytes_mut()[..5].copy_from_slice(b"pixel");
    let buf = slot.freeze(5);
    let (_, number, len) = buf.address();

    let memory = slab.memory().unwrap();
    assert!(map(memory, 4096, RW).is_err(), "a second writable mapping");
    // The way of a worker that opens its descriptor anew, for writing.
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let anew = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    assert!(map(anew.as_fd(), 4096, RW).is_err(), "a writable mapping of a new descriptor");
    assert!(anew.write_at(b"x", 0).is_err(), "write()");
    for len in [0, 4096, 1 << 20] {
        assert_eq!(ftruncate(&anew, len), Err(Errno::PERM), "truncated to {len}");
    }
    assert!(fcntl_add_seals(&anew, SealFlags::SEAL).is_err(), "another seal");

    let reader = Segment::attach_slab(slab.shape(), anew.into()).unwrap();
    // SAFETY: the range is the reader's own mapping; that this fails is what is tested.
    let opened = unsafe { mprotect(reader.base.cast(), 4096, MprotectFlags::WRITE) };
    assert_eq!(opened, Err(Errno::ACCESS));
    assert_eq!(&*reader.frozen(number, len).unwrap(), b"pixel");
    assert!(reader.frozen(2, 0).is_none() && reader.frozen(u32::MAX, 0).is_none());
    assert!(reader.frozen(0, reader.slot_bytes() as u32 + 1).is_none());
    assert!(slab.frozen(0, 1).is_none(), "only a reader takes hold of what is frozen");
    drop(reader.frozen(number, len));
    assert_eq!(slots_free(&reader), 0, "a reader frees nothing");
}

#[test]
fn an_outbox_keeps_its_size_and_is_only_copied() {
    let ours = Segment::outbox(9, 2, 100).unwrap();
    for len in [0, 4096, 1 << 20] {
        assert_eq!(ftruncate(ours.memory().unwrap(), len), Err(Errno::PERM));
    }
    assert!(ours.frozen(0, 1).is_none());
    assert!(ours.free.lock().unwrap().slots.is_empty(), "only the worker hands out its slots");

    let memory = ours.memory().unwrap().try_clone_to_owned().unwrap();
    let theirs = Segment::attach_outbox(ours.shape(), memory).unwrap();
    let mut slot = theirs.reserve().unwrap();
    slot.bytes_mut()[..6].copy_from_slice(b"result");
    let written = slot.freeze(6);
    let (segment, number, len) = written.address();
    assert_eq!(segment, 9);
    let into = Segment::heap(0, 1, 100).unwrap();
    let copied = ours.copy_out(number, len, &into).unwrap();
    // The worker changes its mind, and nobody is impressed.
    drop(written);
    theirs.reserve().unwrap().bytes_mut()[..6].copy_from_slice(b"forged");
    assert_eq!(&*copied, b"result");
}

#[test]
fn a_claim_outside_the_outbox_is_refused() {
    let outbox = Segment::outbox(0, 2, 3 * 4096).unwrap();
    let (large, small) =
        (Segment::heap(0, 1, 1 << 20).unwrap(), Segment::heap(0, 1, 4096).unwrap());
    for slot in [2, 3, u32::MAX] {
        assert!(outbox.copy_out(slot, 1, &large).is_none());
    }
    for len in [3 * 4096 + 1, u32::MAX] {
        assert!(outbox.copy_out(1, len, &large).is_none());
    }
    assert!(outbox.copy_out(1, 4097, &small).is_none(), "larger than where it goes");
    assert_eq!((slots_free(&large), slots_free(&small)), (1, 1), "a refusal costs no slot");
    assert!(outbox.copy_out(1, 3 * 4096, &large).is_some());
    assert!(outbox.copy_out(0, 0, &small).is_some());
    small.close();
    assert!(outbox.copy_out(0, 1, &small).is_none());
}

#[test]
fn slots_come_back_when_their_last_holder_goes() {
    let segment = Segment::heap(0, 3, 1).unwrap();
    assert_eq!(segment.slot_bytes(), 4096);
    let slots: Vec<_> = (0..3).map(|_| segment.reserve().unwrap()).collect();
    let numbers: std::collections::BTreeSet<_> = slots.iter().map(|s| s.hold.slot).collect();
    assert_eq!((numbers.len(), slots_free(&segment)), (3, 0));
    drop(slots);
    assert_eq!(slots_free(&segment), 3);
    let buf = segment.reserve().unwrap().freeze(4096);
    let clone = buf.clone();
    drop(buf);
    assert_eq!((clone.len(), slots_free(&segment)), (4096, 2));
    drop(clone);
    assert_eq!(slots_free(&segment), 3);
}

#[test]
fn a_freed_slot_goes_to_who_waits_and_closing_wakes_all() {
    let segment = Segment::heap(0, 1, 1).unwrap();
    let only = segment.reserve().unwrap();
    scope(|scope| {
        let waiter = scope.spawn(|| segment.reserve());
        wait_for_waiter(&segment);
        drop(only);
        let only = waiter.join().unwrap().expect("the slot that was freed");
        let waiters = [(); 3].map(|()| scope.spawn(|| segment.reserve().is_none()));
        wait_for_waiter(&segment);
        segment.close();
        assert!(waiters.into_iter().all(|w| w.join().unwrap()));
        drop(only);
    });
    assert!(segment.reserve().is_none(), "closed is closed, whatever is free");
}

#[test]
fn impossible_sizes_are_refused() {
    for (slots, bytes) in
        [(0, 1), (usize::MAX, 4096), (1, u32::MAX as usize + 1), (2, usize::MAX / 2)]
    {
        assert!(Segment::heap(0, slots, bytes).is_err(), "{slots} slots of {bytes}");
    }
}

#[test]
fn a_budget_is_never_overdrawn() {
    let budget = Budget::new(10 * 4096);
    assert_eq!(budget.slots(1, 1, 4).unwrap(), 4, "as many as are wanted");
    assert_eq!(budget.slots(4097, 1, 9).unwrap(), 3, "as many as fit, in whole pages");
    let refused = budget.slots(1, 1, 1).unwrap_err();
    assert_eq!(refused.blame, crate::message::Blame::Input);
    assert_eq!(budget.slots(1, 0, 5).unwrap(), 0);

    let budget = Budget::new(1000 * 4096);
    let taken: usize = scope(|scope| {
        let threads = [(); 4].map(|()| {
            scope.spawn(|| std::iter::from_fn(|| budget.slots(4096, 1, 3).ok()).sum::<usize>())
        });
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(taken, 1000);
}
