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

/// A command that runs. Dropped, it is killed with all that it has started; if this program dies, the
/// command at least is.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

/// What comes next of a command.
pub enum Next {
    Line(String),
    /// It has closed its output.
    End,
    OutOfTime,
}

impl Process {
    /// From the thread that lives as long as this program: the command goes with it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: Command, echo: Echo) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        let mut command = mortal(&command);
        // A group of its own, so that what it has started goes with it.
        command.process_group(0).stdin(Stdio::null());
        // One pipe: cargo tells of a target on the one, the target of its tests on the other.
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn()?;
        let (send, lines) = mpsc::channel();
        let reader = thread::spawn(move || read(output, echo, &send));
        // The command holds the writing end until it is dropped, here.
        Ok(Self { child, lines, reader: Some(reader) })
    }

    /// Out of time is also who writes without a pause.
    pub fn next(&self, until: Instant) -> Next {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::OutOfTime;
        }
        match self.lines.recv_timeout(left) {
            Ok(line) => Next::Line(line),
            Err(RecvTimeoutError::Disconnected) => Next::End,
            Err(RecvTimeoutError::Timeout) => Next::OutOfTime,
        }
    }

    /// All that it writes until it closes its output, and how it ended: not at all if it was killed
    /// because its time was up.
    pub fn finish(mut self, until: Instant) -> (Vec<String>, Option<io::Result<ExitStatus>>) {
        let mut lines = Vec::new();
        loop {
            match self.next(until) {
                Next::Line(line) => lines.push(line),
                Next::End => return (lines, Some(self.wait())),
                Next::OutOfTime => {
                    lines.extend(self.kill());
                    return (lines, None);
                }
            }
        }
    }

    /// Ends it, and all that it has started. What it had written that was not read.
    pub fn kill(mut self) -> Vec<String> {
        self.end();
        self.lines.try_iter().collect()
    }

    fn end(&mut self) {
        // Once it is waited for, the number is another's.
        if self.reader.is_none() {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that all of it is gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.wait();
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        // It ends with the output, which its writers have closed or leave by being killed.
        let _ = self.reader.take().map(JoinHandle::join);
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The same command, killed when the thread that starts it ends. It is in a group of its own, so that
/// nobody's interrupt reaches it.
fn mortal(command: &Command) -> Command {
    let mut mortal = Command::new("setpriv");
    mortal.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        mortal.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => mortal.env(name, value),
            None => mortal.env_remove(name),
        };
    }
    mortal
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg("an argument").env("NAME", "a value");
        command.env_remove("HOME").current_dir("/");
        Process::start(command, Echo::Kept).unwrap()
    }

    #[test]
    fn a_command_runs_as_it_was_made() {
        let process = shell("pwd; echo \"$1, $NAME, ${HOME-no home}\"; exit 3");
        let (lines, status) = process.finish(Instant::now() + LONG);
        assert_eq!(lines, ["/", "an argument, a value, no home"]);
        assert_eq!(status.unwrap().unwrap().code(), Some(3));
    }

    #[test]
    fn who_is_dropped_goes_with_all_that_he_has_started() {
        let process = shell("sleep 1000 & echo $!; wait");
        let Next::Line(child) = process.next(Instant::now() + LONG) else { unreachable!("a line") };
        drop(process);
        let (state, until) = (format!("/proc/{child}/stat"), Instant::now() + LONG);
        let runs = || std::fs::read_to_string(&state).is_ok_and(|state| !state.contains(") Z "));
        while runs() {
            assert!(Instant::now() < until, "{child} lives");
            thread::yield_now();
        }
    }

    #[test]
    fn who_is_killed_leaves_what_he_had_begun_to_say() {
        let process = shell("printf 'one\\ntwo'; sleep 1000");
        assert!(matches!(process.next(Instant::now() + LONG), Next::Line(line) if line == "one"));
        assert_eq!(process.kill(), ["two"]);
    }

    #[test]
    fn a_command_goes_with_who_started_it() {
        let starter = thread::spawn(|| {
            let process = shell("echo up; exec sleep 1000");
            assert!(matches!(process.next(Instant::now() + LONG), Next::Line(_)));
            process
        });
        let (_, status) = starter.join().unwrap().finish(Instant::now() + LONG);
        assert_eq!(status.unwrap().unwrap().signal(), Some(9));
    }
}
