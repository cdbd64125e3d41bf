//! Conformance traces as they are read from files, and their replay on the engine. What is no trace
//! is refused with a line that the file has; what is one is carried out up to a difference at one of
//! its lines, and the same way twice.
#![no_main]

use std::path::Path;

use argod::replay::{EngineWorld, Entry, Record, Trace, TraceError, replay};
use libfuzzer_sys::fuzz_target;

/// So that a run takes milliseconds.
const PAGES_MAX: u64 = 256;
const BYTES_MAX: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    match Trace::parse(Path::new("trace"), bytes) {
        Err(TraceError::Malformed { line, found, expected, .. }) => {
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            assert!(!found.is_empty() && !expected.is_empty());
        }
        Err(other) => panic!("{other}"),
        Ok(trace) => carry_out(&trace),
    }
});

fn carry_out(trace: &Trace) {
    if trace.entries().iter().map(cost).sum::<u64>() > PAGES_MAX * 4096 + BYTES_MAX {
        return;
    }
    let once = || replay(trace, &mut EngineWorld::new(trace.system())).err();
    let told = once().map(|failure| (failure.line, failure.to_string()));
    assert_eq!(told, once().map(|failure| (failure.line, failure.to_string())));
    let is_record = |line| trace.entries().iter().any(|entry| entry.line == line);
    assert!(told.is_none_or(|(line, _)| is_record(line)));
}

/// Bytes that a record touches.
fn cost(entry: &Entry) -> u64 {
    match &entry.record {
        Record::Domain { pages, .. } => pages * 4096,
        Record::Fill { len, .. } => *len,
        Record::Check(check) => check.len,
        _ => 64,
    }
}
