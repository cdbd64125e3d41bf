//! The program takes nothing from the system that it did not take at the start.

use std::process::Command;

use argod::admin::Reserved;
use rustix::process::{Resource, getrlimit};

use crate::common::{Argod, open_system, status_field, wait_until};
use crate::traffic::Traffic;

const DOMAINS: [(u16, &str); 2] = [(1, "server"), (2, "client")];
const HEAP: &str = "static = true\nstatic_heap = \"16MiB\"\n";
/// More than all of it takes.
const ENOUGH: u64 = 256 << 20;
const MIB: u64 = 1 << 20;

/// Static mode. Where this test may not raise the limit on locked memory, argod has to keep the
/// capability to do without.
fn static_mode() -> String {
    let limit = getrlimit(Resource::Memlock).maximum;
    let cage = match limit.is_none_or(|limit| limit >= ENOUGH) {
        true => "",
        false => {
            effort::skipped("in a cage: too little memory may be locked");
            "cage = \"no\"\n"
        }
    };
    HEAP.to_owned() + cage + &open_system(&DOMAINS)
}

/// KiB that are the process's own, stacks and the program's data included.
fn own_kib(argod: &Argod) -> u64 {
    status_field(argod.process.id(), "VmData:")
}

#[test]
fn sessions_come_and_go_and_the_program_asks_the_system_for_nothing() {
    let argod = Argod::start(&static_mode());
    let pid = argod.process.id();
    assert!(status_field(pid, "VmLck:") * 1024 >= 18 * MIB, "heap and RAM are locked");
    let traffic = Traffic::new(argod.dir.path());
    traffic.run(1);
    wait_until("the sessions are over", || argod.stat().domains[0].sessions.is_empty());
    let before = own_kib(&argod);
    let sum = traffic.run(100_000);
    assert!(sum.sessions > 20, "{sum:?}");
    wait_until("no thread of the sessions is left", || own_kib(&argod) <= before);
    assert_eq!(argod.stat().reserved, Some(Reserved { ram: 2 * MIB, heap: 16 * MIB }));
}

#[test]
fn what_cannot_be_locked_is_refused_at_the_start_and_the_limit_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("argod.toml");
    let head = format!("runtime_dir = {:?}\n{HEAP}", dir.path());
    std::fs::write(&config, head + &open_system(&DOMAINS)).unwrap();
    for (limit_kib, step) in [(512, "locking of "), (8192, "argod's own memory")] {
        // Not even as root more can be locked than that.
        let limited = format!(
            "ulimit -l {limit_kib}\nexec setpriv --bounding-set -ipc_lock,-sys_resource \"$0\" \"$@\""
        );
        let mut argod = Command::new("sh");
        argod.args(["-c", &limited, env!("CARGO_BIN_EXE_argod"), "--config"]).arg(&config);
        let output = argod.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let limit = match limit_kib {
            512 => "at most 512KiB may be locked: RLIMIT_MEMLOCK",
            _ => "at most 8MiB may be locked: RLIMIT_MEMLOCK",
        };
        assert!(said.contains(step) && said.contains(limit), "{said}");
    }
}
