//! An argod of a test's own, and raw guests for it.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

pub mod bystanders;
pub mod child;
pub mod scene;
pub mod syscalls;
pub mod terminal;
pub mod tool;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use argo_core::abi::{Op, RegisterRing, SendAddr};

use argo_core::platform::{Call, Gone, Link, Platform};
use argo_guest::host::HostSession;
use argo_mem::View;
use argod::admin::{AdminClient, DomainStat, Request, Stat};
#[allow(unused_imports, reason = "each test binary uses its part")]
pub use argod_hostile::{PATIENCE, raw, rng, wait_until};
use tempfile::TempDir;
use zerocopy::IntoBytes;

/// A running argod in a folder of its own; killed and cleaned up on drop.
pub struct Argod {
    pub dir: TempDir,
    pub process: Child,
}

impl Argod {
    /// Starts argod with `RUN` in the text replaced by its folder; returns once it is ready.
    pub fn start(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir, text)
    }

    pub fn start_in(dir: TempDir, text: &str) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_argod")), dir, text)
    }

    /// The same with this command, which runs argod.
    pub fn start_by(mut command: Command, dir: TempDir, text: &str) -> Self {
        let config = dir.path().join("argod.toml");
        let header = format!("runtime_dir = {:?}\n", dir.path());
        std::fs::write(&config, header + text).unwrap();
        let mut process =
            command.arg("--config").arg(&config).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains(" ready ") {
            let before = seen.len();
            log.read_line(&mut seen).unwrap();
            assert!(seen.len() > before, "argod did not start: {seen}");
        }
        // What it says later must not fill the pipe.
        let mut kept = std::fs::File::create(dir.path().join("log")).unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut kept));
        Self { dir, process }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn socket(&self, domain: &str) -> PathBuf {
        self.path(&format!("{domain}.sock"))
    }

    pub fn attach(&self, domain: &str) -> HostSession {
        HostSession::attach(self.socket(domain)).unwrap()
    }

    pub fn admin(&self) -> AdminClient {
        AdminClient::connect(&self.path("admin.sock")).unwrap()
    }

    pub fn stat(&self) -> Stat {
        self.admin().request(&Request::Stat).unwrap()
    }

    pub fn domain(&self, name: &str) -> DomainStat {
        self.stat().domains.into_iter().find(|domain| domain.name == name).unwrap()
    }

    /// Waits until the domain looks as wanted.
    pub fn wait_for(&self, domain: &str, what: &str, wanted: impl Fn(&DomainStat) -> bool) {
        wait_until(what, || wanted(&self.domain(domain)));
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Open descriptors of argod. 0 if they cannot be seen: nobody but root sees into argod.
    pub fn descriptors(&self) -> usize {
        let listed = std::fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        if listed.is_err() {
            effort::skipped("counting argod's descriptors takes root");
        }
        listed.map_or(0, Iterator::count)
    }

    /// Resident memory of argod in KiB.
    pub fn resident_kib(&self) -> u64 {
        status_field(self.process.id(), "VmRSS:")
    }

    /// Number and name of each of argod's threads.
    pub fn threads(&self) -> Vec<(String, String)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let thread = |task: std::io::Result<std::fs::DirEntry>| {
            let task = task.ok()?;
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            Some((task.file_name().into_string().ok()?, name.trim_end().to_owned()))
        };
        tasks.filter_map(thread).collect()
    }

    /// Resident memory of argod that is not shared with guests, in KiB.
    pub fn private_kib(&self) -> u64 {
        status_field(self.process.id(), "RssAnon:")
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Argod {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that does not outlive the test, however that ends.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn status_field(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `[[domain]]` tables of 1 MiB each and a policy that allows everything.
pub fn open_system(domains: &[(u16, &str)]) -> String {
    let domains = domains
        .iter()
        .map(|(id, name)| format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"1MiB\"\n"));
    let hooks = ["enable", "register_any_source"]
        .map(|hook| format!("[[policy]]\nhook = \"{hook}\"\nfrom = \"any\"\n"));
    let pairs = ["register_single_source", "send"]
        .map(|hook| format!("[[policy]]\nhook = \"{hook}\"\nfrom = \"any\"\nto = \"any\"\n"));
    let ports = "[[port]]\nfrom = \"any\"\nto = \"any\"\nto_port = \"any\"\n".to_owned();
    let tables: String = domains.chain([ports]).chain(hooks).chain(pairs).collect();
    format!("wildcard_rings = true\n{tables}")
}

/// A session of the domain with this socket as soon as there is a place.
pub fn attach_when_free(socket: &Path) -> HostSession {
    let session = std::cell::OnceCell::new();
    wait_until("a place is free", || {
        HostSession::attach(socket).is_ok_and(|attached| session.set(attached).is_ok())
    });
    session.into_inner().unwrap()
}

/// Where the helpers below put things in a guest's RAM.
pub const ARGS: u64 = 0x1000;
pub const LIST: u64 = 0x1100;
pub const PAYLOAD: u64 = 0x2000;
pub const RING: u64 = 0x10000;

pub fn call(cmd: u32, args: [u64; 4]) -> Call {
    Call { cmd, args, link: Link::None }
}

/// A guest as the helpers below need it.
pub trait Guest {
    /// Its domain.
    fn id(&self) -> u16;
    /// Its RAM.
    fn memory(&self) -> View<'_>;
    /// Makes a call and waits for its result.
    fn perform(&mut self, call: &Call) -> Result<i64, Gone>;
}

impl Guest for &HostSession {
    fn id(&self) -> u16 {
        self.domain().raw()
    }

    fn memory(&self) -> View<'_> {
        self.ram()
    }

    fn perform(&mut self, call: &Call) -> Result<i64, Gone> {
        self.call(call)
    }
}

impl Guest for raw::RawSession {
    fn id(&self) -> u16 {
        self.id()
    }

    fn memory(&self) -> View<'_> {
        self.memory()
    }

    fn perform(&mut self, call: &Call) -> Result<i64, Gone> {
        self.perform(call)
    }
}

