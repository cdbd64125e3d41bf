//! Hostile processes: this test's binary once more, in a role.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use argod_hostile::diary::Diary;

use super::wait_until;

const ROLE: &str = "ARGO_TEST_ROLE";
const SOCKET: &str = "ARGO_TEST_SOCKET";
/// A child; killed on drop.
pub struct Hostile {
    pub process: Child,
    pub diary: Diary,
}

impl Hostile {
    /// Runs the test `hostile_child` of this binary as a process of its own, which plays the role.
    pub fn spawn(role: &str, socket: &Path) -> Self {
        Self::spawn_as(role, socket, Command::new(std::env::current_exe().unwrap()))
    }

    /// The same with this command, a copy of this binary.
    pub fn spawn_as(role: &str, socket: &Path, mut command: Command) -> Self {
        let (diary, memfd) = Diary::create();
        let process = command
            .args(["--exact", "hostile_child", "--nocapture"])
            .env(ROLE, role)
            .env(SOCKET, socket)
            .stdin(Stdio::from(memfd))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, diary }
    }

    /// Waits until the child has written this word, or ended.
    pub fn reaches(&mut self, word: usize, value: u32) {
        let process = std::cell::RefCell::new(&mut self.process);
        wait_until("the child gets there", || {
            let ended = process.borrow_mut().try_wait().unwrap();
            assert!(ended.is_none(), "the child ended: {ended:?}");
            self.diary.word(word) >= value
        });
    }

    /// SIGKILL; when this returns nothing of the process is left.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: its role, its domain's socket and its diary. `None`: this is no child.
pub fn part() -> Option<(String, PathBuf, Diary)> {
    let role = std::env::var(ROLE).ok()?;
    let socket = PathBuf::from(std::env::var_os(SOCKET)?);
    let stdin: OwnedFd = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned().ok()?;
    Some((role, socket, Diary::of(stdin)))
}

/// Sleeps until somebody kills the process.
pub fn wait_for_death() -> ! {
    loop {
        std::thread::park();
    }
}
