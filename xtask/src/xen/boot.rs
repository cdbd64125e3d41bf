//! Xen and its guests, in QEMU, until the guests are done. QEMU's own status says nothing: it ends well
//! when a guest has crashed. What counts is what the guests say.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::scenario::{Machine, Scenario};
use super::step::StepError;
use super::{Cache, Error, tree};
use crate::process::{Echo, Next, Process};

/// The machine is emulated; five seconds are usual on a quiet one.
const LIMIT: Duration = Duration::from_secs(180);
/// QEMU 7.2 now and then stands still while Xen counts down to its guests' start (seen on a busy machine,
/// once in ten runs; it then uses no processor). Only before a guest has said something it is started
/// anew.
const SILENCE: Duration = Duration::from_secs(30);
const STARTS: u32 = 4;

/// What a run came to.
pub struct Boot {
    pub lines: Vec<String>,
    /// Whether every guest came to its end.
    pub done: bool,
    pub took: Duration,
    /// How often QEMU was started.
    pub starts: u32,
}

/// # Errors
/// QEMU cannot be started, or there is no device tree for it.
pub fn run(
    scenario: &Scenario,
    xen: &Path,
    image: &Path,
    cache: &Cache,
    verbose: bool,
) -> Result<Boot, Error> {
    let mut starts = 1;
    loop {
        let command = match scenario.machine {
            Machine::Arm64 => arm64(scenario, xen, image, cache)?,
            Machine::X86 => x86(scenario, xen, image),
        };
        let name = format!("{command:?}");
        let echo = if verbose { Echo::PassedOn } else { Echo::Kept };
        let process = Process::start(command, echo).map_err(|source| {
            Error::Step(StepError::Start { what: scenario.name.into(), command: name, source })
        })?;
        match watch(process, scenario.guests.len()) {
            Watched::StoodStill if starts < STARTS => starts += 1,
            Watched::StoodStill => {
                return Ok(Boot { lines: Vec::new(), done: false, took: SILENCE, starts });
            }
            Watched::Ended { lines, done, took } => {
                return Ok(Boot { lines, done, took, starts });
            }
        }
    }
}

enum Watched {
    Ended {
        lines: Vec<String>,
        done: bool,
        took: Duration,
    },
    /// Nothing more came, before the guests began.
    StoodStill,
}

fn watch(process: Process, guests: usize) -> Watched {
    let began = Instant::now();
    let (mut lines, mut done, mut silent_since, mut begun) = (Vec::new(), 0, began, false);
    while done < guests {
        let until = if begun { began + LIMIT } else { silent_since + SILENCE };
        match process.next(until) {
            Next::Line(line) => {
                done += usize::from(line.ends_with("guest: done"));
                begun |= line.contains("guest: ");
                silent_since = Instant::now();
                lines.push(line);
            }
            Next::OutOfTime if !begun => {
                process.kill();
                return Watched::StoodStill;
            }
            Next::End | Next::OutOfTime => break,
        }
    }
    process.kill();
    Watched::Ended { lines, done: done == guests, took: began.elapsed() }
}

fn arm64(scenario: &Scenario, xen: &Path, image: &Path, cache: &Cache) -> Result<Command, Error> {
    let mut qemu = Command::new("qemu-system-aarch64");
    qemu.args(["-machine", tree::MACHINE]).args(tree::PROCESSOR).args(CONSOLE);
    qemu.arg("-kernel").arg(xen).arg("-dtb").arg(tree::make(scenario, image, cache)?);
    for index in 0..scenario.guests.len() {
        let (image, at) = (image.display(), tree::image_at(index));
        qemu.arg("-device").arg(format!("loader,file={image},addr={at:#x},force-raw=on"));
    }
    Ok(qemu)
}

/// Without mitigations, which an emulator does not need.
fn x86(scenario: &Scenario, xen: &Path, image: &Path) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-accel", "tcg", "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", "512"]);
    qemu.args(CONSOLE).arg("-kernel").arg(xen);
    let command_line = scenario.guests.join(" ");
    qemu.arg("-initrd").arg(format!("{} {command_line}", image.display()));
    let console = "console=com1 com1=115200,8n1 guest_loglvl=all";
    let guest = "dom0_mem=64M dom0_max_vcpus=1";
    qemu.arg("-append").arg(format!("{console} {guest} {}", scenario.xen));
    qemu
}

const CONSOLE: &[&str] = &["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"];
