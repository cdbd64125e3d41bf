//! Xen with Argo, built for debugging, since only then guests can print.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::debian::Apt;
use super::scenario::Machine;
use super::{Cache, Error, Unready, step};

const CONFIGURATION: &str =
    "CONFIG_EXPERT=y\nCONFIG_UNSUPPORTED=y\nCONFIG_ARGO=y\nCONFIG_DEBUG=y\n";

/// Xen's image for a machine: made if it is not there yet, or was made of something else.
///
/// # Errors
/// Xen's source cannot be had, or it cannot be built.
pub fn build(machine: Machine, cache: &Cache) -> Result<PathBuf, Unready> {
    let name = format!("xen-{}", machine.name());
    let tree = cache.path(&name);
    if !tree.join("xen/Makefile").exists() {
        let fetch = |beside: &Path| Apt::new(cache)?.source("xen", beside);
        cache.fill(&name, fetch).map_err(|error| Unready::of_a_fetch("Xen's source", error))?;
    }
    let (image, stamp, made_of) = (tree.join("image"), tree.join("stamp"), made_of(&tree)?);
    if image.exists() && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_of) {
        return Ok(image);
    }
    compile(machine, &tree)?;
    fs::copy(tree.join("xen/xen"), &image).map_err(Error::at(&image))?;
    // Last, so that what it speaks of is whole.
    fs::write(&stamp, made_of).map_err(Error::at(&stamp))?;
    Ok(image)
}

/// What an image is made of: the source's version, and how it is configured.
fn made_of(tree: &Path) -> Result<String, Error> {
    let changes = tree.join("debian/changelog");
    let changes = fs::read_to_string(&changes).map_err(Error::at(&changes))?;
    Ok(format!("{}\n{CONFIGURATION}", changes.lines().next().unwrap_or_default()))
}

fn compile(machine: Machine, tree: &Path) -> Result<(), Error> {
    let configuration = tree.join("xen/.config");
    fs::write(&configuration, CONFIGURATION).map_err(Error::at(&configuration))?;
    for goal in ["olddefconfig", "build"] {
        let mut make = make(machine);
        make.arg(goal).current_dir(tree);
        step::run(&format!("Building Xen for {} ({goal})", machine.name()), make)?;
    }
    Ok(())
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
