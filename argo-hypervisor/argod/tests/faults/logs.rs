//! Nobody reads argod's log, or it cannot be written.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use argod::admin::{AdminClient, Request};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::common::{Killed, wait_until};
use crate::trial::{Trial, ends};

const ARGOD: &str = env!("CARGO_BIN_EXE_argod");
/// More lines than may wait.
const LINES: u32 = 1100;

/// A pipe without any room.
fn full_pipe() -> (File, OwnedFd) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[b'\n'; 4096]).is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader.into(), writer)
}

fn start(trial: &Trial, stderr: impl Into<Stdio>) -> (Killed, AdminClient) {
    let mut command = Command::new(ARGOD);
    command.arg("--config").arg(trial.path("argod.toml")).stderr(stderr);
    let argod = Killed(command.spawn().unwrap());
    let admin = trial.path("admin.sock");
    wait_until("argod serves", || AdminClient::connect(&admin).is_ok());
    (argod, AdminClient::connect(&admin).unwrap())
}

fn come_and_go(trial: &Trial) {
    for _ in 0..30 {
        wait_until("a process attaches", || trial.attach("left").is_ok());
    }
}

#[test]
fn nobody_waits_for_who_does_not_read_the_log() {
    let trial = Trial::new();
    let (_reader, writer) = full_pipe();
    let (argod, _admin) = start(&trial, writer);
    come_and_go(&trial);
    trial.serves(argod);
}

fn reset(admin: &mut AdminClient) {
    let reset = Request::SoftReset { domain: "left".into() };
    admin.request::<serde_json::Value>(&reset).unwrap();
}

/// Counts the line if it tells of a reset, or the lines that it says were lost.
fn count(line: &str, written: &AtomicU32, lost: &AtomicU32) {
    written.fetch_add(u32::from(line.contains(" reset ")), Relaxed);
    if let Some((_, lines)) = line.split_once("took no more lines=") {
        lost.fetch_add(lines.trim().parse::<u32>().unwrap(), Relaxed);
    }
}

#[test]
fn lines_without_room_are_counted_in_the_log() {
    let trial = Trial::new();
    let (reader, writer) = full_pipe();
    let (mut argod, mut admin) = start(&trial, writer);
    let (written, lost) = (AtomicU32::new(0), AtomicU32::new(0));
    (0..LINES).for_each(|_| reset(&mut admin));
    let lines = BufReader::new(reader).lines().map(Result::unwrap);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| lines.for_each(|line| count(&line, &written, &lost)));
        // While there is room now and then.
        (0..LINES).for_each(|_| reset(&mut admin));
        let counted = || written.load(Relaxed) + lost.load(Relaxed);
        wait_until("each line is written or counted", || counted() == 2 * LINES);
        trial.stops(&mut argod);
        reading.join().unwrap();
        assert_eq!(counted(), 2 * LINES);
    });
    assert!(lost.load(Relaxed) > 0, "the pipe was not full");
}

#[test]
fn with_a_log_that_cannot_be_written_argod_serves() {
    let trial = Trial::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (argod, _admin) = start(&trial, full);
    come_and_go(&trial);
    trial.serves(argod);
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(reader);
    let (argod, _admin) = start(&trial, writer);
    come_and_go(&trial);
    trial.serves(argod);
}

#[test]
fn an_error_that_nobody_reads_is_an_exit_status() {
    let trial = Trial::new();
    let (mut reader, writer) = full_pipe();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    for stderr in [Stdio::from(full), Stdio::from(writer)] {
        let mut command = Command::new(ARGOD);
        command.arg("--config").arg(trial.path("nothing.toml")).stderr(stderr);
        assert_eq!(ends(&mut Killed(command.spawn().unwrap()).0), Some(78));
    }
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.trim(), "", "the line was not waited for");
}
