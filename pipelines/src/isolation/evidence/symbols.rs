//! Names of functions, from the symbol tables of the files that they come from.

use crate::isolation::module::Module;
use object::{Object, ObjectSymbol, ReadCache, SymbolKind};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The best symbol so far for an address: where it begins, and its name.
type Best = Option<(u64, String)>;

/// Each address as `FILE+0xOFFSET NAME`; what lies in no file as it is. The first is where the process was; the others
/// are return addresses, which are one past the call.
pub(super) fn named(addresses: &[u64], modules: &[Module]) -> Vec<String> {
    let place = |address: u64| modules.iter().find(|m| (m.start..m.end).contains(&address));
    let mut names: Vec<String> = addresses.iter().map(|address| format!("{address:#x}")).collect();
    for module in modules {
        let mine = addresses.iter().enumerate().filter(|(_, a)| place(**a) == Some(module));
        let mine: Vec<_> = mine.map(|(n, a)| (n, a.wrapping_sub(module.bias))).collect();
        let file = file(module);
        let offsets: Vec<_> =
            mine.iter().map(|(n, at)| at.saturating_sub(u64::from(*n > 0))).collect();
        let found = look(&file, &offsets).unwrap_or_else(|| vec![None; offsets.len()]);
        for ((n, offset), best) in mine.into_iter().zip(found) {
            let name = best.map(|(_, name)| format!(" {:#}", rustc_demangle::demangle(&name)));
            names[n] = format!("{}+{offset:#x}{}", file.display(), name.unwrap_or_default());
        }
    }
    names
}

/// The file of a module. A worker is this program again.
fn file(module: &Module) -> PathBuf {
    match module.path.as_os_str().is_empty() {
        true => std::env::current_exe().unwrap_or_default(),
        false => module.path.clone(),
    }
}

/// The function that each of these offsets lies in; `None` when the file cannot be read.
fn look(file: &Path, offsets: &[u64]) -> Option<Vec<Best>> {
    let cache = ReadCache::new(File::open(file).ok()?);
    let object = object::File::parse(&cache).ok()?;
    let mut best: Vec<Best> = vec![None; offsets.len()];
    for symbol in object.symbols().chain(object.dynamic_symbols()) {
        if symbol.kind() != SymbolKind::Text || !symbol.is_definition() {
            continue;
        }
        let (start, size) = (symbol.address(), symbol.size());
        for (best, offset) in best.iter_mut().zip(offsets) {
            let within = start <= *offset && (size == 0 || *offset - start < size);
            if within && best.as_ref().is_none_or(|(other, _)| *other < start) {
                *best = symbol.name().ok().map(|name| (start, name.to_owned()));
            }
        }
    }
    Some(best)
}
