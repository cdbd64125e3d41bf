//! The program as a user calls it.
#![allow(clippy::unwrap_used, reason = "a test says by a panic what went wrong")]

use std::fs;
use std::process::{Command, Output};

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_names_every_group_and_no_inner_option() {
    let output = compare(&["--help"]);
    let help = text(&output.stdout);
    assert!(output.status.success());
    for group in benches::groups::GROUPS {
        assert!(help.contains(group.name), "{} in {help}", group.name);
    }
    assert!(!help.contains("--role"), "{help}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let wrong: [&[&str]; 6] = [
        &["no-such-group"],
        &["--rounds", "0"],
        &["--effort", "0"],
        &["--effort", "nan"],
        &["--write"],
        &["--format", "xml"],
    ];
    for arguments in wrong {
        let output = compare(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

/// On a busy machine all rounds may be disturbed: then the values are no numbers, and everything
/// else is the same.
#[test]
fn a_quick_run_ends_with_a_line_for_each_ratio() {
    let folder = tempfile::tempdir().unwrap();
    let plots = folder.path().join("plots");
    let options = ["datagrams", "--quick", "--effort", "0.001", "--rounds", "1", "--plots"];
    let output = compare(&[&options[..], &[plots.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split(' ').collect()).collect();
    let ratios: Vec<_> = lines.iter().skip_while(|words| words[0] != "ratio").collect();
    let expected = [
        ("4", "argod_vs_unix_64k", "1.5"),
        ("4", "argod_vs_relay_64k", "4"),
        ("5", "argod_vs_unix_64", "2"),
        ("5", "argod_vs_relay_64", "5"),
    ];
    for (row, name, target) in expected {
        let line = ratios.iter().find(|words| words.get(2) == Some(&name)).unwrap();
        assert_eq!((line[1], line[4], line.len()), (row, target, 5));
        assert!(line[3] == "nan" || line[3].parse::<f64>().unwrap() > 0.0, "{told}");
    }
    assert_eq!(ratios.len(), expected.len(), "{told}");
    assert_eq!(fs::read_dir(plots).unwrap().count(), 3, "a picture a case");
}

#[test]
fn a_guard_that_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guard.tsv");
    fs::write(&file, "name\tratio\nargod_vs_unix_64 2\n").unwrap();
    // No group has this row, so that nothing is measured.
    let output = compare(&["--row", "99", "--guard", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 2"), "{}", text(&output.stderr));
}

#[test]
fn round_trips_take_longer_than_a_system_call() {
    let options = ["--quick", "--effort", "0.005", "--rounds", "1", "--strangers", "1e9"];
    let output = compare(&[&["round-trips", "--format", "json"], &options[..]].concat());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for contestant in document["cases"][0]["contestants"].as_array().unwrap() {
        let round = contestant["samples"][0].clone();
        let [p50, p99, tail]: [f64; 3] = serde_json::from_value(round).unwrap();
        assert!(100.0 < p50 && p50 <= p99, "{contestant}");
        assert!((tail - p99 / p50).abs() < 1e-9 * tail, "{contestant}");
    }
}
