//! Builds the native kernels: the C code that every item crosses and where native faults strike.

fn main() {
    for file in ["native/oki.h", "native/oki.c", "native/kernels.inc"] {
        println!("cargo::rerun-if-changed={file}");
    }
    cc::Build::new()
        .file("native/oki.c")
        .include("native")
        .std("c11")
        .opt_level(3)
        .warnings(true)
        .extra_warnings(true)
        .compile("oki");
}
