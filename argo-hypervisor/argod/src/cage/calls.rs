//! The system calls of argod's threads: the lists, as data.
//!
//! How they were made: argod's test suites ran under `strace -ff` with argod uncaged, the calls that
//! were seen after the start were added up by the name of their thread, and what was found was
//! reviewed and put into groups by what it is for. To that were added the calls that a C library makes
//! in rare moments or another version (a heap that grows, a thread that aborts, `epoll_wait` for
//! `epoll_pwait`); then all suites ran caged.
//!
//! What is not on the process's list is answered with EPERM, so that a C library's new call does not end
//! every guest's session; but for what only an attacker asks for ([`NEVER`]), the process dies. The
//! threads that deal with guests have lists of their own, and die of everything else. Linux writes a
//! kill into the audit log, systemd tells of SIGSYS and starts argod anew.

use libc::c_long;

use crate::config::Config;

/// A list.
pub(super) struct List {
    /// What may be called.
    pub allowed: &'static [&'static [Call]],
    /// What happens with all other calls.
    pub otherwise: Verdict,
    /// What happens with these, though they be allowed.
    pub exceptions: &'static [(&'static [Call], Verdict)],
}

/// What happens with a call that is not allowed.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// The process is killed by SIGSYS.
    Killed,
    /// It gets this error number and goes on.
    Answered(i32),
}

/// A system call, by its number.
#[derive(Clone, Copy)]
pub(super) enum Call {
    /// Whatever its arguments are.
    Any(c_long),
    /// With arguments like these, all of them.
    If(c_long, &'static [Is]),
    /// `ioctl` with this request, whatever it is about.
    Ioctl(u64),
    /// With this process's own number as the first argument.
    ToItself(c_long),
}

/// What an argument has to be: `argument & mask == value`.
#[derive(Clone, Copy)]
pub(super) struct Is {
    /// Which one, from 0.
    pub argument: u8,
    /// The bits that count.
    pub mask: u64,
    /// What they have to be.
    pub value: u64,
}

/// Threads with a list of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Serves guests' calls, or interrupts them: it touches their memory.
    Worker,
    /// Makes a session out of a connection.
    Attach,
    /// Serves a domain's grants, event channels and store.
    Desk,
    /// Gives back the memory of ended sessions, and in static mode makes as much anew.
    Undertaker,
    /// Makes a virtual machine, and sees it end.
    Keeper,
    /// Runs a virtual processor, and serves its calls: it touches their memory.
    Vcpu,
}

impl Class {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Worker, Self::Attach, Self::Desk, Self::Undertaker, Self::Keeper, Self::Vcpu];
}

/// The list of a class. It holds beside that of the process: what both allow can be called.
pub(super) fn of(class: Class) -> &'static List {
    match class {
        Class::Worker => &WORKER,
        Class::Attach => &ATTACH,
        Class::Desk => &DESK,
        Class::Undertaker => &UNDERTAKER,
        Class::Keeper => &KEEPER,
        Class::Vcpu => &VCPU,
    }
}

/// argod as a whole, and so each thread without a narrower list: the reception, administrators,
/// metrics, audit, captures, signals and watchdog.
pub(super) const PROCESS: &List = &List {
    allowed: &[
        LIFE,
        MEMORY,
        EVENTS,
        FILES,
        THREADS,
        CONVERSATION,
        RAM,
        LOCKING,
        SHARING,
        ACCEPTING,
        SELF,
        NOTIFYING,
        LEASE,
        CHILDREN,
    ],
    otherwise: Verdict::Answered(libc::EPERM),
    exceptions: &[OPAQUE_CLONE, (NEVER, Verdict::Killed)],
};

/// The same where there are virtual machines: threads inherit what the process may not.
pub(super) const PROCESS_WITH_MACHINES: &List = &List {
    allowed: &[
        LIFE,
        MEMORY,
        EVENTS,
        FILES,
        THREADS,
        CONVERSATION,
        RAM,
        LOCKING,
        SHARING,
        ACCEPTING,
        SELF,
        NOTIFYING,
        LEASE,
        CHILDREN,
        MACHINES,
        RUNNING,
    ],
    otherwise: PROCESS.otherwise,
    exceptions: PROCESS.exceptions,
};

