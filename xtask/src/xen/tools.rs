//! The programs that this takes, from Debian's packages.

use std::process::{Command, Stdio};

use super::scenario::Machine;
use super::step;

struct Tool {
    program: &'static str,
    package: &'static str,
}

const BOTH: &[Tool] = &[
    tool("apt-get", "apt"),
    tool("bison", "bison"),
    tool("dpkg-source", "dpkg-dev"),
    tool("flex", "flex"),
    tool("gcc", "gcc"),
    tool("make", "make"),
    tool("python3", "python3"),
];
const ARM64: &[Tool] = &[
    tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    tool("dtc", "device-tree-compiler"),
    tool("qemu-system-aarch64", "qemu-system-arm"),
];
const X86: &[Tool] = &[tool("qemu-system-x86_64", "qemu-system-x86")];

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package }
}

/// Installs what is missing, if we may. What is then still missing, in words.
pub fn provide(machine: Machine) -> Result<(), String> {
    let wanted = || BOTH.iter().chain(if machine == Machine::X86 { X86 } else { ARM64 });
    let missing = || -> Vec<&Tool> { wanted().filter(|tool| !is_there(tool.program)).collect() };
    let packages: Vec<&str> = missing().iter().map(|tool| tool.package).collect();
    if !packages.is_empty() && rustix::process::geteuid().is_root() {
        install(&packages);
    }
    let missing: Vec<String> = missing()
        .iter()
        .map(|tool| format!("{} (Debian's {})", tool.program, tool.package))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("there is no {}", missing.join(", no "))) }
}

/// What goes wrong shows in what is then still missing.
fn install(packages: &[&str]) {
    let mut update = Command::new("apt-get");
    update.args(["-qq", "update"]);
    let mut install = Command::new("apt-get");
    install.args(["-qq", "install", "-y", "--no-install-recommends"]).args(packages);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    for (what, command) in [("Looking for packages", update), ("Installing packages", install)] {
        if let Err(error) = step::run(what, command) {
            eprintln!("{error}");
        }
    }
}

/// Whether the shell would find it.
fn is_there(program: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
