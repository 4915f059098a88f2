//! A C function of the user's own, from a shared object: native/okiagari.h, called once a tile.

use crate::image::raster::TileHead;
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// What an operation starts with that is a filter.
pub(crate) const PREFIX: &str = "lib:";
/// `OKIAGARI_ABI` of native/okiagari.h.
const ABI: u32 = 1;
const FORM: &str = "write lib:PATH:SYMBOL or lib:PATH:SYMBOL:PARAMETERS";

/// Which function, and what it is told: `lib:PATH:SYMBOL[:PARAMETERS]`. Nothing is loaded yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterSpec {
    /// The shared object, absolute.
    pub path: PathBuf,
    /// The function's name.
    pub symbol: String,
    /// Handed to the function as it is; empty when none were given.
    pub parameters: String,
}

impl FilterSpec {
    /// Looks whether there is such a file. It is not opened: that runs code of the user's.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when there is none, or it is no file.
    pub fn check(&self) -> Result<(), Failure> {
        let path = self.path.display();
        match std::fs::metadata(&self.path) {
            Ok(about) if about.is_file() => Ok(()),
            Ok(_) => Err(Failure::input(format!("{path} is not a file: name a shared object"))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(Failure::input(format!("the shared object {path} does not exist")))
            }
            Err(e) => Err(Failure::input(format!("the shared object {path} cannot be read: {e}"))),
        }
    }
}

impl fmt::Display for FilterSpec {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{PREFIX}{}:{}", self.path.display(), self.symbol)?;
        if self.parameters.is_empty() { Ok(()) } else { write!(to, ":{}", self.parameters) }
    }
}

impl FromStr for FilterSpec {
    type Err = Failure;

    /// A relative path is one from the current directory of this moment.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::input(format!("the operation {text:?} {what}: {FORM}"));
        if text.contains('\0') {
            return Err(wrong("has a zero byte in it"));
        }
        let mut parts = text.strip_prefix(PREFIX).unwrap_or(text).splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (path, symbol, parameters) = (part(), part(), part());
        if path.is_empty() {
            return Err(wrong("names no shared object"));
        }
        if symbol.is_empty() {
            return Err(wrong("names no function"));
        }
        let path = std::path::absolute(path).map_err(|_| wrong("has a path that leads nowhere"))?;
        if path.to_str().is_none() {
            return Err(Failure::input("the current directory's name is not UTF-8: change it"));
        }
        Ok(Self { path, symbol: symbol.to_owned(), parameters: parameters.to_owned() })
    }
}

/// `struct okiagari_tile`, field by field.
#[repr(C)]
struct Tile {
    abi: u32,
    width: u32,
    height: u32,
    channels: u32,
    depth_bits: u32,
    scene: u32,
    x: u64,
    y: u64,
    item: u64,
    input: *const c_void,
    output: *mut c_void,
    input_bytes: u64,
    output_bytes: u64,
    parameters: *const c_char,
}

/// `okiagari_filter`. What C++ throws through it may reach us; it is nobody's, and ends the process.
type Function = unsafe extern "C-unwind" fn(tile: *const Tile) -> i32;

/// A function that can be called. What it was loaded from stays loaded until the process ends.
#[derive(Debug)]
pub struct Filter {
    spec: FilterSpec,
    parameters: CString,
    function: Function,
}

impl Filter {
    /// Loads the shared object, which runs its constructors, and finds the function. In one process each shared
    /// object is loaded once, however often it is asked for.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when it cannot be loaded, with the loader's own words, or
    /// has no such function.
    pub fn load(spec: &FilterSpec) -> Result<Self, Failure> {
        spec.check()?;
        let FilterSpec { path, symbol, parameters } = spec;
        let object = object(path)?;
        // SAFETY: `object` came from dlopen and is never closed; the name is a C string.
        let address = unsafe { libc::dlsym(object, text(symbol)?.as_ptr()) };
        if address.is_null() {
            return Err(Failure::input(format!(
                "{} has no function called {symbol}: it must not be static, and in C++ it must be extern \"C\"",
                path.display()
            )));
        }
        // SAFETY: that the symbol is a function of this type is what the user promises by naming it, see
        // native/okiagari.h; where it is not, the call crashes, and whoever calls filters expects that.
        let function = unsafe { std::mem::transmute::<*mut c_void, Function>(address) };
        Ok(Self { spec: spec.clone(), parameters: text(parameters)?, function })
    }

    /// Which function this is.
    pub fn spec(&self) -> &FilterSpec {
        &self.spec
    }

    /// Filters the tile `input` described by `head` into `output`; both have `head.bytes()` bytes.
    ///
    /// # Errors
    /// [`Blame::Item`](crate::message::Blame::Item) when the function returns another code than 0, or a buffer has
    /// another size.
    pub fn call(&self, head: &TileHead, input: &[u8], output: &mut [u8]) -> Result<(), Failure> {
        let item = head.item;
        let (Ok(width), Ok(height)) = (u32::try_from(head.across()), u32::try_from(head.down()))
        else {
            return Err(Failure::item(format!("item {item} is too large for a filter")));
        };
        if input.len() != head.bytes() || output.len() != head.bytes() {
            let bug = "does not fit the buffers it came with: this is a bug, report it";
            return Err(Failure::item(format!("item {item} {bug}")));
        }
        // Whatever the function forgets to write is the same each time.
        output.fill(0);
        let tile = Tile {
            abi: ABI,
            width,
            height,
            channels: head.format.channels.into(),
            depth_bits: head.format.depth.into(),
            scene: head.scene,
            x: head.rect.x.into(),
            y: head.rect.y.into(),
            item,
            input: input.as_ptr().cast(),
            output: output.as_mut_ptr().cast(),
            input_bytes: input.len() as u64,
            output_bytes: output.len() as u64,
            parameters: self.parameters.as_ptr(),
        };
        // SAFETY: all that `tile` points to outlives the call and has the sizes it says; that the function keeps to
        // them is its author's promise, and its worker process what a broken one costs.
        match unsafe { (self.function)(&raw const tile) } {
            0 => Ok(()),
            code => {
                let FilterSpec { path, symbol, .. } = &self.spec;
                let path = path.display();
                let what =
                    format!("item {item} was refused by {symbol} of {path} with code {code}");
                Err(Failure::item(what))
            }
        }
    }
}

/// The handle of the shared object at `path`, loaded if it is not yet.
fn object(path: &Path) -> Result<*mut c_void, Failure> {
    static LOADED: Mutex<Option<HashMap<PathBuf, usize>>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let loaded = loaded.get_or_insert_default();
    if let Some(handle) = loaded.get(path) {
        return Ok(*handle as *mut c_void);
    }
    let name = text(path.to_str().unwrap_or_default())?;
    // SAFETY: the name is a C string. The constructors that run are the user's, in a process that may die of them.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(cannot_load(path));
    }
    loaded.insert(path.to_path_buf(), handle as usize);
    Ok(handle)
}

/// Why dlopen just failed in this thread.
fn cannot_load(path: &Path) -> Failure {
    // SAFETY: dlerror has no conditions; what it returns is ours until the next call of it in this thread.
    let words = unsafe {
        let words = libc::dlerror();
        if words.is_null() { c"no reason was given" } else { CStr::from_ptr(words) }
    };
    let (path, words) = (path.display().to_string(), words.to_string_lossy());
    let words = words.strip_prefix(&path).map_or(&*words, |rest| rest.trim_start_matches(": "));
    Failure::input(format!("{path} cannot be loaded as a shared object: {words}"))
}

fn text(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::input(format!("{text:?} has a zero byte in it")))
}

#[cfg(test)]
mod tests;
