//! Captures of a running argod: what is in them, who may make them, and what slow ones cost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use argo_guest::host::HostSession;
use argod::capture::{Frame, SNAPLEN_MAX, Told, Verdict, Wanted};
use common::tool::{Receiver, failure, plain, run, text};
use common::*;

/// Everybody may send to `server` but `stranger`, by rule 3.
fn system(capture: &str) -> String {
    let domains = ["client", "server", "stranger"].into_iter().zip(1..);
    let domains: String = domains
        .map(|(name, id)| format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"256KiB\"\n"))
        .collect();
    format!(
        "wildcard_rings = true\n{capture}\n{domains}
         [[policy]]\nhook = 'enable'\nfrom = 'any'\n
         [[policy]]\nhook = 'register_any_source'\nfrom = 'server'\n
         [[policy]]\nhook = 'send'\nfrom = 'stranger'\nto = 'server'\naction = 'deny'\n
         [[policy]]\nhook = 'send'\nfrom = 'any'\nto = 'server'\n
         [[port]]\nfrom = 'any'\nto = 'server'\nto_port = 'any'\n"
    )
}

struct Scene {
    argod: Argod,
    client: HostSession,
    _server: HostSession,
    stranger: HostSession,
}

impl Scene {
    fn new() -> Self {
        let argod = Argod::start(&system("[capture]"));
        let [client, server, stranger] =
            ["client", "server", "stranger"].map(|name| argod.attach(name));
        assert_eq!(register(&server, 7, DOMID_ANY, 65_536), 0);
        Self { argod, client, _server: server, stranger }
    }

    /// Two messages are delivered and one is refused.
    fn talk(&self) {
        assert_eq!(send(&self.client, 9, (2, 7), b"hello, server"), 13);
        assert_eq!(send(&self.stranger, 11, (2, 7), b"let me in"), Errno::EACCES.ret());
        assert_eq!(send(&self.client, 10, (2, 7), &[0x5a; 100]), 100);
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut tool = plain(&["capture"]);
        tool.args(arguments).env("ARGO_CAPTURE", self.argod.path("capture.sock"));
        tool
    }

    /// A capture to this file, begun.
    fn begin(&self, file: &Path, arguments: &[&str]) -> Receiver {
        let mut tool = self.tool(arguments);
        tool.arg("-w").arg(file);
        Receiver::announced(tool, "capturing to ").0
    }

    fn file(&self) -> PathBuf {
        self.argod.path("messages.pcapng")
    }
}