/// What argod as a whole needs for a configuration.
pub(super) fn process(config: &Config) -> &'static List {
    let machines = config.domains.iter().any(|domain| domain.machine.is_some());
    if machines { PROCESS_WITH_MACHINES } else { PROCESS }
}

/// The doorkeeper.
pub(super) const DOORKEEPER: &List = &List {
    allowed: &[LIFE, MEMORY, FILES, THREADS, CONVERSATION, DOORS],
    otherwise: Verdict::Answered(libc::EPERM),
    exceptions: &[OPAQUE_CLONE, (NEVER, Verdict::Killed)],
};

/// No file, no descriptor that was not there, no memory that others see, no thread.
const WORKER: List = List {
    allowed: &[LIFE, MEMORY, EVENTS, FILES, PINNING],
    otherwise: Verdict::Killed,
    exceptions: &[NO_FILES],
};

/// Everything of the desk, since it may have to start one.
const ATTACH: List = List {
    allowed: &[LIFE, MEMORY, EVENTS, FILES, THREADS, CONVERSATION, RAM, SHARING, ACCEPTING],
    otherwise: Verdict::Killed,
    exceptions: &[],
};

const DESK: List = List {
    allowed: &[LIFE, MEMORY, EVENTS, FILES, CONVERSATION, RAM, SHARING],
    otherwise: Verdict::Killed,
    exceptions: &[],
};

const UNDERTAKER: List = List {
    allowed: &[LIFE, MEMORY, FILES, LEASE, RAM],
    otherwise: Verdict::Killed,
    exceptions: &[NO_FILES],
};

/// It starts the vCPUs' threads, which inherit what it may not. The kick of a thread is `tgkill`.
const KEEPER: List = List {
    allowed: &[LIFE, MEMORY, FILES, THREADS, MACHINES, RUNNING],
    otherwise: Verdict::Killed,
    exceptions: &[OPAQUE_CLONE, NO_FILES],
};

/// What a worker may, but for waiting for doorbells and staying on a processor; and the guest.
const VCPU: List = List {
    allowed: &[LIFE, MEMORY, FILES, RUNNING],
    otherwise: Verdict::Killed,
    exceptions: &[NO_FILES],
};

/// What a thread needs to live, wait, tell the time, write into the log, and die.
const LIFE: &[Call] = &[
    Call::Any(libc::SYS_futex),
    Call::Any(libc::SYS_sched_yield),
    Call::Any(libc::SYS_clock_gettime),
    Call::Any(libc::SYS_clock_nanosleep),
    Call::Any(libc::SYS_nanosleep),
    // What a stop and a continue make of a sleep.
    Call::Any(libc::SYS_restart_syscall),
    Call::Any(libc::SYS_getrandom),
    // An allocator asks how many processors there are.
    Call::Any(libc::SYS_sched_getaffinity),
    Call::Any(libc::SYS_gettid),
    Call::Any(libc::SYS_getpid),
    Call::Any(libc::SYS_write),
    Call::Any(libc::SYS_writev),
    Call::Any(libc::SYS_close),
    Call::Any(libc::SYS_fstat),
    // What Rust's library asks of each descriptor that it closes, in builds with assertions.
    Call::If(libc::SYS_fcntl, &[Is { argument: 1, mask: LOW, value: libc::F_GETFD as u64 }]),
    // Where the clock is that needs no call: asked once.
    Call::If(libc::SYS_prctl, &[Is { argument: 0, mask: LOW, value: PR_GET_AUXV }]),
    // A byte on an attachment socket, or its end; and argod's signal handler, in whatever thread it runs.
    Call::Any(libc::SYS_sendto),
    Call::Any(libc::SYS_shutdown),
    Call::Any(libc::SYS_rt_sigaction),
    Call::Any(libc::SYS_rt_sigprocmask),
    Call::Any(libc::SYS_rt_sigreturn),
    Call::Any(libc::SYS_sigaltstack),
    Call::Any(libc::SYS_rseq),
    Call::Any(libc::SYS_set_robust_list),
    Call::Any(libc::SYS_exit),
    // abort().
    Call::ToItself(libc::SYS_tgkill),
];

