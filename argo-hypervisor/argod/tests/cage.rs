//! argod's own cage, seen from outside: what a running argod has given up, and that it does all the
//! same what it is for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use argo_core::platform::Platform as _;
use argo_guest::services::Services;
use argod::admin::{AdminClient, Changed, Reloaded, Request};
use argod::config::Config;
use argod::daemon::Daemon;
use common::{Argod, Killed, open_system, wait_until};

/// A user that nothing else runs as.
const USER: u32 = 65_532;

/// What /proc says of a thread.
type Status = BTreeMap<String, String>;

/// `None`: the thread has ended.
fn status_of(pid: u32, thread: &str) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    Some(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

fn of_process(pid: u32) -> Status {
    status_of(pid, &pid.to_string()).unwrap()
}

fn threads(argod: &Argod) -> BTreeMap<String, Status> {
    let pid = argod.process.id();
    let threads = argod.threads().into_iter();
    threads.filter_map(|(thread, name)| Some((name, status_of(pid, &thread)?))).collect()
}

/// argod's doorkeeper.
fn doorkeeper(argod: &Argod) -> u32 {
    let pid = argod.process.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

fn filters(status: &Status) -> u32 {
    status["Seccomp_filters"].parse().unwrap()
}

/// In no set of them. What could be gained by executing a file can be taken away by root alone.
fn holds(status: &Status, capabilities: u64) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let expected = if matches!(set, "CapPrm" | "CapEff") { capabilities } else { 0 };
        assert_eq!(u64::from_str_radix(&status[set], 16), Ok(expected), "{set}: {status:?}");
    }
    if rustix::process::getuid().is_root() {
        assert_eq!(u64::from_str_radix(&status["CapBnd"], 16), Ok(capabilities), "{status:?}");
    }
}

#[test]
fn no_thread_of_a_running_argod_holds_anything_and_those_for_guests_least() {
    let argod = Argod::start(&format!("cage = \"require\"\n{}", open_system(&[(1, "guest")])));
    let _session = argod.attach("guest");
    let _services = Services::attach(argod.socket("guest")).unwrap();
    // A thread narrows itself: it may not have got to it yet.
    let narrow = ["worker-0", "pacer", "lender", "undertaker", "services-guest"];
    wait_until("threads for guests have lists of their own", || {
        let threads = threads(&argod);
        let of = |name: &str| threads.get(name).map_or(0, filters);
        narrow.iter().all(|name| of(name) > of("argod"))
    });
    let threads = threads(&argod);
    for (name, status) in &threads {
        holds(status, 0);
        assert_eq!(status["NoNewPrivs"], "1", "{name}");
        assert_eq!(status["Seccomp"], "2", "{name}");
    }
    effort::ran(threads.len() as u64, "threads of a caged argod looked at");
}

#[test]
fn the_doorkeeper_holds_one_capability_and_ends_with_argod() {
    let mut argod = Argod::start("cage = \"require\"\n");
    let keeper = doorkeeper(&argod);
    let status = of_process(keeper);
    let chown = if rustix::process::getuid().is_root() { 1 } else { 0 };
    holds(&status, chown);
    assert_eq!((&*status["NoNewPrivs"], &*status["Seccomp"]), ("1", "2"));
    // What stops argod is sent to both; argod is the one to end.
    assert!(Command::new("kill").arg(keeper.to_string()).status().unwrap().success());
    let _: Changed = argod.admin().request(&create("later", "")).unwrap();
    argod.process.kill().unwrap();
    argod.process.wait().unwrap();
    wait_until("the doorkeeper ends", || !is_there(keeper));
}

/// A zombie is not: who should wait for it may be nobody here.
fn is_there(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[test]
fn there_is_no_core_dump_and_no_cage_if_none_is_wanted() {
    for (cage, seccomp) in [("require", "2"), ("try", "2"), ("no", "0")] {
        let argod = Argod::start(&format!("cage = \"{cage}\"\n"));
        let pid = argod.process.id();
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{cage}");
        assert_eq!(of_process(pid)["Seccomp"], seccomp, "{cage}");
    }
}

/// A domain called so, with this beside its name.
fn create(name: &str, more: &str) -> Request {
    let domain = format!("id = 9\nname = \"{name}\"\nram = \"1MiB\"\n{more}");
    Request::Create { file: None, domain }
}

#[test]
fn a_domain_made_at_run_time_gets_its_socket_with_its_owner() {
    let argod = Argod::start(&format!("cage = \"require\"\n{}", open_system(&[])));
    let is_root = rustix::process::getuid().is_root();
    let owner = if is_root { USER } else { rustix::process::getuid().as_raw() };
    let more = format!("uid = {owner}\nmode = \"0620\"\n");
    let _: Changed = argod.admin().request(&create("later", &more)).unwrap();
    let meta = fs::metadata(argod.socket("later")).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o777), (owner, 0o620));
    let _session = argod.attach("later");
    let destroy = Request::Destroy { domain: "later".to_owned() };
    let _: Changed = argod.admin().request(&destroy).unwrap();
    assert!(!argod.socket("later").exists());
}

