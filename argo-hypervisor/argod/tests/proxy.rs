//! `argoctl proxy` between real processes and sockets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use common::tool::{Receiver, acting_as, failure, noise};
use common::{Argod, PATIENCE, exists, open_system};

/// Long enough that somebody who can go on does.
const A_WHILE: Duration = Duration::from_millis(300);

fn argod() -> Argod {
    let system = open_system(&[(1, "client"), (2, "server")]);
    Argod::start(&system.replace("1MiB", "64MiB"))
}

/// A proxy acting as the domain; with where it listens.
fn proxy(argod: &Argod, domain: &str, listen: &str, to: &str, more: &[&str]) -> (Receiver, String) {
    let arguments = [&["proxy", "--listen", listen, "--to", to], more].concat();
    Receiver::listening(acting_as(argod, domain, &arguments))
}

/// The server's proxy from port 7 to there, and the client's from TCP to port 7.
struct Pair {
    client: Receiver,
    server: Receiver,
    at: String,
    argod: Argod,
}

impl Pair {
    fn start(to: &str, of_client: &[&str]) -> Self {
        let argod = argod();
        let (server, _) = proxy(&argod, "server", "argo:7", to, &[]);
        let (client, at) = proxy(&argod, "client", "tcp:127.0.0.1:0", "argo:2:7", of_client);
        let at = at.strip_prefix("tcp:").unwrap().to_owned();
        Self { client, server, at, argod }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.at).unwrap()
    }
}

/// Sends back what comes, on each connection: at once, and its end, too.
fn echo_tcp() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp:{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || {
                let _ = std::io::copy(&mut &socket, &mut &socket);
                let _ = socket.shutdown(Shutdown::Write);
            });
        }
    });
    at
}

/// Sends everything, then the end, while everything that comes is read to its end.
fn exchange(reader: impl Read, writer: impl FnOnce() + Send) -> Vec<u8> {
    let mut reader = reader;
    thread::scope(|scope| {
        scope.spawn(writer);
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        received
    })
}

