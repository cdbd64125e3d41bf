//! `argoctl listen` and `connect` between real processes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use argo_guest::stream::seqpacket::SeqpacketListener;
use argo_guest::{Domain, Port};
use common::tool::{Receiver, acting_as, failure, noise, run, text};
use common::{Argod, PATIENCE};

/// Two friends, and a stranger whose messages to the server are refused.
const SYSTEM: &str = r#"
wildcard_rings = true
policy = [
  { hook = "enable", from = "any" },
  { hook = "register_any_source", from = "any" },
  { hook = "register_single_source", from = "any", to = "any" },
  { hook = "send", from = "stranger", to = "server", action = "deny" },
  { hook = "send", from = "any", to = "any" },
]
port = [{ from = "any", to = "any", to_port = "any" }]
[[domain]]
id = 1
name = "client"
ram = "16MiB"
quotas = { sessions = 4 }
[[domain]]
id = 2
name = "server"
ram = "16MiB"
[[domain]]
id = 3
name = "stranger"
ram = "16MiB"
"#;

fn listen(argod: &Argod, arguments: &[&str]) -> Receiver {
    listen_to(acting_as(argod, "server", &[&["listen", "7"], arguments].concat()))
}

fn listen_to(command: Command) -> Receiver {
    let (receiver, at) = Receiver::listening(command);
    assert!(at.starts_with("2:7 for "), "{at}");
    receiver
}

/// One whose input does not end: it may yet send.
fn listen_and_write(argod: &Argod) -> Receiver {
    let mut command = acting_as(argod, "server", &["listen", "7"]);
    command.stdin(Stdio::piped());
    listen_to(command)
}

fn connect(argod: &Argod, arguments: &[&str]) -> Command {
    acting_as(argod, "client", &[&["connect", "2:7"], arguments].concat())
}

#[test]
fn files_go_both_ways_at_once() {
    let argod = Argod::start(SYSTEM);
    let (there, back) = (noise(5 << 20, 1), noise((3 << 20) + 1, 2));
    fs::write(argod.path("there"), &there).unwrap();
    fs::write(argod.path("back"), &back).unwrap();
    let mut server = acting_as(&argod, "server", &["listen", "7"]);
    server.stdin(File::open(argod.path("back")).unwrap());
    server.stdout(File::create(argod.path("there.out")).unwrap());
    let server = listen_to(server);
    let mut client = connect(&argod, &[]);
    client.stdin(File::open(argod.path("there")).unwrap());
    let client = client.output().unwrap();
    assert_eq!(failure(&client), (Some(0), String::new()));
    assert!(client.stdout == back);
    assert_eq!(server.finish(), (Some(0), Vec::new(), String::new()));
    assert!(fs::read(argod.path("there.out")).unwrap() == there);
}

#[test]
fn a_command_sees_the_end_of_its_input_and_still_answers() {
    let argod = Argod::start(SYSTEM);
    let server = listen(&argod, &["--exec", "sort; echo $ARGO_PEER"]);
    let client = run(connect(&argod, &[]), b"pear\napple\n");
    assert_eq!(failure(&client), (Some(0), String::new()));
    let answer = text(&client.stdout);
    assert!(answer.starts_with("apple\npear\n1:"), "{answer}");
    assert_eq!(server.end(), (Some(0), String::new(), String::new()));
}

#[test]
fn commands_serve_several_connections_one_after_another_and_at_once() {
    let argod = Argod::start(SYSTEM);
    let _server = listen(&argod, &["--keep-open", "--exec", "cat"]);
    let mut first = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    for number in 0..3 {
        let sent = noise(100_000, number);
        let echoed = run(connect(&argod, &[]), &sent);
        assert_eq!(failure(&echoed), (Some(0), String::new()));
        assert!(echoed.stdout == sent);
    }
    first.stdin.take().unwrap().write_all(b"still here").unwrap();
    assert_eq!(first.wait_with_output().unwrap().stdout, b"still here");
}

#[test]
fn a_listener_that_is_kept_open_serves_one_connection_after_another() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen(&argod, &["--keep-open"]);
    for line in ["one\n", "two\n", "three\n"] {
        assert_eq!(failure(&run(connect(&argod, &[]), line.as_bytes())), (Some(0), String::new()));
    }
    let mut received = [0; 14];
    server.0.stdout.as_mut().unwrap().read_exact(&mut received).unwrap();
    assert_eq!(text(&received), "one\ntwo\nthree\n");
}

