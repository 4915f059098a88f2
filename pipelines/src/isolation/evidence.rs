//! What is known of a death, in the words of whoever debugs it: names instead of numbers, functions instead of
//! addresses. It is worked out when somebody asks, and not while anybody waits for the next worker.

pub mod names;
mod symbols;
#[cfg(test)]
mod tests;

use super::will::{Usage, Will};
use crate::message::Death;
use names::{PROGRAM_COUNTER, REGISTERS, code_name, signal_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a death. All but the cause was said by the process that died, and may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// In a few words: what it died of, and where that struck.
    pub cause: String,
    /// The signal; `None` when none could be seen coming: SIGKILL, `_exit`.
    pub signal: Option<Signal>,
    /// The status that it exited with, if it did.
    pub exit: Option<i32>,
    /// Bytes that it asked for last and could not have; 0 when it had all.
    pub refused_bytes: u64,
    /// What it had used of the machine. It says so itself as it dies; of one that was ended, because it was late say,
    /// this is what `/proc` said right before. `None` for who was killed by somebody else.
    pub usage: Option<Usage>,
    /// General registers by name, in hexadecimal.
    pub registers: BTreeMap<String, String>,
    /// Where it was, the innermost function first: `FILE+0xOFFSET`, and the function's name if the file has it.
    pub backtrace: Vec<String>,
    /// Bytes of the top of its stack that were kept, from the stack pointer or the page after it on.
    pub stack_bytes: usize,
}

/// A signal that ended a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Its number.
    pub number: i32,
    /// Its name, like `SIGSEGV`.
    pub name: String,
    /// `si_code`: why it came.
    pub code: i32,
    /// The name of that, like `SEGV_MAPERR`.
    pub code_name: String,
    /// The address that it was about, in hexadecimal, if it was about one.
    pub address: Option<String>,
}

impl Evidence {
    /// What follows from a will. Reads the files that the process had loaded, for the names of their functions.
    pub fn of(death: Death, will: &Will) -> Self {
        let signal = (will.signal > 0).then(|| Signal::of(will));
        let hex = |value: &u64| format!("{value:#x}");
        let registers = REGISTERS.iter().zip(&will.registers);
        Self {
            cause: cause(death, signal.as_ref(), will),
            signal,
            exit: will.exit,
            refused_bytes: will.refused_bytes,
            usage: will.usage,
            registers: registers.map(|(name, value)| ((*name).to_owned(), hex(value))).collect(),
            backtrace: symbols::named(&chain(will), &will.modules),
            stack_bytes: will.stack.len(),
        }
    }
}

impl Signal {
    fn of(will: &Will) -> Self {
        let Will { signal, code, address, .. } = *will;
        // Of a general protection fault the kernel does not know where.
        let somewhere = names::strikes_somewhere(signal) && code > 0 && code != libc::SI_KERNEL;
        Self {
            number: signal,
            name: signal_name(signal),
            code,
            code_name: code_name(signal, code),
            address: somewhere.then(|| format!("{address:#x}")),
        }
    }
}

fn cause(death: Death, signal: Option<&Signal>, will: &Will) -> String {
    match (death, signal) {
        (Death::OutOfMemory, _) => {
            format!("out of memory: {} bytes were refused", will.refused_bytes)
        }
        (Death::Signal(n), Some(signal)) if n == signal.number => {
            let at = signal.address.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            let limit = names::limit(n).map(|limit| format!(": {limit}")).unwrap_or_default();
            format!("{} ({}){at}{limit}", signal.name, signal.code_name)
        }
        (Death::Signal(9), _) => {
            "SIGKILL: it leaves no time for last words; the kernel sends it, too, where a machine's memory ends"
                .to_owned()
        }
        (Death::Signal(n), _) => signal_name(n),
        (Death::Deadline, _) => "no answer before the deadline: it was ended".to_owned(),
        (Death::Stopped, _) => "stopped (SIGSTOP): it was ended".to_owned(),
        (death, _) => death.to_string(),
    }
}

/// The program counter and the return addresses behind it, the handler's own left out.
fn chain(will: &Will) -> Vec<u64> {
    let Some(at) = will.registers.get(PROGRAM_COUNTER).copied() else { return will.frames.clone() };
    match will.frames.iter().position(|frame| *frame == at) {
        Some(n) => will.frames[n..].to_vec(),
        // Who jumped to nowhere has left by way of a call: its return address is among these.
        None => [at].into_iter().chain(will.frames.iter().copied()).collect(),
    }
}
