//! An argod that this program starts for itself.
#![forbid(unsafe_code)]

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

/// A running argod; killed when dropped.
pub(crate) struct StartedArgod(Child);

impl StartedArgod {
    /// Starts argod by `command`, to which its configuration is added, and returns once it serves.
    /// What it logs goes nowhere.
    ///
    /// # Errors
    /// It does not start; what it said is in the error.
    pub(crate) fn start(mut command: Command, config: &Path) -> io::Result<Self> {
        command.arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Self(command.spawn()?);
        if let Some(log) = process.0.stderr.take() {
            await_ready(BufReader::new(log))?;
        }
        Ok(process)
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }
}

impl Drop for StartedArgod {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads the log up to the line that says that argod serves. What comes later is thrown away, by a
/// thread that ends with argod: a full pipe would stop it.
fn await_ready(mut log: BufReader<ChildStderr>) -> io::Result<()> {
    let mut said = String::new();
    while !said.contains(" ready ") {
        if log.read_line(&mut said)? == 0 {
            return Err(io::Error::other(format!("argod did not start: {}", said.trim())));
        }
    }
    let rest = move || _ = io::copy(&mut log, &mut io::sink());
    std::thread::Builder::new().name("log".into()).spawn(rest).map(drop)
}
