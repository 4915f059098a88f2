//! Builds the native kernels: the C code that every item crosses and where native faults strike.

fn main() {
    for file in ["oki.h", "oki.c", "kernels.inc", "deaths.h", "deaths.c"] {
        println!("cargo::rerun-if-changed=native/{file}");
    }
    cc::Build::new()
        .files(["native/oki.c", "native/deaths.c"])
        .include("native")
        .std("c11")
        .opt_level(3)
        // A foreign exception passes through these frames.
        .flag("-fexceptions")
        .warnings(true)
        .extra_warnings(true)
        .compile("oki");
}
