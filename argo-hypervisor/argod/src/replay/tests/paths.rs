use std::fs;
use std::path::Path;

use super::super::{ReplayError, Summary, System, World, WorldError, replay_paths};
use super::SYSTEM;
use super::scripted::Scripted;

fn scripted(_system: &System) -> Result<Box<dyn World>, WorldError> {
    Ok(Box::new(Scripted::answering(0, &[])))
}

/// Replays and answers the summary and the report, which ends with a line break.
fn report(paths: &[&Path]) -> Result<(Summary, String), ReplayError> {
    let mut out = Vec::new();
    let summary = replay_paths(paths, scripted, &mut out)?;
    Ok((summary, String::from_utf8(out).unwrap()))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, records) in files {
        fs::write(folder.path().join(name), format!("{SYSTEM}\n{records}\n")).unwrap();
    }
    folder
}

const PASSES: &str = r#"{"t":"deny","hook":"enable","src":1}"#;
const FAILS: &str = r#"{"t":"domain","id":1,"pages":2}
{"t":"check","dom":1,"addr":4096,"len":1,"hex":"01"}"#;

#[test]
fn a_folder_is_replayed_in_natural_order_and_each_failure_told() {
    let folder = folder(&[
        ("r10.jsonl", FAILS),
        ("r2.jsonl", "nonsense"),
        ("r1.jsonl", PASSES),
        ("notes.txt", FAILS),
    ]);
    let (summary, report) = report(&[folder.path()]).unwrap();
    assert_eq!(summary, Summary { traces: 3, failed: 2 });
    assert!(!summary.all_passed());
    let report = report.replace(&folder.path().display().to_string(), "F");
    assert_eq!(
        report,
        "F/r2.jsonl:2: malformed\n  expected one JSON object\n  got      expected ident, column 2\n\
         F/r10.jsonl:3: check dom 1 addr 0x1000 len 1\n  expected 01\n  got      00\n\
         3 traces, 2 failed\n"
    );
}

#[test]
fn passing_traces_leave_only_the_last_line() {
    let folder = folder(&[("a.jsonl", PASSES), ("b.jsonl", PASSES)]);
    let file = folder.path().join("a.jsonl");
    let (summary, report) = report(&[&file, folder.path()]).unwrap();
    assert!(summary.all_passed());
    assert_eq!(report, "3 traces, 0 failed\n");
}

#[test]
fn what_cannot_be_read_has_failed() {
    let folder = folder(&[("a.jsonl", PASSES)]);
    let missing = folder.path().join("b.jsonl");
    let (_, report) = report(&[&missing, folder.path()]).unwrap();
    assert!(report.starts_with(&format!("{}: unreadable\n", missing.display())), "{report}");
    assert!(report.ends_with("\n2 traces, 1 failed\n"), "{report}");
}

#[test]
fn nothing_to_replay_is_an_error() {
    let empty = folder(&[("notes.txt", PASSES)]);
    assert!(matches!(report(&[]), Err(ReplayError::NoPath)));
    let error = report(&[empty.path()]).unwrap_err();
    assert!(matches!(error, ReplayError::NoTrace { ref folder } if folder == empty.path()));
}

#[test]
fn a_world_that_cannot_begin_fails_its_trace() {
    let folder = folder(&[("a.jsonl", PASSES)]);
    let mut out = Vec::new();
    let broken = |_: &System| -> Result<Box<dyn World>, WorldError> { Err("no argod".into()) };
    let summary = replay_paths(&[folder.path()], broken, &mut out).unwrap();
    assert_eq!(summary, Summary { traces: 1, failed: 1 });
    let report = String::from_utf8(out).unwrap();
    assert!(report.contains("a.jsonl:1: system\n"), "{report}");
    assert!(report.contains("  got      no argod\n1 traces, 1 failed\n"), "{report}");
}
