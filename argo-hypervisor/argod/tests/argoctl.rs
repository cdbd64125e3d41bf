//! argoctl as its users run it: two domains talk, a third is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output};

use argod::admin::Stat;
use common::tool::{ARGOCTL, Receiver, acting_as, failure, plain, run, text};
use common::{Argod, wait_until};
use tempfile::TempDir;

/// Two friends, and a stranger who may use Argo but not send.
const SYSTEM: &str = r#"
wildcard_rings = true
policy = [
  { hook = "enable", from = "any" },
  { hook = "register_any_source", from = "server" },
  { hook = "register_single_source", from = "any", to = "any" },
  { hook = "send", from = "stranger", to = "any", action = "deny" },
  { hook = "send", from = "any", to = "any" },
]
port = [{ from = "any", to = "any", to_port = "any" }]
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

#[test]
fn two_domains_talk_and_a_third_is_refused() {
    let argod = Argod::start(SYSTEM);
    let receive = ["recv", "7", "--count", "3", "--timeout", "10s"];
    let server = Receiver::start(acting_as(&argod, "server", &receive));
    let refused = run(acting_as(&argod, "stranger", &["send", "2:7"]), b"let me in\n");
    let expected = "argoctl: datagram 1: policy refuses messages to 2:7\n";
    assert_eq!(failure(&refused), (Some(1), expected.into()));
    let sent = run(acting_as(&argod, "client", &["send", "2:7"]), b"one\n\nthree");
    assert_eq!(failure(&sent), (Some(0), String::new()));
    assert_eq!(server.end(), (Some(0), "one\n\nthree\n".into(), String::new()));
}

#[test]
fn a_whole_file_is_one_datagram_and_its_source_is_shown() {
    let argod = Argod::start(SYSTEM);
    // A partner has to be there, as on Xen.
    let receive = ["recv", "7", "--partner", "1", "--count", "1", "--show-source"];
    let early = acting_as(&argod, "server", &receive).output().unwrap();
    let text = "argoctl: domain 1 does not use Argo now: no process is attached to it";
    assert!(failure(&early).1.starts_with(text), "{early:?}");
    let client = argod.attach("client");
    let server = Receiver::start(acting_as(&argod, "server", &receive));
    drop(client);
    argod.wait_for("client", "it has left", |client| client.sessions.is_empty());
    let arguments = ["send", "2:7", "--whole", "--from-port", "0x10", "--timeout", "10s"];
    let sent = run(acting_as(&argod, "client", &arguments), b"two\nlines\n");
    assert_eq!(failure(&sent), (Some(0), String::new()));
    assert_eq!(server.end(), (Some(0), "1:16 two\nlines\n\n".into(), String::new()));
}

#[test]
fn raw_bytes_come_out_as_they_went_in() {
    let argod = Argod::start(SYSTEM);
    let receive = ["recv", "7", "--count", "1", "--raw"];
    let mut server = Receiver::start(acting_as(&argod, "server", &receive));
    let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    assert!(run(acting_as(&argod, "client", &["send", "2:7", "--whole"]), &bytes).status.success());
    let mut received = Vec::new();
    server.0.stdout.take().unwrap().read_to_end(&mut received).unwrap();
    assert!(received == bytes);
}

#[test]
fn ping_measures_round_trips_to_an_echo() {
    let argod = Argod::start(SYSTEM);
    let _echo = Receiver::start(acting_as(&argod, "server", &["recv", "7", "--echo"]));
    let arguments = ["ping", "2:7", "--count", "50", "--size", "100", "--interval", "100us"];
    let pinged = acting_as(&argod, "client", &arguments).output().unwrap();
    assert_eq!(failure(&pinged), (Some(0), String::new()));
    let report = text(&pinged.stdout);
    assert!(report.starts_with("2:7: 50 datagrams of 100 bytes, 50 answered\n"), "{report}");
    let words: Vec<_> = report.lines().nth(1).unwrap().split_whitespace().collect();
    let times: Vec<f64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    assert!(times.len() == 5 && times[0] > 0.0 && times.is_sorted(), "{report}");
    for name in ["min", "p50", "p90", "p99", "max"] {
        assert!(words.contains(&name), "{report}");
    }
}

#[test]
fn a_ping_without_answers_fails() {
    let argod = Argod::start(SYSTEM);
    let arguments = ["ping", "2:7", "--count", "1", "--timeout", "50ms"];
    let server = argod.attach("server");
    let nobody = acting_as(&argod, "client", &arguments).output().unwrap();
    assert_eq!(failure(&nobody), (Some(1), "argoctl: nobody receives at 2:7\n".into()));
    drop(server);
    argod.wait_for("server", "it has left", |server| server.sessions.is_empty());
    // Somebody who receives but does not answer.
    let _silent = Receiver::start(acting_as(&argod, "server", &["recv", "7"]));
    let silent = acting_as(&argod, "client", &arguments).output().unwrap();
    assert_eq!(failure(&silent), (Some(1), String::new()));
    let expected = "2:7: 1 datagrams of 64 bytes, 0 answered\nround trip: no answers\n";
    assert_eq!(text(&silent.stdout), expected);
}

