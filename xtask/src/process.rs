//! A command that is watched: what it writes as lines, under a limit of time.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};

/// Whether what a command writes is passed on as it comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    PassedOn,
    Kept,
}

pub struct Process {
    child: Child,
    lines: Receiver<String>,
    reader: JoinHandle<()>,
}

/// What comes next of a command.
pub enum Next {
    Line(String),
    /// It has closed its output.
    End,
    OutOfTime,
}

impl Process {
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, echo: Echo) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        // A group of its own, so that what it has started goes with it.
        command.process_group(0).stdin(Stdio::null());
        // One pipe: cargo tells of a target on the one, the target of its tests on the other.
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        let (send, lines) = mpsc::channel();
        let reader = thread::spawn(move || read(output, echo, &send));
        // The command holds the writing end until it is dropped, here.
        Ok(Self { child, lines, reader })
    }

    pub fn next(&self, until: Instant) -> Next {
        match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => Next::Line(line),
            Err(RecvTimeoutError::Disconnected) => Next::End,
            Err(RecvTimeoutError::Timeout) => Next::OutOfTime,
        }
    }

    /// All that it writes until it closes its output, and how it ended: not at all if it was killed
    /// because its time was up.
    pub fn finish(self, until: Instant) -> (Vec<String>, Option<io::Result<ExitStatus>>) {
        let mut lines = Vec::new();
        loop {
            match self.next(until) {
                Next::Line(line) => lines.push(line),
                Next::End => return (lines, Some(self.wait())),
                Next::OutOfTime => {
                    self.kill();
                    return (lines, None);
                }
            }
        }
    }

    /// Ends it, and all that it has started.
    pub fn kill(self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that all of it is gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.wait();
    }

    fn wait(mut self) -> io::Result<ExitStatus> {
        // It ends with the output, which its writers have closed or leave by being killed.
        let _ = self.reader.join();
        self.child.wait()
    }
}

fn read(output: PipeReader, echo: Echo, to: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if echo == Echo::PassedOn {
            eprintln!("{text}");
        }
        if to.send(text).is_err() {
            break;
        }
        line.clear();
    }
}
