//! Sockets that systemd made.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use argo_guest::host::HostSession;
use argod::admin::{AdminClient, Request, Stat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use tempfile::TempDir;

use crate::common::{Killed, exists, open_system};
use crate::manager::{Manager, terminate};

const DOMAIN: &str = "id = 1\nname = \"a\"\nram = \"1MiB\"\n";
/// Two descriptors become 3 and 4, the first ones that systemd passes.
const PASS: &str = "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ exec \"$@\"";

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("runtime_dir = {:?}\n{}", dir.path(), open_system(&[(1, "a")]));
        std::fs::write(dir.path().join("argod.toml"), text).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn listener(&self, name: &str, kind: SocketType) -> OwnedFd {
        let socket = bound(&self.path(name), kind);
        listen(&socket, 16).unwrap();
        socket
    }

    /// An argod that is passed these.
    fn activated(&self, names: &str, first: OwnedFd, second: OwnedFd) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", PASS, "sh", env!("CARGO_BIN_EXE_argod"), "--config"]);
        command.arg(self.path("argod.toml"));
        command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names);
        command.stdin(Stdio::from(first)).stdout(Stdio::from(second)).stderr(Stdio::piped());
        command
    }

    fn serves(&self, names: &str) -> (Manager, Killed) {
        let admin = self.listener("admin.sock", SocketType::STREAM);
        let domain = self.listener("a.sock", SocketType::SEQPACKET);
        let mut manager = Manager::new(self.0.path());
        let argod = manager.start(self.activated(names, admin, domain), self.0.path());
        manager.hears("READY=1");
        (manager, argod)
    }

    fn admin(&self) -> AdminClient {
        AdminClient::connect(&self.path("admin.sock")).unwrap()
    }

    /// argod does not start with these, and says this.
    fn is_refused(&self, names: &str, second: OwnedFd, expected: &str, status: i32) {
        let admin = self.listener("admin.sock", SocketType::STREAM);
        let mut argod = Killed(self.activated(names, admin, second).spawn().unwrap());
        let mut said = String::new();
        argod.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains(expected), "no {expected:?} in: {said}");
        assert_eq!(argod.0.wait().unwrap().code(), Some(status), "{said}");
        std::fs::remove_file(self.path("admin.sock")).unwrap();
    }
}

fn bound(path: &Path, kind: SocketType) -> OwnedFd {
    let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    socket
}

#[test]
fn passed_sockets_are_served_and_stay_when_argod_goes() {
    for names in ["admin:domain-a", "admin:a"] {
        let site = Site::new();
        let (_manager, mut argod) = site.serves(names);
        let session = HostSession::attach(site.path("a.sock")).unwrap();
        let stat: Stat = site.admin().request(&Request::Stat).unwrap();
        assert_eq!(stat.domains[0].sessions.len(), 1);
        drop(session);
        terminate(&argod.0);
        assert_eq!(argod.0.wait().unwrap().code(), Some(0));
        assert!(exists(&site.path("admin.sock")) && exists(&site.path("a.sock")));
    }
}

/// As somebody does who is started by systemd beside argod.
#[test]
fn who_connects_before_argod_is_there_is_served_once_it_is() {
    let site = Site::new();
    let admin = site.listener("admin.sock", SocketType::STREAM);
    let domain = site.listener("a.sock", SocketType::SEQPACKET);
    let mut early = site.admin();
    let manager = Manager::new(site.0.path());
    let _argod = manager.start(site.activated("admin:a", admin, domain), site.0.path());
    let stat: Stat = early.request(&Request::Stat).unwrap();
    assert_eq!(stat.domains[0].name, "a");
}

#[test]
fn a_domain_that_is_destroyed_and_made_again_has_its_passed_socket_again() {
    let site = Site::new();
    let (_manager, _argod) = site.serves("admin:domain-a");
    let mut admin = site.admin();
    admin.request::<serde_json::Value>(&Request::Destroy { domain: "a".into() }).unwrap();
    assert!(exists(&site.path("a.sock")));
    admin
        .request::<serde_json::Value>(&Request::Create { file: None, domain: DOMAIN.into() })
        .unwrap();
    HostSession::attach(site.path("a.sock")).unwrap();
}

#[test]
fn what_is_passed_to_another_process_is_not_taken() {
    let site = Site::new();
    let mut manager = Manager::new(site.0.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_argod"));
    command.arg("--config").arg(site.path("argod.toml")).stderr(Stdio::null());
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "x:y");
    let mut argod = manager.start(command, site.0.path());
    manager.hears("READY=1");
    terminate(&argod.0);
    assert!(argod.0.wait().unwrap().success());
    assert!(!exists(&site.path("admin.sock")), "it was argod's own");
}

#[test]
fn a_name_that_the_configuration_does_not_know_is_refused() {
    let site = Site::new();
    let other = site.listener("a.sock", SocketType::SEQPACKET);
    let expected = "a socket named \"domain-b\", but the configuration has no such socket";
    site.is_refused("admin:domain-b", other, expected, 78);
}

#[test]
fn two_sockets_for_one_are_refused() {
    let site = Site::new();
    let other = site.listener("a.sock", SocketType::SEQPACKET);
    site.is_refused("admin:admin", other, "two sockets for", 78);
}

#[test]
fn names_that_do_not_fit_the_sockets_are_refused() {
    let site = Site::new();
    let other = site.listener("a.sock", SocketType::SEQPACKET);
    site.is_refused("admin", other, "2 sockets and 1 names", 78);
}

#[test]
fn a_socket_that_is_not_what_argod_would_have_made_is_refused() {
    let site = Site::new();
    let refused = |passed, expected: &str| site.is_refused("admin:domain-a", passed, expected, 1);
    let stream = site.listener("stream", SocketType::STREAM);
    refused(stream, "a socket of another type; expected ListenSequentialPacket=");
    refused(bound(&site.path("mute"), SocketType::SEQPACKET), "a socket that does not listen");
    let elsewhere = site.listener("b.sock", SocketType::SEQPACKET);
    refused(elsewhere, "b.sock\"; expected the path of the configuration");
    let file = File::open(site.path("argod.toml")).unwrap();
    refused(file.into(), "expected a socket");
    assert!(exists(&site.path("b.sock")) && exists(&site.path("stream")));
}