#[test]
fn stat_shows_domains_sessions_rings_and_refusals() {
    let argod = Argod::start(SYSTEM);
    let server = Receiver::start(acting_as(&argod, "server", &["recv", "7"]));
    assert!(!run(acting_as(&argod, "stranger", &["send", "2:7"]), b"x\n").status.success());
    let stat = |arguments: &[&str]| {
        let output = plain(arguments).env("ARGO_ADMIN", argod.path("admin.sock")).output().unwrap();
        assert_eq!(failure(&output), (Some(0), String::new()));
        text(&output.stdout)
    };
    let table = stat(&["stat"]);
    let session = format!("  server  {}", server.0.id());
    let rule = format!("policy rule 4 ({}:8)", argod.path("argod.toml").display());
    for expected in ["  server    on", &session, "  server     7  any", "  stranger  EACCES", &rule]
    {
        assert!(table.contains(expected), "{expected:?} in\n{table}");
    }
    let json: Stat = serde_json::from_str(&stat(&["stat", "--format", "json"])).unwrap();
    let names: Vec<_> = json.domains.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(names, ["client", "server", "stranger"]);
    assert_eq!(json.domains[1].rings[0].port, 7);
    assert_eq!(json.refusals[0].cause, rule);
}

#[test]
fn the_domain_comes_from_the_environment_unless_an_argument_says_otherwise() {
    let argod = Argod::start(SYSTEM);
    let receive = ["recv", "7", "--count", "2", "--show-source"];
    let server = Receiver::start(acting_as(&argod, "server", &receive));
    let arguments = ["send", "2:7", "--from-port", "9"];
    let mut by_environment = plain(&arguments);
    by_environment.env("ARGO_DOMAIN", argod.socket("client"));
    assert!(run(by_environment, b"environment\n").status.success());
    let mut both = acting_as(&argod, "client", &arguments);
    both.env("ARGO_DOMAIN", argod.socket("stranger"));
    assert!(run(both, b"argument\n").status.success());
    assert_eq!(server.end().1, "1:9 environment\n1:9 argument\n");
}

#[test]
fn errors_say_what_is_wrong() {
    let argod = Argod::start(SYSTEM);
    let of = |command: Command| failure(&run(command, b"x\n"));
    let (status, said) = of(plain(&["send", "2:7"]));
    assert_eq!(status, Some(2));
    assert!(said.contains("Give --domain SOCKET, or set ARGO_DOMAIN"), "{said}");
    let (status, said) = of(plain(&["send", "2:7", "--domain", "/nowhere/at/all.sock"]));
    assert_eq!(status, Some(1));
    assert!(said.contains("cannot attach to /nowhere/at/all.sock, while connecting"), "{said}");
    assert!(said.contains("No such file or directory"), "{said}");
    let (status, said) = of(plain(&["stat", "--admin", "/nowhere/admin.sock"]));
    assert_eq!(status, Some(1));
    assert!(said.contains("/nowhere/admin.sock: No such file"), "{said}");
    let (status, said) = of(acting_as(&argod, "client", &["send", "2:8"]));
    assert_eq!(status, Some(1));
    assert!(said.contains("domain 2 does not use Argo now"), "{said}");
    let _server = argod.attach("server");
    let expected = (Some(1), "argoctl: datagram 1: nobody receives at 2:8\n".into());
    assert_eq!(of(acting_as(&argod, "client", &["send", "2:8"])), expected);
    let (status, said) = of(acting_as(&argod, "client", &["send", "server:7"]));
    assert_eq!(status, Some(2));
    assert!(said.contains("expected its number (not its name)"), "{said}");
    let (status, said) = of(acting_as(&argod, "stranger", &["recv", "7"]));
    assert_eq!(status, Some(1));
    assert!(said.contains("policy refuses a ring on port 7"), "{said}");
    let (status, said) =
        of(acting_as(&argod, "client", &["recv", "7", "--partner", "2", "--timeout", "20ms"]));
    assert_eq!(status, Some(1));
    assert!(said.ends_with("argoctl: no message within 20ms\n"), "{said}");
}

