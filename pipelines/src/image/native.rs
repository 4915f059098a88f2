//! The one door to C: every item goes through [`process`] once, and native faults strike behind it.
//! Behind it lie the user's own [filters](filter), too.
#![allow(unsafe_code)]

pub mod filter;

use crate::fault::Fault;
use crate::image::operations::Operation;
use crate::image::raster::TileHead;
use crate::message::Failure;
use std::ffi::c_void;

/// What the native library can do with a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// The pixels as they are.
    Copy,
    /// Luma by BT.601; alpha carried.
    Grayscale,
    /// A box blur with this radius in pixels, 1 to 64.
    Blur(u32),
    /// The sum of the absolute horizontal and vertical gradients; alpha carried.
    Sobel,
}

impl Kernel {
    /// The kernel that does this operation; filters and decoders have none.
    pub fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::None => Some(Self::Copy),
            Operation::Grayscale => Some(Self::Grayscale),
            Operation::Blur(radius) => Some(Self::Blur(*radius)),
            Operation::Sobel => Some(Self::Sobel),
            Operation::Filter(_) | Operation::Decode(..) => None,
        }
    }
}

/// `struct oki_task` of native/oki.h, field by field.
#[repr(C)]
struct Task {
    operation: u32,
    radius: u32,
    width: u32,
    height: u32,
    channels: u32,
    depth: u32,
    input: *const c_void,
    output: *mut c_void,
    fault: u32,
    number: u32,
}

// An injected exception leaves the call: to unwind out of a plain "C" function would be undefined.
unsafe extern "C-unwind" {
    fn oki_process(task: *const Task) -> i32;
}

/// Runs one native kernel on the tile `input` described by `head`, into the front of `output`, and
/// lets `fault`, if it is a native one, strike at the start of the call.
///
/// # Errors
/// [`Blame::Item`](crate::message::Blame::Item) when a buffer is too small for the tile, or when the
/// native code returns an error code.
pub fn process(
    kernel: Kernel,
    head: &TileHead,
    input: &[u8],
    output: &mut [u8],
    fault: Option<Fault>,
) -> Result<(), Failure> {
    let (code, radius, after) = match kernel {
        Kernel::Copy => (0, 0, *head),
        Kernel::Grayscale => (1, 0, Operation::Grayscale.output(*head)),
        Kernel::Blur(radius) => (2, radius, *head),
        Kernel::Sobel => (3, 0, *head),
    };
    let (Ok(width), Ok(height)) = (u32::try_from(head.across()), u32::try_from(head.down())) else {
        return Err(refuse(head, "is too large for the native library: cut smaller tiles"));
    };
    if input.len() < head.bytes() || output.len() < after.bytes() {
        return Err(refuse(
            head,
            "does not fit the buffers it came with: this is a bug, report it",
        ));
    }
    let task = Task {
        operation: code,
        radius,
        width,
        height,
        channels: u32::from(head.format.channels),
        depth: u32::from(head.format.depth),
        input: input.as_ptr().cast(),
        output: output.as_mut_ptr().cast(),
        fault: fault.map_or(0, |f| f.code().into()),
        number: fault.map_or(0, Fault::number),
    };
    // SAFETY: the task outlives the call, which keeps no pointer; `input` and `output` hold at least
    // the bytes the C code reads and writes for this shape (checked above), cannot overlap (a shared
    // and an exclusive borrow), and need no alignment. The faults that end the process are asked for.
    match unsafe { oki_process(&raw const task) } {
        0 => Ok(()),
        code => Err(refuse(head, meaning(code))),
    }
}

fn refuse(head: &TileHead, why: impl std::fmt::Display) -> Failure {
    Failure::item(format!("item {} {why}", head.item))
}

fn meaning(code: i32) -> String {
    let why = match code {
        -1 => "an injected error",
        -2 => "a null pointer",
        -3 => "an impossible width, height, number of channels or depth",
        -4 => "an unknown operation",
        -5 => "a blur radius outside 1 to 64",
        -6 => "an unknown fault",
        -7 => "no memory left",
        _ => "an unknown reason",
    };
    format!("was refused by the native library with code {code}, {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::raster::{PixelFormat, Rect};

    fn head(format: PixelFormat) -> TileHead {
        let rect = Rect { x: 0, y: 0, width: 3, height: 2 };
        TileHead { item: 9, scene: 0, rect, halo: 0, format }
    }

    #[test]
    fn a_copy_is_a_copy() {
        let head = head(PixelFormat::RGB8);
        let input: Vec<u8> = (0..18).collect();
        let mut output = vec![0; 20];
        process(Kernel::Copy, &head, &input, &mut output, None).unwrap();
        assert_eq!((&output[..18], &output[18..]), (&input[..], &[0, 0][..]));
    }

    #[test]
    fn an_injected_error_leaves_the_output_untouched() {
        let mut output = [7; 18];
        let fault = Some(Fault::Error);
        let failure = process(Kernel::Copy, &head(PixelFormat::RGB8), &[1; 18], &mut output, fault)
            .unwrap_err();
        assert_eq!(output, [7; 18]);
        assert!(failure.what.contains("item 9") && failure.what.contains("code -1"), "{failure}");
    }

    #[test]
    fn wrong_arguments_are_refused_before_a_fault_can_strike() {
        let good = head(PixelFormat::RGB8);
        let mut out = [0; 18];
        let mut run = |kernel, head: &TileHead, input: &[u8], fault: Option<Fault>| {
            process(kernel, head, input, &mut out, fault).unwrap_err().what
        };
        assert!(run(Kernel::Copy, &good, &[0; 17], None).contains("does not fit"));
        assert!(run(Kernel::Blur(0), &good, &[0; 18], Some(Fault::Abort)).contains("-5"));
        assert!(run(Kernel::Blur(65), &good, &[0; 18], Some(Fault::Exit(0))).contains("-5"));
        assert!(run(Kernel::Copy, &good, &[0; 18], Some(Fault::Panic)).contains("-6"));
        let odd = head(PixelFormat { channels: 5, depth: 8 });
        assert!(process(Kernel::Copy, &odd, &[0; 30], &mut [0; 30], Some(Fault::Abort)).is_err());
        let empty = TileHead { rect: Rect { width: 0, ..good.rect }, ..good };
        assert!(run(Kernel::Sobel, &empty, &[], Some(Fault::Segfault)).contains("-3"));
    }
}
