//! An argod in this process, for targets that talk to its sockets.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use argod::config::Config;
use argod::daemon::Daemon;
use serde_json::Value;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The daemon of this process, with a domain 1 and a domain 2. It is never stopped.
pub struct Argod {
    _daemon: Daemon,
    folder: PathBuf,
}

impl Argod {
    /// It, started at the first call.
    pub fn running() -> &'static Self {
        static RUNNING: OnceLock<Argod> = OnceLock::new();
        RUNNING.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().map(tempfile::TempDir::keep);
        let folder = folder.unwrap_or_else(|error| panic!("no folder: {error}"));
        let text = format!(
            "runtime_dir = {folder:?}\nlock_memory = 'no'\npolicy_mode = 'all'\n\
             service = {{ workers = 1, spin_us = 0 }}\n\
             [[domain]]\nid = 1\nname = 'one'\nram = '64KiB'\n\
             [[domain]]\nid = 2\nname = 'two'\nram = '64KiB'\n"
        );
        let config = Config::parse("argod.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        let daemon = Daemon::start(config).unwrap_or_else(|error| panic!("{error}"));
        Self { _daemon: daemon, folder }
    }

    /// The socket of this name.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A conversation with the administrators' socket.
    pub fn administrator(&self) -> Administrator {
        Administrator::connect(&self.socket("admin.sock"))
    }
}

/// An administrator's connection.
pub struct Administrator(BufReader<UnixStream>);

impl Administrator {
    fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{error}"));
        let set = stream.set_read_timeout(Some(PATIENCE));
        set.unwrap_or_else(|error| panic!("{error}"));
        Self(BufReader::new(stream))
    }

    /// Sends a line and reads the answer to it; `None`: argod has hung up.
    ///
    /// # Panics
    /// There is no answer in time, or it is none.
    pub fn ask(&mut self, line: &[u8]) -> Option<Value> {
        let sent =
            self.0.get_mut().write_all(line).and_then(|()| self.0.get_mut().write_all(b"\n"));
        let mut answer = String::new();
        match sent.and_then(|()| self.0.read_line(&mut answer)) {
            Ok(0) => None,
            Ok(_) => {
                Some(serde_json::from_str(&answer).unwrap_or_else(|bad| panic!("{answer}: {bad}")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer"),
            Err(_) => None,
        }
    }

    /// What there is.
    ///
    /// # Panics
    /// As [`ask`](Self::ask), or argod does not say.
    pub fn stat(&mut self) -> Value {
        let answer = self.ask(br#"{"op":"stat"}"#).unwrap_or_default();
        answer.get("ok").unwrap_or_else(|| panic!("no stat: {answer}")).clone()
    }
}
