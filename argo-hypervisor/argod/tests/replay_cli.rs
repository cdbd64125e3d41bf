//! `argoctl replay` from the outside, on the engine and on argod.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const WAYS: [&str; 2] = ["engine", "argod"];

fn argoctl(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_argoctl")).args(arguments).args(paths).output().unwrap()
}

fn replay(via: &str, path: &Path) -> (Option<i32>, String) {
    let output = argoctl(&["replay", "--via", via], &[path]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn traces(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(folder)
}

/// A domain of one page, all of which faults, and one that registers a ring of 64 bytes: first in
/// page 2, which is no ordinary memory, then in page 3, which gives `ret`.
fn small_trace(ret: i32) -> String {
    let lines = [
        r#"{"t":"system","version":1,"argo":true,"mac_permissive":true,"note":"small"}"#,
        r#"{"t":"domain","id":1,"pages":1}"#,
        r#"{"t":"domain","id":2,"pages":4,"ro":[2]}"#,
        r#"{"t":"write","dom":2,"addr":4096,"hex":"07000000f47f000040000000"}"#,
        r#"{"t":"write","dom":2,"addr":4112,"hex":"02000000000000000300000000000000"}"#,
        r#"{"t":"op","dom":2,"cmd":1,"a1":4096,"a2":4112,"a3":1,"a4":0,"ret":-22,"virq":[]}"#,
        r#"{"t":"op","dom":2,"cmd":1,"a1":4096,"a2":4120,"a3":1,"a4":0,"ret":RET,"virq":[]}"#,
        r#"{"t":"op","dom":1,"cmd":2,"a1":4096,"a2":0,"a3":0,"a4":0,"ret":-14,"virq":[]}"#,
    ];
    lines.join("\n").replace("RET", &ret.to_string())
}

#[test]
fn every_public_trace_passes_both_ways() {
    for via in WAYS {
        let passed = (Some(0), "203 traces, 0 failed\n".to_owned());
        assert_eq!(replay(via, &traces("public")), passed, "via {via}");
    }
}

#[test]
fn quirks_fail_alike_both_ways() {
    let (status, report) = replay("engine", &traces("quirks"));
    assert_eq!(status, Some(1));
    assert_eq!(report.lines().last(), Some("9 traces, 5 failed"));
    for mended in ["/q1-", "/q2-", "/q3-", "/q4-", "/q5-"] {
        assert!(report.contains(mended), "{mended} in {report}");
    }
    assert_eq!(replay("argod", &traces("quirks")), (status, report));
}

#[test]
fn ro_pages_and_domains_of_one_page_are_as_on_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.jsonl"), small_trace(0)).unwrap();
    for via in WAYS {
        assert_eq!(replay(via, folder.path()), (Some(0), "1 traces, 0 failed\n".to_owned()));
    }
}

#[test]
fn a_mismatch_is_named_with_file_line_expected_and_got() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.jsonl"), small_trace(0)).unwrap();
    let file = folder.path().join("wrong.jsonl");
    fs::write(&file, small_trace(-28)).unwrap();
    let expected = format!(
        "{}:7: op dom 2 cmd 1 (register) a1 0x1000 a2 0x1018 a3 0x1 a4 0x0\n  \
         expected ret -28, virq []\n  got      ret 0, virq []\n2 traces, 1 failed\n",
        file.display()
    );
    for via in WAYS {
        assert_eq!(replay(via, folder.path()), (Some(1), expected.clone()));
    }
}

#[test]
fn a_malformed_trace_fails_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.jsonl");
    fs::write(&file, small_trace(0).replace("\"pages\":4", "\"pages\":-4")).unwrap();
    let (status, report) = replay("engine", &file);
    assert_eq!(status, Some(1));
    assert!(report.starts_with(&format!("{}:3: malformed\n", file.display())), "{report}");
    assert!(report.ends_with("\n1 traces, 1 failed\n"), "{report}");
    let missing = folder.path().join("missing.jsonl");
    let (status, report) = replay("engine", &missing);
    assert_eq!(status, Some(1));
    assert!(report.starts_with(&format!("{}: unreadable\n", missing.display())), "{report}");
}

#[test]
fn wrong_calls_are_told_from_failed_traces() {
    let folder = tempfile::tempdir().unwrap();
    let wrong: [(&[&str], &[&Path], &str); 3] = [
        (&["replay"], &[], "FILE_OR_FOLDER"),
        (&["replay"], &[folder.path()], "found no trace"),
        (&["replay", "--via", "argod", "--argod", "/nowhere/argod"], &[folder.path()], "/nowhere"),
    ];
    for (arguments, paths, said) in wrong {
        let output = argoctl(arguments, paths);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_an_argod_that_does_not_start_says_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.jsonl"), small_trace(0)).unwrap();
    // This program refuses the arguments of argod.
    let argod = env!("CARGO_BIN_EXE_argoctl");
    let output = argoctl(&["replay", "--via", "argod", "--argod", argod], &[folder.path()]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("small.jsonl:1: system\n"), "{report}");
    assert!(report.contains("argod did not start: error: "), "{report}");
}

#[test]
fn nothing_outlives_a_killed_replay() {
    let temporary = tempfile::tempdir().unwrap();
    let mut replay = Command::new(env!("CARGO_BIN_EXE_argoctl"))
        .args(["replay", "--via", "argod"])
        .arg(traces("public"))
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let guests = loop {
        let guests = processes_naming(temporary.path());
        if guests.len() >= 3 {
            break guests;
        }
        assert!(replay.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    };
    replay.kill().unwrap();
    replay.wait().unwrap();
    let begun = std::time::Instant::now();
    while guests.iter().any(|pid| is_running(pid)) || !processes_naming(temporary.path()).is_empty()
    {
        assert!(begun.elapsed().as_secs() < 10, "{:?}", processes_naming(temporary.path()));
        std::thread::yield_now();
    }
}

/// Processes with a path below `folder` among their arguments.
fn processes_naming(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.unwrap().file_name().into_string().ok()?;
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let names = String::from_utf8_lossy(&arguments).contains(folder.to_str()?);
        (names && is_running(&pid)).then_some(pid)
    });
    processes.collect()
}

/// Whether there is such a process, and it is no zombie that waits for its reaper.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}
