//! The tests of argo-mem, with every access to memory watched.
//!
//! AddressSanitizer comes with a nightly toolchain and watches what was compiled with it; valgrind's
//! memcheck watches all instructions. Neither sees into `rep movsb` of the copy primitive's longer
//! copies the same way (valgrind does, AddressSanitizer does not), nor beyond a mapping's last page.
//! Where a tool is missing that is said, and no failure.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

use crate::repository;

/// The tests of argo-mem. (Examples in the documentation are linked without the sanitizer.)
const TESTS: &[&str] = &["-p", "argo-mem", "--lib", "--tests"];
/// One that is wrong on purpose.
const WRONG: &[&str] = &["-p", "argo-mem", "--test", "beyond", "--", "--ignored"];

const VALGRIND: &str =
    "target.'cfg(unix)'.runner = ['valgrind', '-q', '--error-exitcode=99', '--leak-check=no']";

/// Why the evidence is not there.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Cargo cannot be started.
    #[error("starting cargo: {0}")]
    Start(#[from] io::Error),
    /// A test failed, or an access was wrong.
    #[error("{tool}: {status}")]
    Failed { tool: &'static str, status: ExitStatus },
    /// The access that is wrong on purpose was not noticed.
    #[error("{0} does not notice an access beyond the end")]
    Blind(&'static str),
}

struct Tool {
    name: &'static str,
    /// What succeeds where there is the tool.
    probe: &'static [&'static str],
    /// Before and after the word `test`.
    cargo: [&'static [&'static str]; 2],
    flags: &'static str,
}

const TOOLS: [Tool; 2] = [
    Tool {
        name: "AddressSanitizer",
        probe: &["cargo", "+nightly", "--version"],
        cargo: [&["+nightly"], &["--target", "host-tuple", "--target-dir", "target/asan"]],
        flags: "-Zsanitizer=address",
    },
    Tool {
        name: "valgrind",
        probe: &["valgrind", "--version"],
        cargo: [&["--config", VALGRIND], &[]],
        flags: "",
    },
];

/// Runs the tests under each tool that there is.
///
/// # Errors
/// A test fails, or a tool finds something, or does not find what is wrong on purpose.
pub fn check() -> Result<(), MemoryError> {
    for tool in TOOLS {
        if !tool.is_there() {
            effort::skipped(&format!("{} is not installed", tool.name));
            continue;
        }
        if tool.run(WRONG, Stdio::null)?.success() {
            return Err(MemoryError::Blind(tool.name));
        }
        let status = tool.run(TESTS, Stdio::inherit)?;
        if !status.success() {
            return Err(MemoryError::Failed { tool: tool.name, status });
        }
        println!("{}: nothing, but for the fault made on purpose", tool.name);
        effort::ran(1, "run of argo-mem's tests with every access watched");
    }
    Ok(())
}

impl Tool {
    fn is_there(&self) -> bool {
        let Some((program, rest)) = self.probe.split_first() else { return false };
        let run =
            Command::new(program).args(rest).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    }

    fn run(&self, tests: &[&str], output: fn() -> Stdio) -> io::Result<ExitStatus> {
        let [before, after] = self.cargo;
        let mut command = Command::new("cargo");
        command.args(before).args(["test", "--quiet"]).args(after).args(tests);
        if !self.flags.is_empty() {
            command.env("RUSTFLAGS", self.flags);
        }
        command.current_dir(repository::root()).stdout(output()).stderr(output()).status()
    }
}
