//! `argoctl vchan` between real processes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use argo_guest::DomainId;
use argo_guest::services::Services;
use common::tool::{Receiver, acting_as, failure, noise, run, text};
use common::{Argod, PATIENCE, wait_until};

/// A server and its client as docs/policy.md has them, and a stranger who may know where they meet.
const SYSTEM: &str = r#"
policy = [
  { hook = "grant", from = "server", to = ["client", "stranger"] },
  { hook = "event_channel", from = "server", to = ["client", "stranger"] },
  { hook = "event_channel", from = "client", to = "server" },
]
store = [
  { from = "server", path = "~/data/vchan", access = "write" },
  { from = "any", path = "/local/domain/2/data/vchan/~" },
]
[[domain]]
id = 1
name = "client"
ram = "1MiB"
[[domain]]
id = 2
name = "server"
ram = "1MiB"
[[domain]]
id = 3
name = "stranger"
ram = "1MiB"
"#;

fn listen(argod: &Argod, arguments: &[&str]) -> Command {
    acting_as(argod, "server", &[&["vchan", "listen", "1", "7"], arguments].concat())
}

fn listening(command: Command) -> Receiver {
    let (receiver, at) = Receiver::listening(command);
    assert_eq!(at, "/local/domain/2/data/vchan/1/7 for 1");
    receiver
}

fn connect(argod: &Argod, arguments: &[&str]) -> Command {
    acting_as(argod, "client", &[&["vchan", "connect", "2", "7"], arguments].concat())
}

#[test]
fn a_file_goes_to_the_server() {
    let argod = Argod::start(SYSTEM);
    let server = listening(listen(&argod, &[]));
    let sent = noise((3 << 20) + 1, 1);
    let (status, received, said) = thread::scope(|scope| {
        scope.spawn(|| {
            let client = run(connect(&argod, &["--close"]), &sent);
            assert_eq!(failure(&client), (Some(0), String::new()));
        });
        server.finish()
    });
    assert_eq!((status, said), (Some(0), String::new()));
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[test]
fn a_file_goes_to_the_client_through_rings_in_the_page() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen(&argod, &["--close", "--ring-len", "1000"]);
    let mut server = listening({
        server.stdin(Stdio::piped());
        server
    });
    let sent = noise(200_001, 2);
    let mut stdin = server.0.stdin.take().unwrap();
    let client = connect(&argod, &[]).spawn().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            stdin.write_all(&sent).unwrap();
            drop(stdin);
        });
        let client = client.wait_with_output().unwrap();
        assert_eq!(failure(&client), (Some(0), String::new()));
        assert!(client.stdout == sent);
    });
    assert_eq!(server.end(), (Some(0), String::new(), String::new()));
}

/// A process that is talked with line by line.
struct Talker {
    stdin: ChildStdin,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Talker {
    fn of(child: &mut Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { stdin: child.stdin.take().unwrap(), stdout }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn two_talk_until_one_is_killed() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen(&argod, &[]);
    server.stdin(Stdio::piped());
    let mut server = listening(server);
    let mut client = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut one, mut other) = (Talker::of(&mut client), Talker::of(&mut server.0));
    one.say("hello");
    assert_eq!(other.hears(), "hello");
    other.say("who is there?");
    assert_eq!(one.hears(), "who is there?");
    drop(server);
    assert_eq!(one.hears(), "", "the end");
    assert_eq!(client.wait().unwrap().code(), Some(0));
}

#[test]
fn a_proxy_on_both_sides_carries_one_connection_after_another() {
    let argod = Argod::start(SYSTEM);
    let (far, near) = (argod.path("far.sock"), argod.path("near.sock"));
    let echo = UnixListener::bind(&far).unwrap();
    thread::spawn(move || {
        for socket in echo.incoming() {
            let socket = socket.unwrap();
            // An error means that the other end is gone.
            let _ = io::copy(&mut &socket, &mut &socket);
        }
    });
    let _server = listening(listen(&argod, &["--proxy", far.to_str().unwrap()]));
    let proxy = connect(&argod, &["--proxy", near.to_str().unwrap()]);
    let (_proxy, at) = Receiver::listening(proxy);
    assert_eq!(at, format!("unix:{}", near.display()));
    for seed in 0..3 {
        let socket = UnixStream::connect(&near).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let sent = noise(300_000, seed);
        let mut echoed = vec![0; sent.len()];
        thread::scope(|scope| {
            scope.spawn(|| {
                (&socket).write_all(&sent).unwrap();
                socket.shutdown(Shutdown::Write).unwrap();
            });
            (&socket).read_exact(&mut echoed).unwrap();
        });
        assert!(echoed == sent, "{seed}");
    }
}

#[test]
fn what_cannot_be_is_told() {
    let argod = Argod::start(SYSTEM);
    let said = |command: Command| {
        let output = run(command, b"");
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let nobody = said(connect(&argod, &["--timeout", "10ms"]));
    assert!(
        nobody.contains("no server at /local/domain/2/data/vchan/1/7 that this domain"),
        "{nobody}"
    );
    let _server = Receiver::listening(acting_as(&argod, "server", &["vchan", "listen", "3", "7"]));
    let stranger = acting_as(&argod, "stranger", &["vchan", "connect", "2", "7"]);
    let stranger = said(stranger);
    assert!(stranger.contains("binding the event channel"), "{stranger}");
    let client = said(acting_as(&argod, "client", &["vchan", "listen", "2", "7"]));
    assert!(client.contains("argoctl: "), "{client}");
    let refusals = argod.stat().refusals;
    assert!(refusals.iter().any(|rule| rule.cause == "no rule" && rule.count >= 2), "{refusals:?}");
    let wrong = run(acting_as(&argod, "client", &["vchan", "connect", "2", "x"]), b"");
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn argod_tells_what_they_use() {
    let argod = Argod::start(SYSTEM);
    let _server = listening(listen(&argod, &["--ring-len", "16KiB"]));
    let services = argod.domain("server").services;
    assert_eq!((services.connections, services.shares, services.pages), (1, 3, 9));
    assert_eq!((services.ports, services.maps), (1, 0));
    assert!(services.store_nodes >= 2 && services.requests >= 5, "{services:?}");
    assert_eq!(argod.domain("client").services.requests, 0);
}

#[test]
fn a_proxy_goes_on_after_a_client_that_shut_its_event_channel() {
    let argod = Argod::start(SYSTEM);
    let far = argod.path("far.sock");
    let listener = UnixListener::bind(&far).unwrap();
    let _server = listening(listen(&argod, &["--proxy", far.to_str().unwrap()]));
    let hostile = Services::attach(argod.socket("client")).unwrap();
    let port = hostile.nodes().read("/local/domain/2/data/vchan/1/7/event-channel").unwrap();
    let channel = hostile.bind(DomainId::new(2).unwrap(), text(&port).parse().unwrap()).unwrap();
    rustix::net::shutdown(&channel, rustix::net::Shutdown::Both).unwrap();
    drop(channel);
    let received = thread::spawn(move || {
        let mut received = String::new();
        listener.accept().unwrap().0.read_to_string(&mut received).unwrap();
        received
    });
    wait_until("a client is served", || {
        run(connect(&argod, &["--close"]), b"hello").status.success()
    });
    assert_eq!(received.join().unwrap(), "hello");
}
