//! What systemd is to a service: a socket that hears it.

use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::common::{Killed, PATIENCE};

/// Hears what a service says.
pub struct Manager {
    socket: UnixDatagram,
    /// Lines that were heard and not asked for yet.
    heard: VecDeque<String>,
}

impl Manager {
    /// Listens in this folder.
    pub fn new(dir: &Path) -> Self {
        let socket = UnixDatagram::bind(dir.join("notify")).unwrap();
        Self { socket, heard: VecDeque::new() }
    }

    /// Starts this service in this folder.
    pub fn start(&self, mut service: Command, dir: &Path) -> Killed {
        Killed(service.env("NOTIFY_SOCKET", dir.join("notify")).spawn().unwrap())
    }

    /// The next line that begins so, whatever is said before: that can still be heard. What is told
    /// by different threads comes in any order.
    pub fn hears(&mut self, beginning: &str) -> String {
        let begun = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            let found = self.heard.iter().position(|line| line.starts_with(beginning));
            if let Some(line) = found.and_then(|at| self.heard.remove(at)) {
                return line;
            }
            self.listen(left);
        }
        panic!("not told within {PATIENCE:?}: {beginning}");
    }

    /// Whether this is said within that time, from now on.
    pub fn hears_within(&mut self, line: &str, time: Duration) -> bool {
        let begun = Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            self.listen(left);
            if self.heard.drain(..).any(|said| said == line) {
                return true;
            }
        }
        false
    }

    /// Forgets what was said so far.
    pub fn forget(&mut self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
        self.heard.clear();
    }

    fn listen(&mut self, time: Duration) {
        let mut text = [0; 4096];
        self.socket.set_read_timeout(Some(time.max(Duration::from_millis(1)))).unwrap();
        // An error means that nothing came.
        let Ok(len) = self.socket.recv(&mut text) else { return };
        let text = std::str::from_utf8(&text[..len]).unwrap();
        self.heard.extend(text.lines().map(str::to_owned));
    }
}

/// Asks a process to end.
pub fn terminate(process: &Child) {
    let pid = process.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
}