fn exchange_tcp(socket: &TcpStream, sent: &[u8]) -> Vec<u8> {
    let mut writer = socket;
    exchange(socket, move || {
        writer.write_all(sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    })
}

#[test]
fn tcp_goes_through_argo_with_its_half_close() {
    let pair = Pair::start(&echo_tcp(), &[]);
    let sent = noise(5 << 20, 1);
    assert!(exchange_tcp(&pair.connect(), &sent) == sent);
    assert!(exchange_tcp(&pair.connect(), b"").is_empty());
}

#[test]
fn unix_sockets_go_through_argo_both_ways() {
    let argod = argod();
    let (front, back) = (argod.path("front.sock"), argod.path("back.sock"));
    let listener = UnixListener::bind(&back).unwrap();
    let (to, at) = (format!("unix:{}", back.display()), format!("unix:{}", front.display()));
    let (_server, _) = proxy(&argod, "server", "argo:7", &to, &[]);
    let (_client, _) = proxy(&argod, "client", &at, "argo:2:7", &[]);
    let sent = noise(3 << 20, 2);
    let mut socket = UnixStream::connect(&front).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    // The server speaks first and ends first.
    accepted.write_all(b"welcome").unwrap();
    accepted.shutdown(Shutdown::Write).unwrap();
    let mut welcome = String::new();
    socket.read_to_string(&mut welcome).unwrap();
    assert_eq!(welcome, "welcome");
    let received = exchange(&accepted, || {
        socket.write_all(&sent).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
    });
    assert!(received == sent);
}

#[test]
fn a_slow_connection_holds_up_no_other() {
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = Pair::start(&format!("tcp:{}", sink.local_addr().unwrap()), &[]);
    let mut stuck = pair.connect();
    let (_unread, _) = sink.accept().unwrap();
    stuck.set_write_timeout(Some(A_WHILE)).unwrap();
    let full = stuck.write_all(&vec![0; 256 << 20]).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    for _ in 0..3 {
        let mut other = pair.connect();
        let (mut accepted, _) = sink.accept().unwrap();
        other.write_all(b"hello").unwrap();
        accepted.read_exact(&mut [0; 5]).unwrap();
    }
}

#[test]
fn connections_beyond_the_limit_wait() {
    let pair = Pair::start(&echo_tcp(), &["--max-connections", "1"]);
    let mut first = pair.connect();
    first.write_all(b"x").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = pair.connect();
    second.write_all(b"y").unwrap();
    second.set_read_timeout(Some(A_WHILE)).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    first.shutdown(Shutdown::Write).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    second.read_exact(&mut [0]).unwrap();
}

#[test]
fn an_error_ends_one_connection_only_and_is_told() {
    // A port where nobody listens, until later.
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pair = Pair::start(&format!("tcp:{place}"), &[]);
    let mut refused = pair.connect();
    let ended = refused.read(&mut [0]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    let later = TcpListener::bind(place).unwrap();
    let mut socket = pair.connect();
    let (mut accepted, _) = later.accept().unwrap();
    socket.write_all(b"hello").unwrap();
    accepted.read_exact(&mut [0; 5]).unwrap();
    let Pair { mut server, argod, .. } = pair;
    server.0.kill().unwrap();
    let (_, _, said) = server.end();
    assert!(said.starts_with("argoctl: from 1:"), "{said}");
    assert!(said.contains(&format!("no connection to tcp:{place}: Connection refused")), "{said}");
    drop(argod);
}

#[test]
fn what_breaks_on_one_side_breaks_on_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = Pair::start(&format!("tcp:{}", listener.local_addr().unwrap()), &[]);
    let mut socket = pair.connect();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.write_all(b"half").unwrap();
    socket.read_exact(&mut [0; 4]).unwrap();
    // The proxy's process dies: no end of the data, but a break.
    let Pair { mut server, mut client, .. } = pair;
    server.0.kill().unwrap();
    let broken = socket.read(&mut [0; 4]).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
    client.0.kill().unwrap();
    let (_, _, said) = client.end();
    assert!(said.starts_with("argoctl: from 127.0.0.1:"), "{said}");
}

#[test]
fn its_socket_file_comes_and_goes_with_it() {
    let argod = argod();
    let path = argod.path("x.sock");
    let at = format!("unix:{}", path.display());
    // Left over: nobody serves it.
    drop(UnixListener::bind(&path).unwrap());
    let (mut first, _) = proxy(&argod, "client", &at, "argo:2:7", &[]);
    let arguments = ["proxy", "--listen", &at, "--to", "argo:1:7"];
    let (status, said) = failure(&acting_as(&argod, "server", &arguments).output().unwrap());
    assert_eq!(status, Some(1));
    assert!(said.contains("another process is serving this socket"), "{said}");
    let pid = first.0.id().to_string();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
    assert_eq!(first.0.wait().unwrap().code(), Some(0));
    assert!(!exists(&path));
    fs::write(&path, "a file").unwrap();
    let (status, said) = failure(&acting_as(&argod, "server", &arguments).output().unwrap());
    assert_eq!(status, Some(1));
    assert!(said.contains("is not a socket"), "{said}");
}

#[test]
fn it_ends_when_argod_does() {
    let mut pair = Pair::start("tcp:127.0.0.1:1", &[]);
    pair.argod.process.kill().unwrap();
    pair.argod.process.wait().unwrap();
    let expected = "argoctl: the hypervisor ended this session\n";
    assert_eq!(pair.server.end(), (Some(1), String::new(), expected.into()));
    // One that does not listen on Argo notices at the next connection.
    let mut socket = TcpStream::connect(&pair.at).unwrap();
    assert!(matches!(socket.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(pair.client.end().0, Some(1));
}

#[test]
fn it_is_told_what_makes_no_sense() {
    let argod = argod();
    let check = |listen: &str, to: &str, more: &[&str], expected: &str| {
        let arguments = [&["proxy", "--listen", listen, "--to", to], more].concat();
        let output = acting_as(&argod, "client", &arguments).output().unwrap();
        let (status, said) = failure(&output);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    check("tcp:127.0.0.1:0", "tcp:127.0.0.1:1", &[], "must be of Argo");
    check("tcp:127.0.0.1:0", "argo:2:7", &["--from", "2"], "--from is of --listen argo:PORT");
    check("argo:2:7", "tcp:127.0.0.1:1", &[], "no port");
    check("argo:7", "tcp:127.0.0.1", &[], "expected argo:DOMAIN:PORT, unix:PATH or tcp:HOST:PORT");
}
