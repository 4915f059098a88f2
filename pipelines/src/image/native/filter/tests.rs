//! Filters that are compiled here and now, with the C compiler that built the crate's own C.

use super::*;
use crate::fault::Fault;
use crate::image::operations::{Library, Operation, Worktop};
use crate::image::raster::{PixelFormat, Rect};
use std::process::Command;

/// Says its parameter's first byte in each sample of pixel 0, then what it was told of the tile.
const TELLING: &str = r#"
    #include "okiagari.h"
    #include <string.h>
    static int constructed;
    __attribute__((constructor)) static void construct(void) { constructed++; }
    int32_t tell(const struct okiagari_tile *t) {
        if (t->abi != OKIAGARI_ABI || t->input_bytes != t->output_bytes) return 1;
        if (t->input_bytes != (uint64_t)t->width * t->height * t->channels * t->depth_bits / 8) return 2;
        uint64_t told[] = {t->x, t->y, t->item, t->scene, t->width, t->height, (uint64_t)constructed};
        if (t->output_bytes < sizeof told) return 3;
        memcpy(t->output, told, sizeof told);
        unsigned char *rest = (unsigned char *)t->output + sizeof told;
        memcpy(rest, t->parameters, strlen(t->parameters));
        return 0;
    }
    int32_t invert(const struct okiagari_tile *t) {
        const unsigned char *from = t->input;
        unsigned char *to = t->output;
        for (uint64_t i = 0; i < t->input_bytes; i++) to[i] = (unsigned char)(255 - from[i]);
        return 0;
    }
    int32_t refuse(const struct okiagari_tile *t) { return (int32_t)t->width; }
    static int32_t hidden(const struct okiagari_tile *t) { return refuse(t); }
    int32_t (*keep)(const struct okiagari_tile *) = hidden;
"#;

fn compiled(dir: &Path) -> PathBuf {
    let (source, object) = (dir.join("telling.c"), dir.join("libtelling.so"));
    std::fs::write(&source, TELLING).unwrap();
    let header = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/native");
    let mut cc = Command::new("cc");
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC"];
    let cc = cc.args(flags).arg(header).arg(source).arg("-o").arg(&object).output().unwrap();
    assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
    object
}

fn head() -> TileHead {
    let rect = Rect { x: 70_000, y: 5, width: 16, height: 7 };
    TileHead { item: 9, scene: 3, rect, halo: 0, format: PixelFormat::RGB8 }
}

fn spec(path: &Path, rest: &str) -> FilterSpec {
    format!("lib:{}:{rest}", path.display()).parse().unwrap()
}

#[test]
fn a_filter_is_told_all_of_its_tile_and_is_loaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let object = compiled(dir.path());
    for parameters in ["", "strength=3:fast"] {
        let (head, rest) = (head(), format!("tell:{parameters}"));
        let mut out = vec![7; head.bytes()];
        let filter = Filter::load(&spec(&object, &rest)).unwrap();
        filter.call(&head, &vec![1; head.bytes()], &mut out).unwrap();
        let told: Vec<_> = out[..56].as_chunks().0.iter().map(|b| u64::from_ne_bytes(*b)).collect();
        assert_eq!(told, [70_000, 5, 9, 3, 16, 7, 1]);
        let (said, rest) = out[56..].split_at(parameters.len());
        assert_eq!(said, parameters.as_bytes());
        assert!(rest.iter().all(|b| *b == 0), "what was not written is zero");
    }
}

#[test]
fn filters_mix_with_operations_and_the_library_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let object = compiled(dir.path());
    let (head, invert) = (head(), Operation::Filter(spec(&object, "invert")));
    let input: Vec<u8> = (0..head.bytes()).map(|i| (i * 37 % 251) as u8).collect();
    let run = |operations: &[Operation], library| {
        let mut top = Worktop::new();
        top.load(operations).unwrap();
        let (head, pixels) = top.apply(operations, library, &head, &input, None).unwrap();
        (head.format.channels, pixels.to_vec())
    };
    for library in [Library::Rust, Library::C] {
        let inverted: Vec<u8> = input.iter().map(|b| 255 - b).collect();
        assert_eq!(run(std::slice::from_ref(&invert), library), (3, inverted));
        assert_eq!(run(&[invert.clone(), invert.clone()], library), (3, input.clone()));
        let grey = run(&[Operation::Grayscale], library);
        let there_and_back =
            [Operation::Grayscale, invert.clone(), Operation::None, invert.clone()];
        assert_eq!(run(&there_and_back, library), grey);
        let fault = Worktop::new()
            .apply(&there_and_back, library, &head, &input, Some(Fault::Error))
            .unwrap_err();
        assert!(fault.what.contains("code -1"), "a fault strikes all the same: {fault}");
    }
}

#[test]
fn another_code_than_0_fails_the_tile_and_says_who_said_it() {
    let dir = tempfile::tempdir().unwrap();
    let filter = Filter::load(&spec(&compiled(dir.path()), "refuse")).unwrap();
    let (head, mut out) = (head(), vec![0; head().bytes()]);
    let what = filter.call(&head, &vec![0; head.bytes()], &mut out).unwrap_err().what;
    assert!(what.starts_with("item 9 was refused by refuse of /"), "{what}");
    assert!(what.ends_with("libtelling.so with code 16"), "{what}");
    assert!(filter.call(&head, &[0; 3], &mut out).unwrap_err().what.contains("does not fit"));
}

#[test]
fn what_cannot_be_loaded_is_said_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let object = compiled(dir.path());
    let text = dir.path().join("letter.so");
    std::fs::write(&text, "a letter, and no shared object, long enough to be looked into\n")
        .unwrap();
    for (path, symbol, words) in [
        (&*object, "nothing", "libtelling.so has no function called nothing"),
        (&object, "hidden", "libtelling.so has no function called hidden"),
        (&text, "tell", "letter.so cannot be loaded as a shared object: "),
        (dir.path(), "tell", "is not a file"),
        (&dir.path().join("missing.so"), "tell", "missing.so does not exist"),
    ] {
        let failure = Filter::load(&spec(path, symbol)).unwrap_err();
        assert_eq!(failure.blame, crate::message::Blame::Input);
        assert!(failure.what.contains(words), "{failure}");
        assert_eq!(failure.what.matches(&*path.display().to_string()).count(), 1, "{failure}");
    }
}

#[test]
fn a_spec_is_written_as_it_is_read_with_its_path_made_whole() {
    for text in ["lib:/a/b.so:f", "lib:/a/b.so:f:x=1:y", "lib:/a/b.so:f:a b"] {
        assert_eq!(text.parse::<Operation>().unwrap().to_string(), text);
    }
    let here = std::env::current_dir().unwrap();
    for text in ["lib:b.so:f", "lib:./b.so:f:"] {
        let spec: FilterSpec = text.parse().unwrap();
        assert_eq!((spec.path, &*spec.parameters), (here.join("b.so"), ""));
    }
    for (text, words) in [
        ("lib:", "names no shared object"),
        ("lib::f", "names no shared object"),
        ("lib:b.so", "names no function"),
        ("lib:b.so:", "names no function"),
        ("lib:b.so::x", "names no function"),
        ("lib:b.so:f:\0", "zero byte"),
    ] {
        let what = text.parse::<Operation>().unwrap_err().what;
        assert!(what.contains(words) && what.contains("write lib:PATH:SYMBOL"), "{what}");
    }
}
