//! What an operator does wrong: a clear error before anything starts, and a log worth reading.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use argod::admin::{AdminClient, Request, Standing, Stat};
use common::raw::Raw;
use common::tool::{Receiver, acting_as, failure, run};
use common::{Argod, Killed, PATIENCE, exists, open_system, wait_until};
use tempfile::TempDir;

/// A folder with a configuration in it.
struct Site {
    dir: TempDir,
}

/// How argod ends if its configuration is wrong, as documented and as its unit has it: not to be
/// started again.
const WRONG_CONFIG: i32 = 78;

/// How an argod ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Site {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let header = format!("runtime_dir = {:?}\n", dir.path().join("run"));
        std::fs::write(dir.path().join("argod.toml"), header + text).unwrap();
        Self { dir }
    }

    fn config(&self) -> String {
        self.dir.path().join("argod.toml").display().to_string()
    }

    fn run_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("run")
    }

    fn argod(&self, option: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_argod"));
        command.args([option, &self.config()]);
        command
    }

    fn run(&self, option: &str) -> Ended {
        let output = self.argod(option).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Neither serves nor passes the check, for this reason; nothing is left behind.
    fn is_refused(&self, expected: &[&str]) {
        self.is_refused_with(WRONG_CONFIG, expected);
    }

    fn is_refused_with(&self, status: i32, expected: &[&str]) {
        for option in ["--config", "--check-config"] {
            let Ended { code, out, err } = self.run(option);
            assert_eq!((code, out.as_str()), (Some(status), ""), "{option}: {err}");
            for part in expected {
                assert!(err.contains(part), "{option}: no {part:?} in: {err}");
            }
        }
        assert!(!exists(&self.run_dir()), "something was started");
    }
}

#[test]
fn broken_toml_is_told_by_file_line_and_column() {
    let site = Site::new("[[domain]]\nid = \nname = \"a\"\n");
    let place = format!("{}:3:6", site.config());
    site.is_refused(&[&place, "id = ", "^"]);
}

#[test]
fn wrong_values_are_told_with_what_was_expected() {
    let site = Site::new("[[domain]]\nid = 1\nname = \"a\"\nram = \"10 miles\"\n");
    let place = format!("{}:5:7", site.config());
    site.is_refused(&[&place, "found \"10 miles\", expected a multiple of 4KiB"]);
}

#[test]
fn contradictions_are_told_all_at_once() {
    let domain = "[[domain]]\nid = 1\nname = \"a\"\nram = \"1MiB\"\n";
    let rule = "[[policy]]\nhook = \"send\"\nfrom = \"nobody\"\nto = \"a\"\n";
    let site = Site::new(&[domain, domain, rule].concat());
    let [id, name, rule] = ["7:6", "8:8", "12:8"].map(|place| format!("{}:{place}", site.config()));
    site.is_refused(&[&id, &name, &rule, "nobody"]);
}

