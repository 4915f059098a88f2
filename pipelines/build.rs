//! Builds the native kernels: the C code that every item crosses and where native faults strike.

fn main() {
    for file in ["oki.h", "oki.c", "kernels.inc", "deaths.h", "deaths.c", "refused.c"] {
        println!("cargo::rerun-if-changed=native/{file}");
    }
    let mut build = cc::Build::new();
    let gnu = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if gnu && std::env::var_os("CARGO_FEATURE_NAME_OOM").is_some() {
        build.file("native/refused.c");
    }
    build
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