/// A connection to the capture socket, and what it was answered.
fn ask(argod: &Argod, request: &str) -> (BufReader<UnixStream>, String) {
    let mut stream = UnixStream::connect(argod.path("capture.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{request}").unwrap();
    let (mut stream, mut answer) = (BufReader::new(stream), String::new());
    stream.read_line(&mut answer).unwrap();
    (stream, answer)
}

fn wanted(wanted: &Wanted) -> String {
    serde_json::to_string(wanted).unwrap()
}

fn everything(snaplen: u32) -> Wanted {
    Wanted { snaplen, ..Wanted::default() }
}

/// A capture without the tool.
fn capture(argod: &Argod, of: &Wanted) -> BufReader<UnixStream> {
    let (stream, answer) = ask(argod, &wanted(of));
    assert_eq!(answer, "{\"ok\":null}\n");
    stream
}

fn rest(mut stream: BufReader<UnixStream>) -> Vec<(Frame, Vec<u8>)> {
    let told = std::iter::from_fn(|| Told::read(&mut stream).unwrap());
    told.map(|told| match told {
        Told::Message(frame, payload) => (frame, payload),
        Told::Lost(lost) => panic!("{lost} lost"),
    })
    .collect()
}

#[test]
fn each_capture_gets_the_messages_that_it_wants_and_no_others() {
    let scene = Scene::new();
    let name = |name: &str| Some(name.to_owned());
    let (port, verdict) = (Some(10), Some(Verdict::Refused));
    let one = |of: Wanted| capture(&scene.argod, &of);
    let first = [
        one(everything(5)),
        one(Wanted { from: name("stranger"), ..everything(5) }),
        one(Wanted { port, ..everything(200) }),
        one(Wanted { verdict, ..everything(0) }),
    ];
    scene.talk();
    let first = first.map(|mut stream| {
        let Some(Told::Message(frame, payload)) = Told::read(&mut stream).unwrap() else {
            panic!("nothing came")
        };
        (stream, frame, payload)
    });
    let seen = first.map(|(stream, frame, payload)| {
        drop(stream);
        (frame.from.get(), frame.from_port.get(), frame.errno.get(), payload)
    });
    let refused = Errno::EACCES.number() as u16;
    let expected = [
        (1, 9, 0, b"hello".to_vec()),
        (3, 11, refused, vec![]),
        (1, 10, 0, vec![0x5a; 100]),
        (3, 11, refused, vec![]),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_capture_names_domains_by_name_or_number() {
    let scene = Scene::new();
    let name = |name: &str| Some(name.to_owned());
    let one = |of: Wanted| capture(&scene.argod, &of);
    let verdict = Some(Verdict::Delivered);
    let second = [
        one(Wanted { to: name("server"), verdict, ..everything(1) }),
        one(Wanted { domain: name("1"), ..everything(1) }),
        one(Wanted { to: name("31000"), ..everything(1) }),
    ];
    scene.talk();
    scene.argod.signal("TERM");
    let ports = second.map(|stream| {
        rest(stream).iter().map(|(frame, _)| frame.from_port.get()).collect::<Vec<_>>()
    });
    assert_eq!(ports, [vec![9, 10], vec![9, 10], vec![]]);
}

#[test]
fn a_message_is_told_as_it_was_judged() {
    let scene = Scene::new();
    let mut stream = capture(&scene.argod, &everything(SNAPLEN_MAX));
    scene.talk();
    let mut next = || match Told::read(&mut stream).unwrap() {
        Some(Told::Message(frame, payload)) => (frame, payload),
        other => panic!("{other:?}"),
    };
    let (frame, payload) = next();
    assert_eq!(payload, b"hello, server");
    assert_eq!((frame.to.get(), frame.to_port.get(), frame.claimed.get()), (2, 7, 1));
    assert_eq!((frame.length.get(), frame.errno.get(), frame.rule.get()), (13, 0, 0));
    let (refused, payload) = next();
    assert_eq!((refused.rule.get(), refused.length.get(), payload.len()), (3, 9, 0));
    assert!(refused.time_ns.get() > frame.time_ns.get());
    next();
    // No rule is guessed for what no rule refused.
    assert_eq!(send(&scene.client, 9, (2, 8), b"x"), Errno::ECONNREFUSED.ret());
    let (frame, _) = next();
    assert_eq!((frame.errno.get(), frame.rule.get()), (111, 0));
}

#[test]
fn a_capture_that_does_not_read_costs_nobody_anything_and_is_told_what_it_lost() {
    const MESSAGES: u64 = 40_000;
    let scene = Scene::new();
    let mut slow = capture(&scene.argod, &everything(SNAPLEN_MAX));
    let begun = Instant::now();
    let call = send_call(&scene.stranger, 9, (2, 7), 1);
    for _ in 0..MESSAGES {
        assert_eq!(scene.stranger.call(&call).unwrap(), Errno::EACCES.ret());
    }
    assert!(begun.elapsed() < 3 * PATIENCE, "sends took {:?}", begun.elapsed());
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < MESSAGES {
        match Told::read(&mut slow).unwrap().unwrap() {
            Told::Message(..) => seen += 1,
            Told::Lost(count) => lost += count,
        }
    }
    assert!(seen > 0 && lost > 0, "{seen} seen, {lost} lost");
    assert_eq!(seen + lost, MESSAGES);
}

#[test]
fn without_its_section_nobody_captures_and_with_it_only_its_owner() {
    let argod = Argod::start(&system(""));
    let socket = argod.path("capture.sock");
    assert!(!exists(&socket));
    let file = argod.path("none.pcapng").display().to_string();
    let mut tool = plain(&["capture", "-w", &file, "--capture"]);
    tool.arg(&socket);
    let (status, said) = failure(&run(tool, b""));
    assert!(status == Some(1) && said.contains("has argod a [capture] section?"), "{said}");
    assert!(!exists(Path::new(&file)));
    let argod = Argod::start(&system("[capture]"));
    let mode = std::fs::metadata(argod.path("capture.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn requests_that_cannot_be_met_are_refused_in_words() {
    let argod = Argod::start(&system("[capture]"));
    let said = |request: &str| ask(&argod, request).1;
    assert!(said("what?").contains("not a request"));
    assert!(said("{\"snaplen\":1,\"filter\":2}").contains("unknown field `filter`"));
    let nobody = Wanted { to: Some("nobody".into()), ..everything(1) };
    assert!(said(&wanted(&nobody)).contains("there is no domain"));
    assert!(said(&wanted(&everything(SNAPLEN_MAX + 1))).contains("at most 1048576"));
    let _four: Vec<_> = (0..4).map(|_| capture(&argod, &everything(SNAPLEN_MAX))).collect();
    assert!(said(&wanted(&everything(1))).contains("4 others are reading already"));
}

#[test]
fn the_tool_ends_at_its_limits_and_by_signals_with_a_whole_file() {
    let scene = Scene::new();
    let file = scene.file();
    let counted = scene.begin(&file, &["--count", "2"]);
    scene.talk();
    let (status, _, said) = counted.end();
    assert_eq!((status, said.as_str()), (Some(0), "2 messages captured, 0 lost\n"));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let sized = scene.begin(&file, &["--size", "1", "--delivered"]);
    scene.talk();
    assert_eq!(sized.end().2, "0 messages captured, 0 lost\n");

    let mut stopped = scene.begin(&file, &["--refused", "--from", "stranger"]);
    scene.talk();
    wait_until("the message is in the file", || {
        std::fs::read(&file).unwrap().windows(8).any(|bytes| bytes == b"refused:")
    });
    let pid = stopped.0.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    assert!(stopped.0.wait().unwrap().success());
    assert_eq!(stopped.end().2, "1 messages captured, 0 lost\n");

    let left = scene.begin(&file, &[]);
    scene.argod.signal("TERM");
    let (status, _, said) = left.end();
    assert_eq!(status, Some(1));
    assert!(said.contains("argod has ended the capture"), "{said}");
}

/// What tshark says of a file, a line a packet.
fn tshark(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("tshark").arg("-r").arg(file).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn fields<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let fields = names.iter().flat_map(|name| ["-e", *name]);
    ["-T", "fields", "-E", "separator=|"].into_iter().chain(fields).collect()
}

#[test]
fn wireshark_reads_a_capture_with_and_without_the_script() {
    if Command::new("tshark").arg("--version").output().is_err() {
        effort::skipped("there is no tshark to read a capture with");
        return;
    }
    let scene = Scene::new();
    let begun = scene.begin(&scene.file(), &["--count", "3"]);
    scene.talk();
    assert_eq!(begun.end().0, Some(0));

    let names = ["src_cid", "dst_cid", "src_port", "dst_port", "op"];
    let names = names.map(|name| format!("vsock.{name}"));
    let names: Vec<_> = names.iter().map(String::as_str).chain(["frame.comment"]).collect();
    let plain = tshark(&scene.file(), &fields(&names));
    let expected = [
        "1|2|9|7|4|delivered: 1:9 -> 2:7, 13 bytes",
        "3|2|11|7|4|refused: 3:11 -> 2:7, 9 bytes: refused by policy (EACCES), rule 3",
        "1|2|10|7|4|delivered: 1:10 -> 2:7, 100 bytes",
    ];
    assert_eq!(plain, expected);
    assert_eq!(tshark(&scene.file(), &["-Y", "_ws.malformed"]), [""; 0]);

    let script = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/wireshark/argo.lua");
    let names =
        ["from", "from_port", "to", "to_port", "type", "verdict", "rule", "length", "payload"];
    let names = names.map(|name| format!("argo.{name}"));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let arguments: Vec<_> = ["-X", script].into_iter().chain(fields(&names)).collect();
    let payload = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let expected = [
        format!("1|9|2|7|0x00000000|0|0|13|{}", payload(b"hello, server")),
        "3|11|2|7|0x00000000|13|3|9|".to_owned(),
        format!("1|10|2|7|0x00000000|0|0|100|{}", payload(&[0x5a; 100])),
    ];
    assert_eq!(tshark(&scene.file(), &arguments), expected);
    let refused = tshark(&scene.file(), &["-X", script, "-Y", "argo.verdict == 13"]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("3:11 -> 2:7 EACCES: refused by policy, 9 bytes"), "{refused:?}");
}