#[test]
fn too_little_memory_is_told_before_anything_starts() {
    let domain = |id| {
        format!(
            "[[domain]]\nid = {id}\nname = \"d{id}\"\nram = \"64GiB\"\nquotas = {{ sessions = 64, \
             grant_pages = 0 }}\n"
        )
    };
    let site = Site::new(&(domain(1) + &domain(2)));
    // It may be there the next time.
    site.is_refused_with(
        1,
        &["too little memory", "may need 8TiB for 128 sessions", "the largest is d"],
    );
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_told() {
    let site = Site::new("");
    std::fs::write(site.config(), b"\xff\xfe").unwrap();
    let Ended { code, err, .. } = site.run("--check-config");
    assert!(code == Some(WRONG_CONFIG) && err.contains(&site.config()), "{err}");
    std::fs::remove_file(site.config()).unwrap();
    let Ended { code, err, .. } = site.run("--config");
    assert!(code == Some(WRONG_CONFIG) && err.contains("No such file"));
    assert!(err.contains(&site.config()));
}

#[test]
fn an_argod_without_any_configuration_says_what_to_do() {
    if exists(Path::new("/etc/argod.toml")) {
        effort::skipped("this machine has an /etc/argod.toml");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_argod")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(WRONG_CONFIG));
    for expected in ["--config FILE", "/etc/argod.toml", "docs/argod.example.toml", "argoctl demo"]
    {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn exit_statuses_are_told_and_kept() {
    let argod = || Command::new(env!("CARGO_BIN_EXE_argod"));
    let wrongly = argod().arg("--no-such-option").output().unwrap();
    assert_eq!(wrongly.status.code(), Some(2));
    let help = String::from_utf8(argod().arg("--help").output().unwrap().stdout).unwrap();
    let told = help.split_once("Exit status:").unwrap().1;
    for status in ["0 stopped", "1 failed", "2 wrongly called", "78 the configuration"] {
        assert!(told.contains(status), "{told}");
    }
}

#[test]
fn a_check_that_finds_nothing_says_so_and_starts_nothing() {
    let site = Site::new(&open_system(&[(1, "a"), (2, "b")]));
    let Ended { code, out, err } = site.run("--check-config");
    let expected = format!("{}: 2 domain(s), 5 policy rule(s): no problems\n", site.config());
    assert_eq!((code, out, err), (Some(0), expected, String::new()));
    assert!(!exists(&site.run_dir()));
}

#[test]
fn the_guides_configuration_is_right() {
    let text = guides_configuration();
    let Ended { code, err, .. } = Site::new(text).run("--check-config");
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

/// What the guide has its readers do next.
#[test]
fn with_the_guides_configuration_a_message_arrives_and_no_other_port_is_open() {
    // Those users are not here.
    let ours = |line: &&str| !line.starts_with("uid =");
    let text: Vec<&str> = guides_configuration().lines().filter(ours).collect();
    let argod = Argod::start(&text.join("\n"));
    let receive = ["recv", "7", "--count", "1", "--timeout", "10s"];
    let server = Receiver::start(acting_as(&argod, "server", &receive));
    let barred = run(acting_as(&argod, "client", &["send", "2:8"]), b"hello\n");
    assert_eq!(barred.status.code(), Some(1));
    let sent = run(acting_as(&argod, "client", &["send", "2:7"]), b"hello\n");
    assert_eq!(failure(&sent), (Some(0), String::new()));
    assert_eq!(server.end(), (Some(0), "hello\n".into(), String::new()));
}

fn guides_configuration() -> &'static str {
    let guide = include_str!("../../../docs/operator.md");
    let (_, text) = guide.split_once("```toml\n").unwrap();
    text.split_once("```").unwrap().0
}

#[test]
fn what_is_no_socket_is_not_replaced() {
    let outlets = "[metrics]\n[audit]\n[capture]\n";
    let site = Site::new(&(open_system(&[(1, "a")]) + outlets));
    std::fs::create_dir(site.run_dir()).unwrap();
    for name in ["a.sock", "admin.sock", "metrics.sock", "audit.sock", "capture.sock"] {
        let path = site.run_dir().join(name);
        std::fs::write(&path, "precious").unwrap();
        let Ended { code, err, .. } = site.run("--config");
        assert_eq!(code, Some(1));
        let expected = format!("{}: exists and is not a socket", path.display());
        assert!(err.contains(&expected), "{err}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(path).unwrap();
        assert_eq!(std::fs::read_dir(site.run_dir()).unwrap().count(), 0, "a socket was left");
    }
}

#[test]
fn a_folder_that_others_may_write_is_refused() {
    let site = Site::new(&open_system(&[(1, "a")]));
    std::fs::create_dir(site.run_dir()).unwrap();
    for mode in [0o777, 0o1777, 0o775] {
        std::fs::set_permissions(site.run_dir(), PermissionsExt::from_mode(mode)).unwrap();
        let Ended { code, err, .. } = site.run("--config");
        let expected = format!("{}: mode {mode:03o}, so that others", site.run_dir().display());
        assert!(code == Some(1) && err.contains(&expected), "{err}");
        assert_eq!(std::fs::read_dir(site.run_dir()).unwrap().count(), 0);
    }
}

/// Each line of the log is an object of its own, and 300 refusals make few of them.
#[test]
fn a_json_log_parses_and_guests_cannot_fill_it() {
    const REFUSALS: u64 = 300;
    let text = open_system(&[(1, "a")]) + "[log]\nformat = \"json\"\n";
    let site = Site::new(&text);
    let argod = site.argod("--config").stderr(Stdio::piped()).spawn().unwrap();
    let Killed(argod) = &mut Killed(argod);
    let admin = site.run_dir().join("admin.sock");
    wait_until("argod serves", || stat(&admin).is_some());
    for _ in 0..REFUSALS {
        let (_, said) = Raw::refusal_of(&site.run_dir().join("a.sock"), b"?");
        assert!(said.contains("Hello message: 1 bytes"), "{said}");
    }
    wait_until("all were refused", || refused(&admin) == REFUSALS);
    let pid = argod.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let mut log = String::new();
    std::io::Read::read_to_string(&mut argod.stderr.take().unwrap(), &mut log).unwrap();
    assert!(argod.wait().unwrap().success());

    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let message = |line: &serde_json::Value| line["fields"]["message"].as_str().map(str::to_owned);
    let messages: Vec<String> = lines.iter().filter_map(message).collect();
    let first = messages.iter().position(|said| said == "ready").unwrap();
    assert_eq!(messages.last().unwrap(), "stopped");
    let told = messages[first..].iter().filter(|said| *said == "attachment refused").count();
    assert!((1..=30).contains(&told), "{told} lines for {REFUSALS} refusals");
    let told = lines.iter().find(|line| line["fields"]["message"] == "attachment refused").unwrap();
    assert_eq!((&told["level"], &told["fields"]["domain"]), (&"WARN".into(), &"a".into()));
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let site = Site::new(&open_system(&[(1, "a")]));
    let argod = site.argod("--config").stderr(Stdio::piped()).spawn().unwrap();
    let Killed(argod) = &mut Killed(argod);
    let admin = site.run_dir().join("admin.sock");
    wait_until("argod serves", || stat(&admin).is_some());
    drop(argod.stderr.take());
    // Each makes the reception's threads log; an administrator's request logs, too.
    Raw::refusal_of(&site.run_dir().join("a.sock"), b"?");
    wait_until("it was refused", || refused(&admin) == 1);
    let policy =
        Request::Policy { file: "empty.toml".into(), text: String::new(), standing: Standing::Cut };
    AdminClient::connect(&admin).unwrap().request::<serde_json::Value>(&policy).unwrap();
    assert!(Command::new("kill").arg(argod.id().to_string()).status().unwrap().success());
    assert!(argod.wait().unwrap().success());
    assert!(!exists(&admin));
}

/// Answered only once all domains are there; that one can connect says less.
fn stat(admin: &Path) -> Option<Stat> {
    AdminClient::connect(admin).ok()?.request(&Request::Stat).ok()
}

fn refused(admin: &Path) -> u64 {
    stat(admin).unwrap().domains[0].refused_attachments
}

/// argod says that it cannot start within a moment, not after a while of trying.
#[test]
fn errors_come_at_once() {
    let site = Site::new("argo = 1\n");
    let begun = std::time::Instant::now();
    site.is_refused(&["found 1, expected true or false"]);
    assert!(begun.elapsed() < PATIENCE / 2 - Duration::from_secs(1));
}
