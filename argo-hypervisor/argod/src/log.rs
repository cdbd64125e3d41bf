//! The daemon's log, on standard error.
//!
//! Who logs never waits for who reads: lines go through a bounded queue to a thread that writes
//! them. A line for which there is no room, because standard error is not read or its disk is slow,
//! is lost and counted.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat, LogLevel};

/// Lines that may wait to be written.
const WAITING_MAX: usize = 1024;
/// How long a program that ends waits for standard error.
const PATIENCE: Duration = Duration::from_secs(1);

/// A log: where its lines wait, and who writes them.
///
/// Dropping it waits until what was logged before is written, a second at most.
pub struct Writing {
    queue: Sender<Item>,
    writer: Option<Writer>,
}

/// Writes lines, once it has a thread.
struct Writer {
    items: Receiver<Item>,
    lost: Arc<AtomicU64>,
    /// A log of its own, past the queue.
    direct: Dispatch,
}

enum Item {
    Line(Vec<u8>),
    /// Nothing more is to be written; who waits hears it when this is dropped.
    End(Sender<()>),
}

/// Collects the log from here on as the configuration says. The first call counts. It is written
/// from [`Writing::begin`] on.
pub fn start(log: Log) -> Writing {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let (queue, items) = bounded(WAITING_MAX);
    let lines = Lines { queue: queue.clone(), lost: Arc::default() };
    let direct = dispatch(log.format, LevelFilter::WARN, io::stderr);
    let writer = Writer { items, lost: lines.lost.clone(), direct };
    // An error means that a log was started before.
    let _ = dispatch(log.format, level, move || lines.clone()).try_init();
    Writing { queue, writer: Some(writer) }
}

/// A log that is written there.
fn dispatch<W>(format: LogFormat, level: LevelFilter, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        // It would be said on standard error, by the thread that logs.
        .log_internal_errors(false)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(writer);
    match format {
        LogFormat::Human => builder.finish().into(),
        LogFormat::Json => builder.json().finish().into(),
    }
}

/// Says why the program ends, on standard error: not at all if that is broken or not read.
pub fn last_words(line: impl Display) {
    let stderr = io::stderr();
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as _, tv_nsec: 0 };
    if matches!(poll(&mut asked, Some(&patience)), Ok(1..)) {
        let _ = stderr.lock().write_all(format!("{line}\n").as_bytes());
    }
}

impl Writing {
    /// Starts the thread that writes what was logged so far, and what comes.
    ///
    /// # Errors
    /// There is none.
    pub fn begin(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        std::thread::Builder::new().name("log".into()).spawn(move || writer.run()).map(drop)
    }

    /// What a thread calls when the program ends at once, without a drop: it waits until what was
    /// logged before is written, a second at most, by means that a cage allows.
    pub fn ending(&self) -> impl Fn() + Send + Sync + use<> {
        let queue = self.queue.clone();
        move || end(&queue)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Without a thread to be had, what was not written is lost.
        if self.begin().is_err() {
            return;
        }
        end(&self.queue);
    }
}

/// Waits until what was logged before is written, or standard error was stuck for long.
fn end(queue: &Sender<Item>) {
    let deadline = Instant::now() + PATIENCE;
    let (end, ended) = bounded(0);
    if queue.send_deadline(Item::End(end), deadline).is_ok() {
        let _ = ended.recv_deadline(deadline);
    }
}

/// Where the log's lines are put, one with each write.
#[derive(Clone)]
struct Lines {
    queue: Sender<Item>,
    lost: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_owned())).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Writes lines until the end, and how many were lost when there is room again.
    fn run(self) {
        for item in &self.items {
            match item {
                // A line that cannot be written (a full disk, nobody there) is lost.
                Item::Line(line) => drop(io::stderr().lock().write_all(&line)),
                Item::End(ended) => {
                    self.tell_lost();
                    return drop(ended);
                }
            }
            self.tell_lost();
        }
    }

    /// Not by way of the queue, which may be full again, nor only if warnings are logged.
    fn tell_lost(&self) {
        match self.lost.swap(0, Relaxed) {
            0 => {}
            lines => tracing::dispatcher::with_default(&self.direct, || {
                tracing::warn!(lines, "lost: standard error took no more");
            }),
        }
    }
}
