//! argoctl as its users run it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use super::Argod;

pub const ARGOCTL: &str = env!("CARGO_BIN_EXE_argoctl");

/// argoctl acting as a domain.
pub fn acting_as(argod: &Argod, domain: &str, arguments: &[&str]) -> Command {
    let mut command = plain(arguments);
    command.arg("--domain").arg(argod.socket(domain));
    command
}

/// argoctl with nothing of this process's environment that it looks at.
pub fn plain(arguments: &[&str]) -> Command {
    let mut command = Command::new(ARGOCTL);
    command.args(arguments).env_remove("ARGO_DOMAIN").env_remove("ARGO_ADMIN");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end with this input.
pub fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // An error means that it ended without reading: its output says why.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Exit status and what was said on standard error.
pub fn failure(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stderr))
}

/// An argoctl that has said that it is ready; killed on drop.
pub struct Receiver(pub Child);

impl Receiver {
    /// `argoctl recv`, receiving already.
    pub fn start(command: Command) -> Self {
        Self::announced(command, "receiving at ").0
    }

    /// `argoctl listen` or `argoctl proxy`, listening already; with the rest of what it says then.
    pub fn listening(command: Command) -> (Self, String) {
        Self::announced(command, "listening at ")
    }

    /// One that says a line that begins with `start`; with the rest of that line.
    pub fn announced(mut command: Command, start: &str) -> (Self, String) {
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let stderr = child.stderr.as_mut().unwrap();
        // Unbuffered, so that nothing of what comes later is lost.
        BufReader::with_capacity(1, stderr).read_line(&mut said).unwrap();
        let receiver = Self(child);
        let rest = said.strip_prefix(start);
        let rest = rest.unwrap_or_else(|| panic!("not ready: {said}")).trim_end().to_owned();
        (receiver, rest)
    }

    /// Waits until it ends: exit status, standard output, the rest of standard error.
    pub fn end(self) -> (Option<i32>, String, String) {
        let (status, out, err) = self.finish();
        (status, text(&out), err)
    }

    /// The same, whatever bytes it wrote.
    pub fn finish(mut self) -> (Option<i32>, Vec<u8>, String) {
        let (mut out, mut err) = (Vec::new(), String::new());
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_end(&mut out).unwrap();
        }
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.0.wait().unwrap().code(), out, err)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bytes that differ from place to place.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}
