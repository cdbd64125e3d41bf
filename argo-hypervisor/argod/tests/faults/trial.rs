//! Starting argod where something fails: it serves, or ends and says why.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use argo_core::abi::DOMID_ANY;
use argo_guest::host::{AttachOptions, HostSession};
use tempfile::TempDir;

use crate::common::{Killed, open_system, register, send, wait_until};

const ARGOD: &str = env!("CARGO_BIN_EXE_argod");
const PORT: u32 = 7;

/// Longer than an attachment takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a start went.
pub enum Start {
    Serves(Killed),
    Ended { status: Option<i32>, said: String },
}

/// A folder for one argod at a time, and its configuration.
pub struct Trial {
    dir: TempDir,
}

impl Trial {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let feeds = "[audit]\n[capture]\n";
        let metrics = format!("[metrics]\nsocket = {:?}\n", dir.path().join("metrics.sock"));
        let head = format!("runtime_dir = {:?}\n", dir.path());
        let text = head + &open_system(&[(1, "left"), (2, "right")]) + feeds + &metrics;
        std::fs::write(dir.path().join("argod.toml"), text).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// argod by this shell command in front of it, `""` for none.
    pub fn shell(&self, before: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}\nexec \"$0\" \"$@\""), ARGOD]);
        command
    }

    /// argod, by a command that is only to be told its configuration.
    pub fn start(&self, mut command: Command) -> Start {
        let said = self.path("said");
        command.arg("--config").arg(self.path("argod.toml")).stderr(File::create(&said).unwrap());
        let child = std::cell::RefCell::new(Killed(command.spawn().unwrap()));
        let ended = || child.borrow_mut().0.try_wait().unwrap().is_some();
        wait_until("argod serves or ends", || read(&said).contains(" ready ") || ended());
        let mut child = child.into_inner();
        match child.0.try_wait().unwrap() {
            None => Start::Serves(child),
            Some(status) => Start::Ended { status: status.code(), said: read(&said) },
        }
    }

    /// Paths of sockets that are there.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let names = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|kind| kind == "sock")).collect()
    }

    /// An argod that serves: messages arrive. Then it stops as it should.
    pub fn serves(&self, mut argod: Killed) {
        let [left, right] = ["left", "right"].map(|name| self.attach(name).unwrap());
        assert_eq!(register(&right, PORT, DOMID_ANY, 4096), 0);
        assert_eq!(send(&left, PORT, (2, PORT), b"through"), 7);
        self.stops(&mut argod);
    }

    pub fn attach(&self, domain: &str) -> Result<HostSession, String> {
        let options = AttachOptions { patience: PATIENCE, ..AttachOptions::default() };
        let socket = self.path(&format!("{domain}.sock"));
        HostSession::attach_with(socket, &options).map_err(|error| error.to_string())
    }

    /// Ends argod by SIGTERM.
    pub fn stops(&self, argod: &mut Killed) {
        let pid = argod.0.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        assert_eq!(ends(&mut argod.0), Some(0));
        assert_eq!(self.sockets(), [] as [PathBuf; 0], "what argod left");
    }

    /// argod serves, or it has ended with an error that says what failed, and left nothing. `true`:
    /// it serves.
    pub fn is_whole(&self, start: Start) -> bool {
        match start {
            Start::Serves(argod) => {
                self.serves(argod);
                true
            }
            Start::Ended { status, said } => {
                assert!(matches!(status, Some(1 | 78)), "{status:?}: {said}");
                is_clear(&said, "argod: ");
                wait_until("no socket is left", || self.sockets().is_empty());
                false
            }
        }
    }
}

/// A line says who speaks and which step failed, and nothing has panicked.
pub fn is_clear(said: &str, who: &str) {
    assert!(!said.contains("panicked"), "{said}");
    let mut errors = said.lines().filter_map(|line| line.strip_prefix(who));
    assert!(errors.any(|error| error.contains(": ")), "{said:?}");
}

/// Waits for the end; the exit status.
pub fn ends(process: &mut Child) -> Option<i32> {
    let process = std::cell::RefCell::new(process);
    wait_until("the process ends", || process.borrow_mut().try_wait().unwrap().is_some());
    process.into_inner().wait().unwrap().code()
}

pub fn read(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()
}
