//! `argoctl stat --watch` in a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::Instant;

use common::tool::{ARGOCTL, failure, plain};
use common::{Argod, PATIENCE, open_system, wait_until};
use rustix::termios::{LocalModes, tcgetattr};

/// To the screen of its own, and back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// The tool in a terminal of its own.
struct Watching {
    screen: File,
    terminal: File,
    process: Child,
    drawn: String,
}

impl Watching {
    fn start(argod: &Argod) -> Self {
        let (screen, terminal) = common::terminal::open();
        let mut command = Command::new(ARGOCTL);
        command.args(["stat", "--watch", "--interval", "100ms"]);
        command.arg("--admin").arg(argod.path("admin.sock"));
        let [input, output, error] = [(); 3].map(|()| terminal.try_clone().unwrap());
        let process = command.stdin(input).stdout(output).stderr(error).spawn().unwrap();
        Self { screen, terminal, process, drawn: String::new() }
    }

    /// Waits until this is drawn, with everything up to it thrown away.
    fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.drawn.contains(text) {
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", self.drawn);
            let mut bytes = [0; 4096];
            let read = self.screen.read(&mut bytes).unwrap();
            self.drawn += &String::from_utf8_lossy(&bytes[..read]);
        }
        let at = self.drawn.find(text).unwrap();
        self.drawn.drain(..at + text.len());
    }

    fn press(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }

    /// It ends with this status and leaves the terminal as it was.
    fn leaves(mut self, status: i32) {
        self.shows(LEAVE);
        assert_eq!(self.process.wait().unwrap().code(), Some(status));
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON), "{modes:?}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start() -> Argod {
    Argod::start(&open_system(&[(1, "client"), (2, "server")]))
}

#[test]
fn it_draws_follows_keys_and_restores_the_terminal() {
    let argod = start();
    let mut watching = Watching::start(&argod);
    watching.shows(ENTER);
    watching.shows("server");
    watching.press("s");
    watching.shows("messages");
    watching.press("q");
    watching.leaves(0);
}

#[test]
fn ctrl_c_and_sigterm_leave_the_terminal_as_it_was() {
    let argod = start();
    let mut watching = Watching::start(&argod);
    watching.shows("server");
    watching.press("\x03");
    watching.leaves(0);
    let mut watching = Watching::start(&argod);
    watching.shows("server");
    let pid = watching.process.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    watching.leaves(0);
}

#[test]
fn it_waits_for_an_argod_that_is_gone() {
    let text = open_system(&[(1, "client"), (2, "server")]);
    let mut argod = Argod::start(&text);
    let mut watching = Watching::start(&argod);
    watching.shows("server");
    argod.process.kill().unwrap();
    argod.process.wait().unwrap();
    watching.shows("argod is gone, trying again");
    let dir = std::mem::replace(&mut argod.dir, tempfile::tempdir().unwrap());
    let argod = Argod::start_in(dir, &text);
    watching.shows("workers");
    watching.press("q");
    watching.leaves(0);
    wait_until("nobody asks any more", || argod.stat().admins == 1);
}

#[test]
fn without_a_terminal_or_an_argod_it_says_so() {
    let argod = start();
    let mut command = plain(&["stat", "--watch"]);
    command.arg("--admin").arg(argod.path("admin.sock"));
    let (status, said) = failure(&command.output().unwrap());
    assert_eq!(status, Some(2));
    assert!(said.starts_with("argoctl: --watch needs a terminal"), "{said}");
    let wrong = [&["stat", "--interval", "1s"][..], &["stat", "--watch", "--interval", "1ms"]];
    for arguments in wrong {
        assert_eq!(plain(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
    let gone = argod.path("admin.sock");
    drop(argod);
    let (_screen, terminal) = common::terminal::open();
    let mut command = plain(&["stat", "--watch", "--admin"]);
    command.arg(gone).stdin(terminal.try_clone().unwrap()).stdout(terminal);
    let (status, said) = failure(&command.output().unwrap());
    assert!(status == Some(1) && said.contains("admin.sock: "), "{status:?} {said}");
}
