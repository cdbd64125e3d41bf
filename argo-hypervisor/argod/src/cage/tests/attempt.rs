//! System calls that a thread in a cage tries, and what has to become of it.

use libc::c_long;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The process is killed.
    Dies,
    /// It is refused with this error number.
    Refused(i32),
    /// It gets to where its arguments are looked at.
    Passes,
}

/// A call with its arguments, which are such that nothing happens where it is allowed.
pub struct Attempt {
    pub what: &'static str,
    pub number: c_long,
    pub arguments: [c_long; 6],
    /// In the order of `Role::ALL`: process, doorkeeper, worker, attach, desk, undertaker, keeper,
    /// vcpu.
    pub fates: [Fate; 8],
}

const D: Fate = Fate::Dies;
const P: Fate = Fate::Refused(libc::EPERM);
const A: Fate = Fate::Refused(libc::EACCES);
const N: Fate = Fate::Refused(libc::ENOSYS);
const Y: Fate = Fate::Passes;
/// A number that is no descriptor.
const NONE: c_long = -1;
const ITSELF: c_long = 0;
const PAGE: c_long = 4096;
/// Not a process's number that can be sent a signal.
const OTHER: c_long = i32::MAX as c_long;

const fn call(
    what: &'static str,
    number: c_long,
    [a, b, c, d]: [c_long; 4],
    fates: [Fate; 8],
) -> Attempt {
    Attempt { what, number, arguments: [a, b, c, d, NONE, 0], fates }
}

const READ: c_long = libc::PROT_READ as c_long;
const CODE: c_long = (libc::PROT_READ | libc::PROT_EXEC) as c_long;
const OWN: c_long = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as c_long;
const SHARED: c_long = libc::MAP_SHARED as c_long;
const STREAM: c_long = libc::SOCK_STREAM as c_long;
const INET: c_long = libc::AF_INET as c_long;
const UNIX: c_long = libc::AF_UNIX as c_long;
const NETLINK: c_long = libc::AF_NETLINK as c_long;

