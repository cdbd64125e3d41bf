//! A process that runs the C program, called line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::libraries::{Built, Library};

/// Longer than any call here may take, the moving of 100 MB included.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Party {
    pub process: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Party {
    pub fn start(built: &Built, library: Library, socket: &Path) -> Self {
        let mut command = built.program(library);
        command.env("ARGO_DOMAIN", socket).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (heard, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| heard.send(line))
        });
        Self { process, stdin, lines }
    }

    /// Has it make a call, and waits for what the call returned.
    pub fn call(&mut self, line: &str) -> String {
        self.begin(line);
        self.end(line)
    }

    /// Has it make a call.
    pub fn begin(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// What the call returned.
    pub fn end(&mut self, line: &str) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(said) => said,
            Err(error) => panic!("\"{line}\" does not return: {error}"),
        }
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
