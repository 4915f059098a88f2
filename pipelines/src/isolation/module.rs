//! Which file an address of a dying process lies in, written down by the process itself: only it knows what it has
//! loaded until then, and where.
#![allow(unsafe_code)]

use super::control::{self, PATH_BYTES};
use std::ffi::{c_char, c_int, c_void};
use std::mem::{transmute, zeroed};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A file that was mapped as code.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Module {
    /// The first address of its mapping.
    pub start: u64,
    /// The address after its last.
    pub end: u64,
    /// What is to be taken off an address to get that in the file.
    pub bias: u64,
    /// The file; empty for the program itself.
    pub path: PathBuf,
}

impl Module {
    /// `None` where nothing was written.
    pub(super) fn read(written: &control::Module) -> Option<Self> {
        let start = written.start.load(Acquire);
        let path: Vec<u8> =
            written.path.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        (start > 0).then(|| Self {
            start,
            end: written.end.load(Relaxed),
            bias: written.bias.load(Relaxed),
            path: String::from_utf8_lossy(path).into_owned().into(),
        })
    }
}

/// `struct dl_find_object` of the C library; machines differ in its end, for which there is room.
#[repr(C)]
struct Found {
    flags: u64,
    start: *mut c_void,
    end: *mut c_void,
    link: *const Link,
    rest: [u64; 16],
}

/// The beginning of `struct link_map`.
#[repr(C)]
struct Link {
    bias: usize,
    name: *const c_char,
}

type Find = unsafe extern "C" fn(*mut c_void, *mut Found) -> c_int;

/// `_dl_find_object`, the one way to ask that is allowed in a signal handler; null in a C library that lacks it.
static FIND: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Looks for what [`note`] needs: to look is not allowed in a signal handler.
pub(super) fn prepare() {
    // SAFETY: a name that ends in zero; nothing is called.
    let find = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    FIND.store(find, Release);
}

/// In a signal handler: writes down the file that this address lies in, unless it is there already.
pub(super) fn note(will: &control::Will, address: usize) {
    let find = FIND.load(Acquire);
    if find.is_null() {
        return;
    }
    // SAFETY: the symbol is that function by its name, and may be called in a signal handler; it fills a structure for
    // which there is more than enough room.
    let found = unsafe {
        let mut found: Found = zeroed();
        let find: Find = transmute::<*mut c_void, Find>(find);
        if find(address as *mut c_void, &raw mut found) != 0 || found.link.is_null() {
            return;
        }
        found
    };
    let start = found.start as u64;
    // Those that are written come first.
    for module in &will.modules {
        match module.start.load(Relaxed) {
            there if there == start => return,
            0 => return write(module, &found),
            _ => {}
        }
    }
}

fn write(to: &control::Module, found: &Found) {
    to.end.store(found.end as u64, Relaxed);
    // SAFETY: the loader's own list, whose entries and names stay as long as what they are about is loaded. Were it
    // damaged, this would be a second fault, and the will would end here.
    unsafe {
        to.bias.store((*found.link).bias as u64, Relaxed);
        let (name, mut ended) = ((*found.link).name, (*found.link).name.is_null());
        for (n, word) in to.path.iter().enumerate() {
            let mut bytes = [0; 8];
            for (k, byte) in bytes.iter_mut().enumerate() {
                let at = n * 8 + k;
                ended = ended || at + 1 == PATH_BYTES || *name.add(at) == 0;
                *byte = if ended { 0 } else { *name.add(at) as u8 };
            }
            word.store(u64::from_ne_bytes(bytes), Relaxed);
        }
    }
    to.start.store(found.start as u64, Release);
}
