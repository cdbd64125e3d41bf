//! Faults made by strace: a process's n-th system call of a name fails.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::rng::Rng;
use crate::common::wait_until;

/// Calls that do not fail, or whose failure nobody could do anything about. (Linux answers `brk` with
/// an address, whatever happens: a C library takes an error number for one.)
const HARMLESS: [&str; 23] = [
    "brk",
    "close",
    "munmap",
    "futex",
    "write",
    "exit",
    "exit_group",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "gettid",
    "getuid",
    "restart_syscall",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rseq",
    "sched_yield",
    "set_robust_list",
    "clock_gettime",
    "clock_nanosleep",
    "sigaltstack",
    "execve",
];

/// One call of one thread fails, or several.
#[derive(Clone, Debug)]
pub struct Fault {
    pub call: String,
    /// What comes of it, in strace's words.
    outcome: String,
    /// Which, as strace counts: from 1, for each thread; `2+` for the second and all after it.
    pub when: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {}: {}", self.call, self.when, self.outcome)
    }
}

impl Fault {
    pub fn new(call: &str, errno: &str, when: impl ToString) -> Self {
        Self::with(call, format!("error={errno}"), when)
    }

    /// It does nothing and returns this.
    pub fn lie(call: &str, returned: u32, when: impl ToString) -> Self {
        Self::with(call, format!("retval={returned}"), when)
    }

    fn with(call: &str, outcome: String, when: impl ToString) -> Self {
        Self { call: call.to_owned(), outcome, when: when.to_string() }
    }

    /// What strace does with it. Instead of the call argod makes one that it always may.
    fn option(&self) -> String {
        let Self { call, outcome, when } = self;
        format!("inject={call}:{outcome}:syscall=getpid:when={when}")
    }
}

/// Whether strace is there and may trace. Says so if not.
pub fn is_there() -> bool {
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let works = probe.is_ok_and(|probe| probe.status.success());
    if !works {
        effort::skipped("no strace that may trace: no system call was made to fail");
    }
    works
}

/// The command that runs `program` with a fault in its first thread, or without one. What it calls
/// goes into the file.
pub fn command(program: &str, fault: Option<&Fault>, log: &Path) -> Command {
    let mut command = Command::new("strace");
    // Detached: the child is the program itself.
    command.arg("-D").arg("-o").arg(log);
    if let Some(fault) = fault {
        command.args(["-e", &format!("trace={}", fault.call), "-e", &fault.option()]);
    }
    command.arg("--").arg(program);
    command
}

/// Whether the fault that was to be made was met.
pub fn has_injected(log: &Path) -> bool {
    std::fs::read_to_string(log).unwrap().contains("(INJECTED)")
}

/// strace on a process that runs already, all its threads, and those to come; until it is dropped.
pub struct Tracing {
    strace: Child,
    log: PathBuf,
}

impl Tracing {
    pub fn start(pid: u32, fault: &Fault, dir: &Path) -> Self {
        Self::run(pid, &fault.call, Some(fault), dir)
    }

    /// No fault: only what is called by this name is written down.
    pub fn watch(pid: u32, call: &str, dir: &Path) -> Self {
        Self::run(pid, call, None, dir)
    }

    fn run(pid: u32, call: &str, fault: Option<&Fault>, dir: &Path) -> Self {
        let (log, said) = (dir.join("strace.log"), dir.join("strace.said"));
        let strace = Command::new("strace")
            .args(["-f", "-p", &pid.to_string(), "-e", &format!("trace={call}")])
            .args(fault.into_iter().flat_map(|fault| ["-e".into(), fault.option()]))
            .arg("-o")
            .arg(&log)
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let attached = || std::fs::read_to_string(&said).unwrap().contains("attached");
        wait_until("strace is attached", attached);
        Self { strace, log }
    }

    pub fn has_injected(&self) -> bool {
        has_injected(&self.log)
    }

    /// Calls that have failed with this so far.
    pub fn failed(&self, errno: &str) -> usize {
        std::fs::read_to_string(&self.log).unwrap().matches(errno).count()
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        let pid = self.strace.id().to_string();
        // So ended it lets go of its threads.
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.strace.wait();
    }
}

/// All faults that are plausible for what a thread called from the line with `from` in it on, until
/// it was told to end.
pub fn faults(log: &Path, from: &str) -> Vec<Fault> {
    let log = std::fs::read_to_string(log).unwrap();
    let (mut counts, mut begun, mut faults) = (HashMap::<&str, u32>::new(), false, Vec::new());
    for line in log.lines().take_while(|line| !line.starts_with("--- SIGTERM")) {
        let Some((name, _)) = line.split_once('(').filter(|(name, _)| is_name(name)) else {
            continue;
        };
        let count = counts.entry(name).or_default();
        *count += 1;
        begun |= line.contains(from);
        // A process may always ask for its own limits.
        if begun && !HARMLESS.contains(&name) && !line.contains("NULL, {rlim_cur") {
            faults.extend(errnos(name).iter().map(|errno| Fault::new(name, errno, *count)));
        }
    }
    assert!(begun, "{from} in {log}");
    faults
}

/// So many of them, whichever.
pub fn sample(mut faults: Vec<Fault>, count: u32) -> Vec<Fault> {
    let mut rng = Rng::new();
    while faults.len() > count as usize {
        faults.swap_remove(rng.below(faults.len()));
    }
    faults
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What Linux may answer to this call where ours are right.
fn errnos(call: &str) -> &'static [&'static str] {
    match call {
        "open" | "openat" => &["EMFILE", "EIO"],
        "read" => &["EIO", "EINTR"],
        "poll" | "ppoll" | "epoll_wait" | "epoll_pwait" => &["EINTR"],
        "getrandom" => &["EINTR"],
        "mmap" | "mprotect" | "mremap" | "madvise" | "ftruncate" | "fcntl" => &["ENOMEM"],
        "clone" | "clone3" | "vfork" => &["EAGAIN"],
        "sendto" | "sendmsg" | "recvfrom" | "recvmsg" | "setsockopt" => &["ENOBUFS"],
        "socket" | "socketpair" | "epoll_create1" | "eventfd2" | "pipe2" | "memfd_create" => {
            &["EMFILE"]
        }
        "bind" | "epoll_ctl" => &["ENOSPC"],
        "connect" => &["ECONNREFUSED"],
        "listen" => &["EADDRINUSE"],
        "chmod" | "fchmod" | "fchmodat" | "fstat" | "newfstatat" | "statx" => &["EIO"],
        "ioctl" => &["ENOTTY"],
        _ => &["EPERM"],
    }
}