#[test]
fn without_it_the_second_is_refused() {
    let argod = Argod::start(SYSTEM);
    let server = listen(&argod, &["--exec", "cat"]);
    let mut first = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = first.stdin.take().unwrap();
    stdin.write_all(b"x").unwrap();
    first.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let second = run(connect(&argod, &[]), b"");
    let (status, said) = failure(&second);
    assert_eq!(status, Some(1));
    assert!(said.contains("2:7"), "{said}");
    drop(stdin);
    assert!(first.wait().unwrap().success());
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn messages_keep_their_boundaries() {
    let argod = Argod::start(SYSTEM);
    let domain = Domain::attach(argod.socket("server")).unwrap();
    let listener = SeqpacketListener::bind_blocking(&domain, Port(7)).unwrap();
    let mut command = connect(&argod, &["--type", "seqpacket"]);
    let mut client = command.stdin(Stdio::piped()).spawn().unwrap();
    let (socket, _) = listener.accept_blocking(Some(PATIENCE)).unwrap();
    let mut stdin = client.stdin.take().unwrap();
    let receive = || socket.blocking_for(PATIENCE).recv_bytes().unwrap();
    for message in ["one", "three", "x"] {
        stdin.write_all(message.as_bytes()).unwrap();
        assert_eq!(receive().unwrap(), message.as_bytes());
    }
    // Longer than a pipe holds: several messages, nothing lost.
    let long = noise(300_000, 3);
    let received = thread::scope(|scope| {
        scope.spawn(|| stdin.write_all(&long).unwrap());
        let mut received = Vec::new();
        while received.len() < long.len() {
            received.extend_from_slice(&receive().unwrap());
        }
        received
    });
    assert!(received == long);
    drop(stdin);
    assert_eq!(receive(), None);
    for message in [&b"four"[..], b"five"] {
        socket.blocking().send(message).unwrap();
    }
    drop(socket);
    let client = client.wait_with_output().unwrap();
    assert_eq!(failure(&client), (Some(0), String::new()));
    assert_eq!(text(&client.stdout), "fourfive");
}

#[test]
fn seqpackets_carry_files_too() {
    let argod = Argod::start(SYSTEM);
    let _server = listen(&argod, &["--type", "seqpacket", "--exec", "cat", "--ring-len", "64KiB"]);
    let sent = noise(1 << 20, 4);
    let echoed = run(connect(&argod, &["--type", "seqpacket"]), &sent);
    assert_eq!(failure(&echoed), (Some(0), String::new()));
    assert!(echoed.stdout == sent);
}

#[test]
fn datagrams_go_there_and_back_until_silence() {
    let argod = Argod::start(SYSTEM);
    // It answers only at the end of its input.
    let server = listen(&argod, &["--type", "datagram", "--timeout", "2s", "--exec", "sort"]);
    let client = run(connect(&argod, &["--type", "datagram", "--timeout", "5s"]), b"hello\n");
    assert_eq!(failure(&client), (Some(0), String::new()));
    assert_eq!(text(&client.stdout), "hello\n");
    assert_eq!(server.end(), (Some(0), String::new(), String::new()));
}

#[test]
fn datagrams_longer_than_the_receivers_ring_are_cut() {
    let argod = Argod::start(SYSTEM);
    let options = ["--type", "datagram", "--timeout", "2s"];
    let server = listen(&argod, &[&options[..], &["--ring-len", "4032"]].concat());
    let sent = noise(50_000, 5);
    assert_eq!(failure(&run(connect(&argod, &options), &sent)), (Some(0), String::new()));
    assert!(server.finish().1 == sent);
}

#[test]
fn errors_say_what_is_wrong() {
    let argod = Argod::start(SYSTEM);
    let of = |domain: &str, arguments: &[&str]| {
        failure(&acting_as(&argod, domain, arguments).output().unwrap())
    };
    let (status, said) = of("client", &["connect", "9:7"]);
    assert_eq!((status, &*said), (Some(1), "argoctl: there is no domain 9\n"));
    let (status, said) = of("client", &["connect", "2:7"]);
    assert_eq!(status, Some(1));
    assert!(said.starts_with("argoctl: domain 2 does not use Argo now"), "{said}");
    let _server = argod.attach("server");
    let (status, said) = of("client", &["connect", "2:7"]);
    assert_eq!(status, Some(1));
    assert!(said.starts_with("argoctl: connection refused: nobody listens at 2:7"), "{said}");
    let (status, said) = of("stranger", &["connect", "2:7"]);
    assert_eq!(status, Some(1));
    assert!(said.starts_with("argoctl: policy refuses messages to 2:7 (hook send"), "{said}");
    let (status, said) = of("client", &["listen", "7", "--timeout", "20ms"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("within 20ms"), "{said}");
    let (status, said) = of("client", &["listen", "7", "--ring-len", "4032"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("4032") && said.contains("32800"), "{said}");
    let endless = ["listen", "7", "--type", "datagram", "--keep-open", "--exec", "cat"];
    let (status, said) = of("client", &endless);
    assert_eq!(status, Some(2));
    assert!(said.contains("datagrams have no end"), "{said}");
}

#[test]
fn silence_ends_a_connection_if_wanted() {
    let argod = Argod::start(SYSTEM);
    let _server = listen_and_write(&argod);
    let mut client = connect(&argod, &["--timeout", "1s"]).stdin(Stdio::piped()).spawn().unwrap();
    // It could go on.
    let _stdin = client.stdin.take();
    let expected = "argoctl: nothing was sent or received for 1s\n";
    assert_eq!(failure(&client.wait_with_output().unwrap()), (Some(1), expected.into()));
}

#[test]
fn a_command_that_fails_is_told() {
    let argod = Argod::start(SYSTEM);
    let server = listen(&argod, &["--exec", "echo tail; exit 3"]);
    let client = run(connect(&argod, &[]), b"");
    assert_eq!(failure(&client), (Some(0), String::new()));
    assert_eq!(text(&client.stdout), "tail\n");
    let expected = "argoctl: the command failed: exit status: 3\n";
    assert_eq!(server.end(), (Some(1), String::new(), expected.into()));
}

#[test]
fn a_peer_that_is_killed_is_an_error() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen_and_write(&argod);
    let mut client = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    // Both could go on.
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"x").unwrap();
    server.0.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    server.0.kill().unwrap();
    let client = client.wait_with_output().unwrap();
    let (status, said) = failure(&client);
    assert_eq!(status, Some(1));
    assert!(said.starts_with("argoctl: 2:7 "), "{said}");
}

#[test]
fn a_sender_that_is_killed_is_an_error_for_the_receiver() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen_and_write(&argod);
    let mut client = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"the first half").unwrap();
    let mut received = [0; 14];
    server.0.stdout.as_mut().unwrap().read_exact(&mut received).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    let (status, _, said) = server.end();
    assert_eq!(status, Some(1));
    assert!(said.starts_with("argoctl: 1:"), "{said}");
}

