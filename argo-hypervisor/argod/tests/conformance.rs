//! The engine does what Xen does, but for the faults of Xen's that it mends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

use std::fs;
use std::path::{Path, PathBuf};

use argod::replay::{EngineWorld, Failure, Trace, replay};

fn traces_in(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(folder);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn run(file: &Path) -> Result<(), Failure> {
    let trace = Trace::open(file).unwrap();
    replay(&trace, &mut EngineWorld::new(trace.system()))
}

#[test]
fn every_public_trace_passes() {
    let failures: Vec<_> = traces_in("public").iter().filter_map(|file| run(file).err()).collect();
    assert!(
        failures.is_empty(),
        "{}",
        failures.iter().map(|f| format!("{f}\n")).collect::<String>()
    );
}

/// Each trace that shows a fault which the engine mends stops at the record that shows it; those
/// that show a choice which it shares with Xen pass.
#[test]
fn quirks_differ_where_a_fault_is_mended() {
    let lines: Vec<_> = traces_in("quirks")
        .iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name[..2].to_owned(), run(file).err().map(|failure| failure.line))
        })
        .collect();
    let lines: Vec<_> = lines.iter().map(|(name, line)| (name.as_str(), *line)).collect();
    let expected = [
        ("q1", Some(16)),
        ("q2", Some(138)),
        ("q3", Some(265)),
        ("q4", Some(390)),
        ("q5", Some(17)),
        ("q6", None),
        ("q7", None),
        ("q8", None),
        ("q9", None),
    ];
    assert_eq!(lines, expected);
}
