//! How far a transfer has come, on standard error.

use std::io::{self, IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use rustix::fs::{FileType, SeekFrom, fstat, seek};

use super::complaint::say;
use super::table::bytes;
use super::values;

/// A transfer that is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to show of a transfer.
#[derive(Args, Clone, Copy)]
pub(super) struct Progress {
    /// Show bytes, rate and time left on standard error.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always"
    )]
    progress: When,
    /// How many bytes will come or go, such as 700MiB, for the time left.
    ///
    /// Default: what is left of standard input, if that is a file.
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    size: Option<u64>,
}

/// Counts the bytes of a transfer and shows them.
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    display: Display,
}

enum Display {
    Nothing,
    /// On a terminal, from then on.
    Bar {
        bar: ProgressBar,
        from: Instant,
    },
    Lines {
        total: Option<u64>,
        begun: Instant,
        said: Mutex<Instant>,
    },
}

/// When progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, after a second, unless a person talks.
    Auto,
    /// From the beginning; where standard error is no terminal, as one line a second.
    Always,
    /// Never.
    Never,
}

impl Progress {
    /// Shows nothing.
    pub(super) const NONE: Self = Self { progress: When::Never, size: None };

    /// A meter that begins now.
    pub(super) fn meter(self) -> Meter {
        let total = self.size.or_else(file_left);
        let now = Instant::now();
        let display = match (self.progress, stderr().is_terminal()) {
            (When::Always, true) => Display::Bar { bar: bar(total), from: now },
            (When::Auto, true) if !is_dialogue() => {
                Display::Bar { bar: bar(total), from: now + PATIENCE }
            }
            (When::Always, false) => Display::Lines { total, begun: now, said: Mutex::new(now) },
            _ => Display::Nothing,
        };
        Meter { sent: AtomicU64::new(0), received: AtomicU64::new(0), display }
    }
}

impl Meter {
    /// So many bytes more went out.
    pub(super) fn sent(&self, count: usize) {
        self.count(&self.sent, count);
    }

    /// So many bytes more came in.
    pub(super) fn received(&self, count: usize) {
        self.count(&self.received, count);
    }

    /// Writes to standard output, which may be the terminal that this draws on.
    pub(super) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.display {
            Display::Bar { bar, .. } if io::stdout().is_terminal() => bar.suspend(write),
            _ => write(),
        }
    }

    /// What moved, in the direction in which more did.
    fn moved(&self) -> u64 {
        self.sent.load(Ordering::Relaxed).max(self.received.load(Ordering::Relaxed))
    }

    fn count(&self, direction: &AtomicU64, count: usize) {
        direction.fetch_add(count as u64, Ordering::Relaxed);
        match &self.display {
            Display::Nothing => {}
            Display::Bar { bar, from } => {
                if bar.is_hidden() && Instant::now() >= *from {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_position(self.moved());
            }
            Display::Lines { total, begun, said } => {
                let mut said = said.lock();
                if said.elapsed() >= PATIENCE {
                    *said = Instant::now();
                    say(line(self.moved(), begun.elapsed(), *total));
                }
            }
        }
    }
}

impl Drop for Meter {
    /// Says what it came to.
    fn drop(&mut self) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar { bar, .. } => bar.abandon(),
            Display::Lines { begun, .. } => say(line(self.moved(), begun.elapsed(), None)),
        }
    }
}

/// Bytes, rate and, with a total, how much of it that is and the time left.
fn line(moved: u64, time: Duration, total: Option<u64>) -> String {
    let rate = moved as f64 / time.as_secs_f64().max(1e-9);
    let mut line = format!("{} in {time:.1?}, {}/s", bytes(moved), bytes(rate as u64));
    if let Some(total) = total.filter(|total| *total > 0) {
        let left = total.saturating_sub(moved) as f64 / rate.max(1e-9);
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        let share = moved.saturating_mul(100) / total;
        line += &format!(", {share} % of {}, {} left", bytes(total), HumanDuration(left));
    }
    line
}

fn bar(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bytes} of {total_bytes} [{bar:30}] {percent} %, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes} in {elapsed}, {bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    // The templates are right; a wrong one would leave the default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Whether a person types and reads: progress would be in the way.
fn is_dialogue() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// What is left to read of standard input, if that is a file.
fn file_left() -> Option<u64> {
    let stdin = io::stdin();
    let stat = fstat(&stdin).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let at = seek(&stdin, SeekFrom::Current(0)).ok()?;
    u64::try_from(stat.st_size).ok()?.checked_sub(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_bytes_rate_and_time_left() {
        let two = Duration::from_secs(2);
        assert_eq!(line(4 << 20, two, None), "4.0 MiB in 2.0s, 2.0 MiB/s");
        assert_eq!(
            line(4 << 20, two, Some(16 << 20)),
            "4.0 MiB in 2.0s, 2.0 MiB/s, 25 % of 16.0 MiB, 6 seconds left"
        );
        assert!(line(0, Duration::ZERO, Some(1)).contains("0 % of 1 B"));
        assert_eq!(line(0, two, Some(0)), "0 B in 2.0s, 0 B/s");
    }

    #[test]
    fn the_direction_that_moves_more_counts() {
        let meter = Progress::NONE.meter();
        meter.sent(3);
        meter.received(10);
        meter.sent(4);
        assert_eq!(meter.moved(), 10);
    }
}
