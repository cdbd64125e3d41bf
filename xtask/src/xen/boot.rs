//! Xen and its guests, in QEMU, until the guests are done. QEMU's own status says nothing: it ends well
//! when a guest has crashed. What counts is what the guests say.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::lines::{Said, is_countdown, said};
use super::scenario::{Machine, Scenario};
use super::step::StepError;
use super::{Cache, Error, tree};
use crate::process::{Echo, Next, Process};

/// The machine is emulated; five seconds are usual on a quiet one.
const LIMIT: Duration = Duration::from_secs(180);
/// QEMU 7.2 now and then stands still while Xen counts down to its guests' start (seen on a busy machine,
/// once in ten runs; it then uses no processor). Then, and only then, it is started anew.
const SILENCE: Duration = Duration::from_secs(30);
const STARTS: u32 = 4;
/// How long is listened to who has said that nothing more comes: he may still crash.
const LINGER: Duration = Duration::from_secs(1);

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
        let watched = watch(process, scenario.guests.len());
        if !watched.stood_still || starts == STARTS {
            return Ok(Boot { starts, ..watched.boot });
        }
        starts += 1;
    }
}

struct Watched {
    boot: Boot,
    /// Nothing more came while Xen counted down.
    stood_still: bool,
}

fn watch(process: Process, guests: usize) -> Watched {
    let began = Instant::now();
    let (mut lines, mut ended, mut begun, mut heard) = (Vec::new(), BTreeSet::new(), false, began);
    while ended.len() < guests {
        let silence = if begun { LIMIT } else { SILENCE };
        let Next::Line(line) = process.next((heard + silence).min(began + LIMIT)) else { break };
        if let Some((domain, said)) = said(&line) {
            begun = true;
            if matches!(said, Said::Done | Said::Fault(_)) {
                ended.insert(domain);
            }
        }
        heard = Instant::now();
        lines.push(line);
    }
    let (done, took) = (ended.len() == guests, began.elapsed());
    let until = Instant::now() + LINGER;
    while done && let Next::Line(line) = process.next(until) {
        lines.push(line);
    }
    lines.extend(process.kill());
    let stood_still = !begun && lines.last().is_some_and(|line| is_countdown(line));
    Watched { boot: Boot { lines, done, took, starts: 1 }, stood_still }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(script: &str, guests: usize) -> Watched {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        watch(Process::start(command, Echo::Kept).unwrap(), guests)
    }

    #[test]
    fn every_guest_has_to_come_to_its_end() {
        let Watched { boot, .. } = watched("echo '(d1) guest: done'; echo '(d1) guest: done'", 2);
        assert!(!boot.done);
        let script = "echo '(d1) guest: done'; echo '(d2) guest: done'; echo '(d1) trap: late'";
        let Watched { boot, .. } = watched(script, 2);
        assert!(boot.done);
        assert_eq!(boot.lines.len(), 3, "who is done is still listened to");
        let Watched { boot, .. } = watched("echo '(d1) panicked at x'; sleep 1000", 1);
        assert!(boot.done, "nothing more is waited for");
    }

    #[test]
    fn only_who_counts_down_stands_still() {
        let still = watched("echo one; printf '(XEN) 3... 2...'", 1);
        assert!(still.stood_still && !still.boot.done);
        assert_eq!(still.boot.lines, ["one", "(XEN) 3... 2..."]);
        for script in ["true", "echo '(XEN) 3... 2... 1... '; echo '(XEN) Panic on CPU 0:'"] {
            assert!(!watched(script, 1).stood_still, "{script}");
        }
        let begun = "echo '(d1) guest: note: x'; printf '(XEN) 3...'";
        assert!(!watched(begun, 1).stood_still);
    }
}