#[test]
fn a_receiver_ends_when_argod_does_and_when_its_reader_does() {
    let mut argod = Argod::start(SYSTEM);
    let mut unread = Receiver::start(acting_as(&argod, "server", &["recv", "7"]));
    drop(unread.0.stdout.take());
    assert!(run(acting_as(&argod, "client", &["send", "2:7"]), b"x\n").status.success());
    assert_eq!(unread.0.wait().unwrap().code(), Some(0));
    argod.wait_for("server", "it has left", |server| server.sessions.is_empty());
    let server = Receiver::start(acting_as(&argod, "server", &["recv", "7"]));
    argod.process.kill().unwrap();
    argod.process.wait().unwrap();
    let expected = "argoctl: the hypervisor ended this session\n";
    assert_eq!(server.end(), (Some(1), String::new(), expected.into()));
}

/// A folder that every user can look into, for the demo's own, which it gets in `TMPDIR`.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn demo(folder: &Path, each: &str) -> Command {
    let mut command = plain(&["demo", "--each", each]);
    command.env("TMPDIR", folder);
    command
}

fn check_demo(output: &Output, folder: &Path) -> String {
    let report = text(&output.stdout);
    assert_eq!(failure(output), (Some(0), String::new()), "{report}");
    for expected in [
        "refused, EACCES: policy rule 7 (argod.toml:11)",
        "refused, EPERM: a sender's domain is never forged",
        "refused, EACCES: no rule",
        "throughput, messages/s",
        "round trip, 99 of 100 within",
        "hypercalls/s",
        "0 out of order, 0 damaged",
        "the attacker delivered 0 messages",
    ] {
        assert!(report.contains(expected), "{expected:?} in\n{report}");
    }
    assert!(!report.contains("NO "), "{report}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "the demo left something behind");
    report
}

/// Whether this is root; says that a test is left out if not.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        effort::skipped("processes of several users take root");
    }
    is_root
}

#[test]
fn the_demo_goes_as_claimed() {
    let folder = open_folder();
    let report = check_demo(&demo(folder.path(), "400ms").output().unwrap(), folder.path());
    if is_root() {
        for expected in ["uid 61001", "uid 61002", "uid 61003", "act as the server"] {
            assert!(report.contains(expected), "{expected} in\n{report}");
        }
    } else {
        assert!(report.contains("They share argod's uid"), "{report}");
    }
}

#[test]
fn the_demo_of_root_says_why_domains_share_its_uid_where_they_must() {
    // Closed to others, as temporary folders are that somebody has for himself.
    let folder = open_folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        let report = check_demo(&demo(folder.path(), "400ms").output().unwrap(), folder.path());
        assert!(report.contains("is closed to other uids"), "{report}");
    }
}

#[test]
fn the_demo_goes_as_claimed_for_somebody_without_rights() {
    /// Nobody's.
    const UID: u32 = 65534;
    let (folder, work) = (open_folder(), open_folder());
    if !is_root() {
        return;
    }
    // The program may lie where that user cannot look.
    let program = folder.path().join("argoctl");
    fs::copy(ARGOCTL, &program).unwrap();
    std::os::unix::fs::chown(work.path(), Some(UID), Some(UID)).unwrap();
    let mut command = Command::new(program);
    command.args(["demo", "--each", "400ms"]).env("TMPDIR", work.path()).current_dir("/");
    let report = check_demo(&command.uid(UID).gid(UID).output().unwrap(), work.path());
    assert!(report.contains("only root can give each domain a uid of its own"), "{report}");
    assert!(report.contains("uid 65534"), "{report}");
}

#[test]
fn nothing_is_left_of_a_demo_that_is_interrupted() {
    for (signal, status) in [("INT", Some(130)), ("KILL", None)] {
        let folder = open_folder();
        let mut demo = Measuring::start(demo(folder.path(), "10s"));
        let pid = demo.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert_eq!(demo.process.wait().unwrap().code(), status);
        assert_eq!(demo.actors.len(), 3);
        for actor in &demo.actors {
            wait_until("its processes end", || has_ended(actor));
        }
        if signal == "INT" {
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

/// A demo that has come to its measurements.
struct Measuring {
    process: Child,
    /// Process ids of the domains.
    actors: Vec<String>,
}

impl Measuring {
    fn start(mut demo: Command) -> Self {
        let mut process = demo.spawn().unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let mut actors = Vec::new();
        for line in lines.map(Result::unwrap) {
            let pid = line.split("pid ").nth(1).and_then(|rest| rest.split(',').next());
            actors.extend(pid.map(str::to_owned));
            if line.starts_with("6.") {
                break;
            }
        }
        Self { process, actors }
    }
}

/// Whether there is no such process, or only its exit status is left.
fn has_ended(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.map_or(true, |status| status.contains("State:\tZ"))
}