/// What an allocator needs: memory of the process's own, never to be executed.
const MEMORY: &[Call] = &[
    Call::Any(libc::SYS_brk),
    Call::Any(libc::SYS_munmap),
    Call::Any(libc::SYS_mremap),
    Call::Any(libc::SYS_madvise),
    Call::If(libc::SYS_mprotect, &[NOT_EXECUTABLE]),
    Call::If(libc::SYS_mmap, &[NOT_EXECUTABLE, PRIVATE]),
];

/// Doorbells, and the wake-ups of threads.
const EVENTS: &[Call] = &[
    Call::Any(libc::SYS_epoll_ctl),
    Call::Any(libc::SYS_epoll_pwait),
    Call::Any(libc::SYS_epoll_pwait2),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_epoll_wait),
    Call::Any(libc::SYS_read),
];

/// A worker stays on one processor.
const PINNING: &[Call] =
    &[Call::If(libc::SYS_sched_setaffinity, &[Is { argument: 0, mask: LOW, value: 0 }])];

/// Whether RAM is held is asked by a lease.
const LEASE: &[Call] =
    &[Call::If(libc::SYS_fcntl, &[Is { argument: 1, mask: LOW, value: libc::F_SETLEASE as u64 }])];

/// Looking at files and reading them. What there is to be seen is up to Landlock; a thread for which
/// they are an exception learns that there is nothing. It is not killed for it: a heap that shrinks asks
/// for /proc/sys/vm/overcommit_memory, and a panic that shows where it was reads the program.
const FILES: &[Call] = &[
    Call::Any(libc::SYS_openat),
    Call::Any(libc::SYS_newfstatat),
    Call::Any(libc::SYS_statx),
    Call::Any(libc::SYS_readlinkat),
    Call::Any(libc::SYS_faccessat),
    Call::Any(libc::SYS_faccessat2),
    Call::Any(libc::SYS_getcwd),
    Call::Any(libc::SYS_lseek),
    Call::Any(libc::SYS_getdents64),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_open),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_stat),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_lstat),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_access),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_readlink),
];

const NO_FILES: (&[Call], Verdict) = (FILES, Verdict::Answered(libc::EACCES));

/// Starting a thread; that one may give up more.
const THREADS: &[Call] = &[
    Call::If(libc::SYS_clone, &[Is { argument: 0, mask: A_THREAD, value: A_THREAD }]),
    // Answered by OPAQUE_CLONE.
    Call::Any(libc::SYS_clone3),
    Call::Any(libc::SYS_seccomp),
    Call::If(libc::SYS_prctl, &[Is { argument: 0, mask: LOW, value: libc::PR_SET_NAME as u64 }]),
    Call::If(
        libc::SYS_prctl,
        &[Is { argument: 0, mask: LOW, value: libc::PR_SET_NO_NEW_PRIVS as u64 }],
    ),
];

/// What `clone3` is to do lies in memory, where no list can look. A C library that is told that there
/// is none uses `clone`.
const OPAQUE_CLONE: (&[Call], Verdict) =
    (&[Call::Any(libc::SYS_clone3)], Verdict::Answered(libc::ENOSYS));

/// Talking over sockets that are connected.
const CONVERSATION: &[Call] = &[
    Call::Any(libc::SYS_sendmsg),
    Call::Any(libc::SYS_recvfrom),
    Call::Any(libc::SYS_recvmsg),
    Call::Any(libc::SYS_getsockopt),
    Call::Any(libc::SYS_setsockopt),
    Call::Any(libc::SYS_ppoll),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_poll),
    Call::Any(libc::SYS_read),
    // How much of what was sent is not received; and that a socket waits, or not.
    Call::Ioctl(libc::TIOCOUTQ),
    Call::Ioctl(libc::FIONBIO),
    // Whether a peer is argod's own user.
    Call::Any(libc::SYS_getuid),
    Call::Any(libc::SYS_geteuid),
    Call::Any(libc::SYS_getgid),
    Call::Any(libc::SYS_getegid),
];

/// RAM.
const RAM: &[Call] = &[
    Call::Any(libc::SYS_memfd_create),
    Call::Any(libc::SYS_ftruncate),
    Call::If(libc::SYS_fcntl, &[Is { argument: 1, mask: LOW, value: libc::F_ADD_SEALS as u64 }]),
    Call::If(libc::SYS_fcntl, &[Is { argument: 1, mask: LOW, value: libc::F_GET_SEALS as u64 }]),
    Call::If(libc::SYS_mmap, &[NOT_EXECUTABLE]),
    Call::Any(libc::SYS_mlock),
];

