//! Links the guest by the script of its machine, without a C library.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../link");
    if env::var_os("CARGO_FEATURE_METAL").is_none() {
        return;
    }
    let script = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "xen-arm64.ld",
        _ => "xen-x86-pv.ld",
    };
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = format!("-Wl,-T,{here}/../link/{script}");
    let page = "-Wl,-z,max-page-size=4096";
    for argument in
        ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", page, &script]
    {
        println!("cargo::rustc-link-arg-bin=guest={argument}");
    }
}
