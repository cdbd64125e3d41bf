//! Each system call of the start fails once.

use crate::strace::{self, Fault};
use crate::trial::{Start, Trial};

const ARGOD: &str = env!("CARGO_BIN_EXE_argod");
const FAULTS: u32 = 120;

#[test]
fn argod_starts_or_says_why_not_whichever_system_call_fails() {
    if !strace::is_there() {
        return;
    }
    let trial = Trial::new();
    let all = faults_of_a_start(&trial);
    let faults = strace::sample(all.clone(), effort::cases(FAULTS));
    let served = faults.iter().filter(|fault| try_with(&trial, fault)).count();
    println!("{} of {} faults: argod served after {served}", faults.len(), all.len());
    assert!(served < faults.len(), "no fault was one");
    effort::ran(faults.len() as u64, "system calls of argod's start that failed");
}

fn faults_of_a_start(trial: &Trial) -> Vec<Fault> {
    let log = trial.path("calls");
    let Start::Serves(argod) = trial.start(strace::command(ARGOD, None, &log)) else {
        panic!("argod does not start under strace");
    };
    trial.serves(argod);
    strace::faults(&log, "argod.toml\", O_RDONLY")
}

/// `true`: argod serves all the same.
fn try_with(trial: &Trial, fault: &Fault) -> bool {
    println!("{fault}");
    let log = trial.path("calls");
    let start = trial.start(strace::command(ARGOD, Some(fault), &log));
    assert!(strace::has_injected(&log), "not met");
    trial.is_whole(start)
}