#[rustfmt::skip]
pub const ATTEMPTS: &[Attempt] = &[
    // Nobody.
    call("a program", libc::SYS_execve, [0; 4], [D; 8]),
    call("a program by descriptor", libc::SYS_execveat, [NONE, 0, 0, 0], [D; 8]),
    call("a process", libc::SYS_clone, [libc::SIGCHLD as c_long, 0, 0, 0], [D; 8]),
    call("tracing", libc::SYS_ptrace, [0xdead, 0, 0, 0], [D; 8]),
    call("reading others' memory", libc::SYS_process_vm_readv, [ITSELF; 4], [D; 8]),
    call("writing others' memory", libc::SYS_process_vm_writev, [ITSELF; 4], [D; 8]),
    call("others' descriptors", libc::SYS_pidfd_getfd, [NONE, 0, 0, 0], [D; 8]),
    call("memory to execute", libc::SYS_mmap, [0, PAGE, CODE, OWN], [D; 8]),
    call("a file to execute", libc::SYS_mmap, [0, PAGE, CODE, SHARED], [D; 8]),
    call("executing what was data", libc::SYS_mprotect, [0, 0, CODE, 0], [D; 8]),
    call("the same by key", libc::SYS_pkey_mprotect, [0, 0, CODE, 0], [D; 8]),
    call("page faults", libc::SYS_userfaultfd, [NONE, 0, 0, 0], [D; 8]),
    call("a ring of calls", libc::SYS_io_uring_setup, [0; 4], [D; 8]),
    call("a program for the kernel", libc::SYS_bpf, [NONE, 0, 0, 0], [D; 8]),
    call("counters", libc::SYS_perf_event_open, [0, 0, NONE, NONE], [D; 8]),
    call("keys", libc::SYS_keyctl, [NONE, 0, 0, 0], [D; 8]),
    call("a mount", libc::SYS_mount, [0; 4], [D; 8]),
    call("a name space", libc::SYS_unshare, [0; 4], [D; 8]),
    call("another name space", libc::SYS_setns, [NONE, 0, 0, 0], [D; 8]),
    call("a module", libc::SYS_finit_module, [NONE, 0, 0, 0], [D; 8]),
    call("another user", libc::SYS_setresuid, [NONE, NONE, NONE, 0], [D; 8]),
    call("capabilities", libc::SYS_capset, [0; 4], [D; 8]),
    // Nobody but the threads that may; the process's other threads and the doorkeeper are refused.
    call("a socket of the Internet", libc::SYS_socket, [INET, STREAM, 0, 0], [P, P, D, D, D, D, D, D]),
    call("a socket to the kernel", libc::SYS_socket, [NETLINK, STREAM, 0, 0], [P, P, D, D, D, D, D, D]),
    call("a stream", libc::SYS_socket, [UNIX, STREAM, 0, 0], [P, Y, D, D, D, D, D, D]),
    call("an address", libc::SYS_bind, [NONE, 0, 0, 0], [P, Y, D, D, D, D, D, D]),
    call("listening", libc::SYS_listen, [NONE, 0, 0, 0], [P, Y, D, D, D, D, D, D]),
    call("connecting", libc::SYS_connect, [NONE, 0, 0, 0], [Y, Y, D, D, D, D, D, D]),
    call("accepting", libc::SYS_accept4, [NONE, 0, 0, 0], [Y, P, D, Y, D, D, D, D]),
    call("a file", libc::SYS_openat, [NONE, 0, 0, 0], [Y, Y, A, Y, Y, A, A, A]),
    call("removing a file", libc::SYS_unlinkat, [NONE, 0, 0, 0], [P, Y, D, D, D, D, D, D]),
    call("renaming a file", libc::SYS_renameat2, [NONE, 0, NONE, 0], [P, P, D, D, D, D, D, D]),
    call("a link", libc::SYS_linkat, [NONE, 0, NONE, 0], [P, P, D, D, D, D, D, D]),
    call("giving a file away", libc::SYS_fchownat, [NONE, 0, 0, 0], [P, Y, D, D, D, D, D, D]),
    call("a signal", libc::SYS_kill, [OTHER, 0, 0, 0], [P, P, D, D, D, D, D, D]),
    call("a signal to a thread", libc::SYS_tgkill, [OTHER, OTHER, 0, 0], [P, P, D, D, D, D, D, D]),
    call("a limit", libc::SYS_prlimit64, [0, 0, 8, 0], [P, P, D, D, D, D, D, D]),
    call("being dumpable", libc::SYS_prctl, [libc::PR_SET_DUMPABLE as c_long, 1, 0, 0], [P, P, D, D, D, D, D, D]),
    call("typing into a terminal", libc::SYS_ioctl, [NONE, libc::TIOCSTI as c_long, 0, 0], [P, P, D, D, D, D, D, D]),
    call("a thread, where no list can look", libc::SYS_clone3, [0; 4], [N, N, D, N, D, D, N, D]),
    call("what became of a process", libc::SYS_wait4, [OTHER, 0, libc::WNOHANG as c_long, 0], [Y, P, D, D, D, D, D, D]),
    call("an event", libc::SYS_eventfd2, [0, NONE, 0, 0], [Y, P, D, Y, Y, D, D, D]),
    // Who hands out memory and sockets.
    call("a memfd", libc::SYS_memfd_create, [0; 4], [Y, Y, D, Y, Y, Y, D, D]),
    call("mapping a memfd", libc::SYS_mmap, [0, PAGE, READ, SHARED], [Y, P, D, Y, Y, Y, Y, D]),
    call("copying a descriptor", libc::SYS_fcntl, [NONE, libc::F_DUPFD as c_long, 0, 0], [Y, P, D, Y, Y, D, D, D]),
    call("a lease", libc::SYS_fcntl, [NONE, libc::F_SETLEASE as c_long, 0, 0], [Y, P, D, Y, Y, Y, D, D]),
    call("sending descriptors", libc::SYS_sendmsg, [NONE, 0, 0, 0], [Y, Y, D, Y, Y, D, D, D]),
    call("receiving", libc::SYS_recvmsg, [NONE, 0, 0, 0], [Y, Y, D, Y, Y, D, D, D]),
    call("a list of its own", libc::SYS_seccomp, [NONE, 0, 0, 0], [Y, Y, D, Y, D, D, Y, D]),
    // Who makes and runs machines.
    call("a virtual machine", libc::SYS_ioctl, [NONE, 0xae01, 0, 0], [P, P, D, D, D, D, Y, D]),
    call("its memory", libc::SYS_ioctl, [NONE, 0x4020_ae46, 0, 0], [P, P, D, D, D, D, Y, D]),
    call("its registers", libc::SYS_ioctl, [NONE, 0x4090_ae82, 0, 0], [P, P, D, D, D, D, Y, D]),
    call("running it", libc::SYS_ioctl, [NONE, 0xae80, 0, 0], [P, P, D, D, D, D, Y, Y]),
    // Everybody.
    call("an interrupt", libc::SYS_sendto, [NONE, 0, 0, 0], [Y; 8]),
    call("memory", libc::SYS_mmap, [0, PAGE, READ, OWN], [Y; 8]),
    call("a word to the log", libc::SYS_write, [NONE, 0, 0, 0], [Y; 8]),
    call("waking", libc::SYS_futex, [0, libc::FUTEX_WAKE as c_long, 0, 0], [Y; 8]),
];
