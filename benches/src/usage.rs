//! Who used the machine.

use std::fs;
use std::io;
use std::num::NonZero;
use std::thread;
use std::time::Instant;

/// Processor time so far, in seconds.
pub struct Usage {
    at: Instant,
    strangers: f64,
    stolen: f64,
}

/// `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;
const NANOS: f64 = 1e9;

impl Usage {
    /// Of everybody but this process and those with these ids.
    ///
    /// # Errors
    /// This is no Linux with scheduler statistics.
    pub fn now(own: &[u32]) -> io::Result<Self> {
        let mut strangers = 0.0;
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let process = name.to_str().and_then(|name| name.parse().ok());
            let Some(process) = process.filter(|id| !own.contains(id)) else { continue };
            if process != std::process::id() {
                strangers += running_time(process)?;
            }
        }
        Ok(Self { at: Instant::now(), strangers, stolen: stolen_time()? })
    }

    /// What others took since then.
    pub fn taken_since(&self, before: &Self) -> Taken {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let could = (self.at - before.at).as_secs_f64() * processors as f64;
        Taken {
            strangers: (self.strangers - before.strangers).max(0.0) / could,
            stolen: (self.stolen - before.stolen) / could,
        }
    }
}

/// What others took, as shares of what all processors could do in that time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    /// Other processes.
    pub strangers: f64,
    /// The host of a virtual machine. Part of it is one's own: the host also needs time to let a
    /// processor run again that had nothing to do.
    pub stolen: f64,
}

/// Seconds that the host of a virtual machine gave to others while something was to run here.
fn stolen_time() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    // cpu user nice system idle iowait irq softirq steal
    Ok(number(stat.lines().next().unwrap_or_default(), 8) / TICKS)
}

/// Seconds that all threads of a process have run; 0 if it is gone.
fn running_time(process: u32) -> io::Result<f64> {
    let threads = match fs::read_dir(format!("/proc/{process}/task")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0.0),
        threads => threads?,
    };
    // A thread may end while we look: then the file is not there, or says ESRCH.
    let nanos = threads.filter_map(Result::ok).map(|thread| {
        let stat = fs::read_to_string(thread.path().join("schedstat"));
        stat.map_or(0.0, |stat| number(&stat, 0))
    });
    Ok(nanos.sum::<f64>() / NANOS)
}

/// A number in a line, by its place among the words; 0 if there is none.
fn number(line: &str, place: usize) -> f64 {
    line.split_whitespace().nth(place).and_then(|word| word.parse().ok()).unwrap_or(0.0)
}
