//! Xen with Argo, built for debugging, since only then guests can print.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use super::debian::Apt;
use super::scenario::Machine;
use super::{Cache, Error, step};

const CONFIGURATION: &str =
    "CONFIG_EXPERT=y\nCONFIG_UNSUPPORTED=y\nCONFIG_ARGO=y\nCONFIG_DEBUG=y\n";

/// Xen's image for a machine: made if it is not there yet.
///
/// # Errors
/// Xen's source cannot be had, or it cannot be built.
pub fn build(machine: Machine, cache: &Cache) -> Result<PathBuf, Error> {
    let tree = cache.path(&format!("xen-{}", machine.name()));
    let image = tree.join("image");
    if image.exists() {
        return Ok(image);
    }
    if !tree.join("xen/Makefile").exists() {
        Apt::new(cache)?.source("xen", &tree)?;
    }
    let failed = |path: PathBuf| move |source| Error::File { path, source };
    let configuration = tree.join("xen/.config");
    fs::write(&configuration, CONFIGURATION).map_err(failed(configuration))?;
    for goal in ["olddefconfig", "build"] {
        let mut make = make(machine);
        make.arg(goal).current_dir(&tree);
        step::run(&format!("Building Xen for {} ({goal})", machine.name()), make)?;
    }
    // Last, so that what is there is whole.
    fs::copy(tree.join("xen/xen"), &image).map_err(failed(image.clone()))?;
    Ok(image)
}

fn make(machine: Machine) -> Command {
    let (architecture, prefix) = match machine {
        Machine::Arm64 => ("arm64", "aarch64-linux-gnu-"),
        Machine::X86 => ("x86_64", ""),
    };
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut make = Command::new("make");
    make.arg(format!("-j{jobs}")).args(["-C", "xen", "PYTHON=/usr/bin/python3"]);
    make.arg(format!("XEN_TARGET_ARCH={architecture}")).arg(format!("CROSS_COMPILE={prefix}"));
    make
}
