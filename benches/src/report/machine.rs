//! Where and when it was measured.

use std::fmt;
use std::fs;
use std::io;
use std::time::SystemTime;

use serde::Serialize;

/// A machine on a day.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Linux's version.
    pub kernel: String,
    /// The day, as 2026-11-22.
    pub date: String,
}

impl Machine {
    /// This one, now.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn here() -> io::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let name =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Ok(Self {
            cpu: name.map_or("an unnamed processor", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            date: now.chars().take_while(|letter| *letter != 'T').collect(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, date } = self;
        write!(out, "{cpu}, {cores} cores, Linux {kernel}, {date}")
    }
}
