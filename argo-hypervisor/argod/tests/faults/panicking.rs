//! A thread of argod panics.

use std::os::unix::process::ExitStatusExt;

use argo_core::abi::Op;

use crate::common::{Argod, call, open_system, wait_until};
use crate::strace::{self, Fault, Tracing};

/// More events than a worker has room for: it believes what Linux says.
const TOO_MANY: u32 = 100_000;
const SIGABRT: i32 = 6;

#[test]
fn argod_does_not_go_on_without_the_thread_that_panicked() {
    if !strace::is_there() {
        return;
    }
    let mut argod = Argod::start(&open_system(&[(1, "left")]));
    let session = argod.attach("left");
    wait_until("only threads that stay are there", || {
        !argod.threads().iter().any(|(_, name)| name.starts_with("attach"))
    });
    // The first is the one that all wait in.
    let lie = Fault::lie("epoll_pwait", TOO_MANY, 2);
    let tracing = Tracing::start(argod.process.id(), &lie, argod.dir.path());
    while session.call(&call(Op::Notify as u32, [0; 4])).is_ok() {}
    let ended = argod.process.wait().unwrap();
    assert_eq!(ended.signal(), Some(SIGABRT), "{ended:?}");
    assert!(tracing.has_injected());
    let log = || std::fs::read_to_string(argod.path("log")).unwrap();
    wait_until("the log says so", || log().contains("panicked at"));
}