/// Making a virtual machine out of KVM, which is open, and reading where it failed (linux/kvm.h).
const MACHINES: &[Call] = &[
    Call::Ioctl(0xae01),      // KVM_CREATE_VM
    Call::Ioctl(0xae03),      // KVM_CHECK_EXTENSION
    Call::Ioctl(0xae04),      // KVM_GET_VCPU_MMAP_SIZE
    Call::Ioctl(0x4020_ae46), // KVM_SET_USER_MEMORY_REGION
    Call::Ioctl(0xae47),      // KVM_SET_TSS_ADDR
    Call::Ioctl(0xae41),      // KVM_CREATE_VCPU
    Call::Ioctl(0x4008_ae90), // KVM_SET_CPUID2
    Call::Ioctl(0x8090_ae81), // KVM_GET_REGS
    Call::Ioctl(0x4090_ae82), // KVM_SET_REGS
    Call::Ioctl(0x8138_ae83), // KVM_GET_SREGS
    Call::Ioctl(0x4138_ae84), // KVM_SET_SREGS
    Call::Ioctl(0xaea3),      // KVM_GET_TSC_KHZ
    // What a vCPU and KVM tell each other.
    Call::If(libc::SYS_mmap, &[NOT_EXECUTABLE]),
];

/// Running a guest: KVM_RUN.
const RUNNING: &[Call] = &[Call::Ioctl(0xae80)];

/// At the end of the start.
const LOCKING: &[Call] = &[Call::If(
    libc::SYS_mlockall,
    &[Is { argument: 0, mask: LOW, value: libc::MCL_CURRENT as u64 }],
)];

/// Memory and sockets to be handed out.
const SHARING: &[Call] = &[
    Call::Any(libc::SYS_fchmod),
    Call::Any(libc::SYS_fcntl),
    Call::Any(libc::SYS_munlock),
    Call::Any(libc::SYS_eventfd2),
    Call::Any(libc::SYS_epoll_create1),
    Call::If(libc::SYS_socketpair, &[UNIX]),
];

/// Connections to sockets that are there.
const ACCEPTING: &[Call] = &[Call::Any(libc::SYS_accept4), Call::Any(libc::SYS_accept)];

/// Questions about the process itself, what readers of feeds give up, and the end.
const SELF: &[Call] = &[
    Call::Any(libc::SYS_exit_group),
    Call::Any(libc::SYS_sched_setaffinity),
    Call::Any(libc::SYS_setpriority),
    Call::Any(libc::SYS_uname),
    Call::Any(libc::SYS_sysinfo),
    Call::If(libc::SYS_prlimit64, &[Is { argument: 2, mask: u64::MAX, value: 0 }]),
    Call::Any(libc::SYS_getsockname),
    Call::Any(libc::SYS_getpeername),
    Call::Any(libc::SYS_dup),
    Call::Any(libc::SYS_dup3),
    Call::Any(libc::SYS_seccomp),
    Call::If(
        libc::SYS_prctl,
        &[Is { argument: 0, mask: LOW, value: libc::PR_SET_NO_NEW_PRIVS as u64 }],
    ),
];

/// What became of the doorkeeper.
const CHILDREN: &[Call] = &[Call::Any(libc::SYS_wait4)];

/// A datagram to systemd.
const NOTIFYING: &[Call] = &[
    Call::If(
        libc::SYS_socket,
        &[UNIX, Is { argument: 1, mask: SOCKET_TYPE, value: libc::SOCK_DGRAM as u64 }],
    ),
    Call::Any(libc::SYS_connect),
];

/// Making and removing Unix sockets, and asking who serves one; handing over a text; and the end.
const DOORS: &[Call] = &[
    Call::Any(libc::SYS_memfd_create),
    Call::Any(libc::SYS_exit_group),
    Call::Any(libc::SYS_fchmod),
    Call::If(libc::SYS_socket, &[UNIX]),
    Call::Any(libc::SYS_connect),
    Call::Any(libc::SYS_bind),
    Call::Any(libc::SYS_listen),
    Call::Any(libc::SYS_fchmodat),
    Call::Any(libc::SYS_fchownat),
    Call::Any(libc::SYS_unlinkat),
    Call::Any(libc::SYS_mkdirat),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_chmod),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_chown),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_unlink),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_mkdir),
];

