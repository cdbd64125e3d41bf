//! The device tree from which Xen on arm64 starts guests: that of QEMU's machine, with a node for each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scenario::{Scenario, first_domain};
use super::{Cache, Error, step};

/// QEMU's machine: the same when it shows its device tree and when it runs.
pub const MACHINE: &str = "virt,virtualization=on,gic-version=3";
pub const PROCESSOR: &[&str] = &["-cpu", "cortex-a57", "-smp", "1", "-m", "512"];

/// Kibibytes of each guest's RAM.
const RAM_KIB: u32 = 32 << 10;

/// Where the image of the n-th guest lies in the machine's memory when Xen starts.
pub fn image_at(index: usize) -> usize {
    0x5000_0000 + (index << 24)
}

/// Makes the device tree of a scenario.
///
/// # Errors
/// QEMU shows none, or it cannot be written.
pub fn make(scenario: &Scenario, image: &Path, cache: &Cache) -> Result<PathBuf, Error> {
    let (qemus, text) = (cache.path("qemu.dtb"), cache.path(&format!("{}.dts", scenario.name)));
    let mut show = Command::new("qemu-system-aarch64");
    show.arg("-machine").arg(format!("{MACHINE},dumpdtb={}", qemus.display())).args(PROCESSOR);
    show.args(["-nodefaults", "-display", "none"]);
    step::quiet("Asking QEMU for its device tree", show)?;
    let mut decompile = Command::new("dtc");
    decompile.args(["-q", "-I", "dtb", "-O", "dts", "-o"]).arg(&text).arg(&qemus);
    step::quiet("Reading it", decompile)?;
    let failed = |source| Error::File { path: text.clone(), source };
    let machine = fs::read_to_string(&text).map_err(failed)?;
    let size =
        fs::metadata(image).map_err(|source| Error::File { path: image.into(), source })?.len();
    fs::write(&text, machine + &chosen(scenario, size)).map_err(failed)?;
    let tree = text.with_extension("dtb");
    let mut compile = Command::new("dtc");
    compile.args(["-q", "-I", "dts", "-O", "dtb", "-o"]).arg(&tree).arg(&text);
    step::quiet("Making the device tree", compile)?;
    Ok(tree)
}

/// What Xen reads: its own command line, and the guests (Xen's `docs/misc/arm/device-tree/booting.txt`).
fn chosen(scenario: &Scenario, size: u64) -> String {
    let console = "console=dtuart dtuart=/pl011@9000000 guest_loglvl=all bootscrub=0";
    let mut nodes = String::new();
    for (index, command_line) in scenario.guests.iter().enumerate() {
        let (domain, at) = (first_domain(scenario.machine) + index, image_at(index));
        let _always_fits = write!(
            nodes,
            "domU{domain} {{ compatible = \"xen,domain\"; #address-cells = <2>; \
             #size-cells = <2>; memory = <0 {RAM_KIB}>; cpus = <1>; \
             xen,enhanced = \"no-xenstore\";\n\
             module@{at:x} {{ compatible = \"multiboot,kernel\", \"multiboot,module\"; \
             reg = <0 {at:#x} 0 {size:#x}>; bootargs = \"{command_line}\"; }};\n{}}};\n",
            scenario.channel.map_or_else(String::new, |port| channel_end(domain, port))
        );
    }
    let xen = scenario.xen;
    format!(
        "/ {{ chosen {{ #address-cells = <2>; #size-cells = <2>; \
         xen,xen-bootargs = \"{console} {xen}\";\n{nodes}}}; }};\n"
    )
}

/// One end of the event channel between the first two guests, which has the same port at both.
fn channel_end(domain: usize, port: u32) -> String {
    let other = 3 - domain;
    format!(
        "end{domain}: evtchn@{domain} {{ compatible = \"xen,evtchn-v1\"; \
         xen,evtchn = <{port} &end{other}>; }};\n"
    )
}