#[test]
fn who_reads_no_more_has_read_enough() {
    let argod = Argod::start(SYSTEM);
    let mut server = acting_as(&argod, "server", &["listen", "7"]);
    server.stdin(File::open("/dev/zero").unwrap());
    let _server = listen_to(server);
    let mut client = connect(&argod, &[]).spawn().unwrap();
    client.stdout.take().unwrap().read_exact(&mut [0; 1000]).unwrap();
    let client = client.wait_with_output().unwrap();
    assert_eq!(failure(&client), (Some(0), String::new()));
}

#[test]
fn everything_ends_when_argod_does() {
    let mut argod = Argod::start(SYSTEM);
    let server = listen(&argod, &["--keep-open", "--exec", "cat"]);
    argod.process.kill().unwrap();
    argod.process.wait().unwrap();
    let expected = "argoctl: the hypervisor ended this session\n";
    assert_eq!(server.end(), (Some(1), String::new(), expected.into()));
}

#[test]
fn progress_is_told_in_lines_where_asked_for() {
    let argod = Argod::start(SYSTEM);
    let server = listen(&argod, &["--exec", "wc -c"]);
    let client = run(connect(&argod, &["--progress", "--size", "3MiB"]), &noise(3 << 20, 6));
    assert_eq!(text(&client.stdout).trim(), (3 << 20).to_string());
    let said = text(&client.stderr);
    assert!(said.lines().last().unwrap().starts_with("3.0 MiB in "), "{said}");
    assert_eq!(server.end().2, "", "nothing unless asked for");
}

#[test]
fn progress_is_drawn_on_a_terminal() {
    let argod = Argod::start(SYSTEM);
    let _server = listen(&argod, &["--exec", "wc -c"]);
    fs::write(argod.path("file"), noise(3 << 20, 7)).unwrap();
    let (mut screen, terminal) = common::terminal::open();
    let mut client = connect(&argod, &["--progress"]);
    client.stdin(File::open(argod.path("file")).unwrap()).stderr(terminal);
    let mut process = client.spawn().unwrap();
    // The terminal ends with its last user.
    drop(client);
    let mut drawn = Vec::new();
    let _ = screen.read_to_end(&mut drawn);
    assert!(process.wait().unwrap().success());
    let drawn = String::from_utf8_lossy(&drawn);
    for expected in ["3.00 MiB of 3.00 MiB", "100 %", "left", "/s"] {
        assert!(drawn.contains(expected), "{expected} in {drawn}");
    }
}

#[test]
fn one_broken_connection_ends_alone() {
    let argod = Argod::start(SYSTEM);
    let mut server = listen(&argod, &["--keep-open"]);
    let mut broken = connect(&argod, &[]).stdin(Stdio::piped()).spawn().unwrap();
    broken.stdin.as_mut().unwrap().write_all(b"first ").unwrap();
    let mut received = [0; 6];
    server.0.stdout.as_mut().unwrap().read_exact(&mut received).unwrap();
    broken.kill().unwrap();
    broken.wait().unwrap();
    assert!(run(connect(&argod, &[]), b"second").status.success());
    server.0.stdout.as_mut().unwrap().read_exact(&mut received).unwrap();
    assert_eq!(&received, b"second");
    server.0.kill().unwrap();
    let (_, _, said) = server.end();
    assert!(said.starts_with("argoctl: 1:"), "{said}");
}
