//! Links the guest by the script of its machine, without a C library.

use std::env;

/// What all guests are: programs that nobody relocates.
const ALONE: [&str; 6] = [
    "-nostartfiles",
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=4096",
];

fn main() {
    println!("cargo::rerun-if-changed=../link");
    for argument in ALONE.into_iter().chain(["-Wl,--image-base=0x100000"]) {
        println!("cargo::rustc-link-arg-bin=machine={argument}");
    }
    if env::var_os("CARGO_FEATURE_METAL").is_none() {
        return;
    }
    let script = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "xen-arm64.ld",
        _ => "xen-x86-pv.ld",
    };
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = format!("-Wl,-T,{here}/../link/{script}");
    for argument in ALONE.into_iter().chain([&*script]) {
        println!("cargo::rustc-link-arg-bin=guest={argument}");
    }
}