/// What nothing in argod or below it asks for: another program or process, others' memory, code that
/// was data, the kernel's insides, another view of the system, another user.
const NEVER: &[Call] = &[
    Call::Any(libc::SYS_execve),
    Call::Any(libc::SYS_execveat),
    Call::If(libc::SYS_clone, &[Is { argument: 0, mask: A_THREAD, value: 0 }]),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_fork),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_vfork),
    Call::Any(libc::SYS_ptrace),
    Call::Any(libc::SYS_process_vm_readv),
    Call::Any(libc::SYS_process_vm_writev),
    Call::Any(libc::SYS_process_madvise),
    Call::Any(libc::SYS_pidfd_getfd),
    Call::Any(libc::SYS_kcmp),
    Call::If(libc::SYS_mmap, &[EXECUTABLE]),
    Call::If(libc::SYS_mprotect, &[EXECUTABLE]),
    Call::Any(libc::SYS_pkey_mprotect),
    Call::Any(libc::SYS_remap_file_pages),
    Call::Any(libc::SYS_userfaultfd),
    Call::Any(libc::SYS_io_uring_setup),
    Call::Any(libc::SYS_io_uring_enter),
    Call::Any(libc::SYS_io_uring_register),
    Call::Any(libc::SYS_bpf),
    Call::Any(libc::SYS_perf_event_open),
    Call::Any(libc::SYS_keyctl),
    Call::Any(libc::SYS_add_key),
    Call::Any(libc::SYS_request_key),
    Call::Any(libc::SYS_kexec_load),
    Call::Any(libc::SYS_kexec_file_load),
    Call::Any(libc::SYS_init_module),
    Call::Any(libc::SYS_finit_module),
    Call::Any(libc::SYS_delete_module),
    Call::Any(libc::SYS_mount),
    Call::Any(libc::SYS_umount2),
    Call::Any(libc::SYS_move_mount),
    Call::Any(libc::SYS_open_tree),
    Call::Any(libc::SYS_fsopen),
    Call::Any(libc::SYS_fsmount),
    Call::Any(libc::SYS_mount_setattr),
    Call::Any(libc::SYS_pivot_root),
    Call::Any(libc::SYS_chroot),
    Call::Any(libc::SYS_unshare),
    Call::Any(libc::SYS_setns),
    Call::Any(libc::SYS_open_by_handle_at),
    Call::Any(libc::SYS_personality),
    Call::Any(libc::SYS_setuid),
    Call::Any(libc::SYS_setresuid),
    Call::Any(libc::SYS_setreuid),
    Call::Any(libc::SYS_setgid),
    Call::Any(libc::SYS_setresgid),
    Call::Any(libc::SYS_setregid),
    Call::Any(libc::SYS_setgroups),
    Call::Any(libc::SYS_capset),
    Call::Any(libc::SYS_reboot),
    Call::Any(libc::SYS_swapon),
    Call::Any(libc::SYS_clock_settime),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_iopl),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_ioperm),
    #[cfg(target_arch = "x86_64")]
    Call::Any(libc::SYS_modify_ldt),
];

/// Arguments of 32 bits: what stands above them is nobody's business.
pub(super) const LOW: u64 = 0xffff_ffff;
const A_THREAD: u64 = libc::CLONE_THREAD as u64;
/// linux/prctl.h (Linux 6.4).
const PR_GET_AUXV: u64 = 0x4155_5856;
/// The type of a socket without its flags (linux/net.h).
const SOCKET_TYPE: u64 = 0xf;
const UNIX: Is = Is { argument: 0, mask: LOW, value: libc::AF_UNIX as u64 };
const EXECUTE: u64 = libc::PROT_EXEC as u64;
const EXECUTABLE: Is = Is { argument: 2, mask: EXECUTE, value: EXECUTE };
const NOT_EXECUTABLE: Is = Is { argument: 2, mask: EXECUTE, value: 0 };
/// Of no file, and shared with nobody.
const PRIVATE: Is = Is {
    argument: 3,
    mask: (libc::MAP_ANONYMOUS | libc::MAP_SHARED) as u64,
    value: libc::MAP_ANONYMOUS as u64,
};