impl<G: Guest> Guest for &mut G {
    fn id(&self) -> u16 {
        (**self).id()
    }

    fn memory(&self) -> View<'_> {
        (**self).memory()
    }

    fn perform(&mut self, call: &Call) -> Result<i64, Gone> {
        (**self).perform(call)
    }
}

pub fn write(guest: impl Guest, at: u64, bytes: &[u8]) {
    guest.memory().write(at as usize, bytes).unwrap();
}

/// Registers a ring at [`RING`] in consecutive pages.
pub fn register(mut guest: impl Guest, port: u32, partner: u16, len: u32) -> i64 {
    let call = register_call(&mut guest, port, partner, len);
    guest.perform(&call).unwrap()
}

/// The call that does so. The ring's name, for unregistering it, is at [`ARGS`].
pub fn register_call(mut guest: impl Guest, port: u32, partner: u16, len: u32) -> Call {
    let ring = RegisterRing { aport: port, partner_id: partner, pad: 0, len };
    let pages = u64::from((len + 64).div_ceil(4096));
    write(&mut guest, ARGS, ring.as_bytes());
    for page in 0..pages {
        write(&mut guest, LIST + 8 * page, &(RING / 4096 + page).to_le_bytes());
    }
    call(Op::RegisterRing as u32, [ARGS, LIST, pages, 0])
}

/// The call that sends `len` bytes at [`PAYLOAD`].
pub fn send_call(mut guest: impl Guest, from: u32, to: (u16, u32), len: u32) -> Call {
    let mut address = SendAddr::default();
    (address.src.aport, address.src.domain_id) = (from, guest.id());
    (address.dst.domain_id, address.dst.aport) = to;
    write(&mut guest, ARGS, address.as_bytes());
    let mut iov = [0; 16];
    iov[..8].copy_from_slice(&PAYLOAD.to_le_bytes());
    iov[8..12].copy_from_slice(&len.to_le_bytes());
    write(guest, LIST, &iov);
    call(Op::Sendv as u32, [ARGS, LIST, 1, 0])
}

pub fn send(mut guest: impl Guest, from: u32, to: (u16, u32), bytes: &[u8]) -> i64 {
    write(&mut guest, PAYLOAD, bytes);
    let call = send_call(&mut guest, from, to, bytes.len() as u32);
    guest.perform(&call).unwrap()
}

/// What lies in the ring at [`RING`].
pub fn ring_bytes(guest: &HostSession, at: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    guest.ram().read((RING + 64 + at) as usize, &mut bytes).unwrap();
    bytes
}

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