#[test]
fn a_socket_elsewhere_is_refused_and_everything_goes_on() {
    let argod = Argod::start(&format!("cage = \"require\"\n{}", open_system(&[(1, "guest")])));
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("later.sock");
    let create = create("later", &format!("socket = {path:?}\n"));
    let refused = argod.admin().request::<Changed>(&create).unwrap_err().to_string();
    assert!(refused.contains("only in folders"), "{refused}");
    assert!(!path.exists());
    let _session = argod.attach("guest");
}

#[test]
fn without_its_doorkeeper_argod_serves_on_and_says_what_is_missing() {
    let argod = Argod::start(&format!("cage = \"require\"\n{}", open_system(&[(1, "guest")])));
    let keeper = doorkeeper(&argod).to_string();
    assert!(Command::new("kill").args(["-s", "KILL", &keeper]).status().unwrap().success());
    for _ in 0..2 {
        let refused = argod.admin().request::<Changed>(&create("later", "")).unwrap_err();
        assert!(refused.to_string().contains("doorkeeper has ended"), "{refused}");
    }
    let _session = argod.attach("guest");
}

/// A program that runs a daemon beside other things keeps what it may do.
#[test]
fn a_daemon_in_a_process_of_somebody_elses_cages_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("runtime_dir = {:?}\ncage = \"require\"\n", dir.path());
    let _daemon = Daemon::start(Config::parse("test", &text).unwrap()).unwrap();
    let status = of_process(std::process::id());
    assert_eq!((&*status["NoNewPrivs"], &*status["Seccomp"]), ("0", "0"));
    fs::write(dir.path().join("file"), "made").unwrap();
}

/// A domain that says the socket of another.
#[test]
fn a_path_that_is_taken_is_refused_and_stays_whose_it_was() {
    let argod = Argod::start(&format!("cage = \"require\"\n{}", open_system(&[(1, "guest")])));
    let create = create("later", &format!("socket = {:?}\n", argod.socket("guest")));
    let refused = argod.admin().request::<Changed>(&create).unwrap_err().to_string();
    assert!(refused.contains("another process is serving"), "{refused}");
    assert_eq!(argod.attach("guest").domain().raw(), 1);
}

/// A pipe can be read once, and by one process.
#[test]
fn a_configuration_that_is_no_file_is_enough_for_both() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("made/for/sockets");
    let text = format!(
        "runtime_dir = {folder:?}\ncage = \"require\"\nadmin.socket = {:?}\n",
        dir.path().join("admin.sock")
    );
    let mut process = Killed(
        Command::new(env!("CARGO_BIN_EXE_argod"))
            .args(["--config", "/dev/stdin"])
            .stdin(Stdio::piped())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap(),
    );
    process.0.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let log = || fs::read_to_string(dir.path().join("log")).unwrap();
    wait_until("argod is ready", || log().contains(" ready "));
    assert_eq!(of_process(process.0.id())["Seccomp"], "2");
    let mut admin = AdminClient::connect(&dir.path().join("admin.sock")).unwrap();
    let _: Changed = admin.request(&create("later", "")).unwrap();
    assert!(folder.join("later.sock").exists());
    let refused = admin.request::<Reloaded>(&Request::Reload).unwrap_err().to_string();
    assert!(refused.contains("/dev/stdin"), "{refused}");
}

/// As editors do: a new file takes the place of the old one.
#[test]
fn a_configuration_that_was_replaced_is_read_again() {
    let argod = Argod::start("cage = \"require\"\n");
    let (file, new) = (argod.path("argod.toml"), argod.path("new"));
    let text = fs::read_to_string(&file).unwrap();
    let rule = "[[policy]]\nhook = \"enable\"\nfrom = \"any\"\n";
    fs::write(&new, format!("{text}{rule}")).unwrap();
    fs::rename(&new, &file).unwrap();
    let reloaded: Reloaded = argod.admin().request(&Request::Reload).unwrap();
    assert_eq!((reloaded.policy_rules, reloaded.restart_needed), (1, false));
    fs::write(&file, "policy = 3\n").unwrap();
    let refused = argod.admin().request::<Reloaded>(&Request::Reload).unwrap_err().to_string();
    assert!(refused.contains("argod.toml:1"), "{refused}");
    fs::remove_file(&file).unwrap();
    let refused = argod.admin().request::<Reloaded>(&Request::Reload).unwrap_err().to_string();
    assert!(refused.contains("No such file"), "{refused}");
}

#[test]
fn who_is_not_root_is_caged_in_the_same_way() {
    if !rustix::process::getuid().is_root() {
        return effort::skipped("argod as another user: takes root");
    }
    let dir = tempfile::tempdir().unwrap();
    chown(dir.path(), Some(USER), Some(USER)).unwrap();
    let binary = dir.path().join("argod");
    // Not written by this process: its other tests' children would hold it open, and it be "busy".
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_argod")).arg(&binary).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(&binary);
    command.uid(USER).gid(USER).stdin(Stdio::null());
    let text = format!("cage = \"require\"\n{}", open_system(&[(1, "guest")]));
    let argod = Argod::start_by(command, dir, &text);
    let _session = argod.attach("guest");
    for (name, status) in threads(&argod) {
        assert_eq!(status["CapEff"], "0000000000000000", "{name}");
        assert_eq!((&*status["NoNewPrivs"], &*status["Seccomp"]), ("1", "2"), "{name}");
    }
}
