//! The recorded traces that come with the project can all be read.

use std::error::Error;
use std::fs;
use std::path::Path;

use argod::replay::{Record, Trace};

fn traces_in(folder: &str) -> Result<Vec<Trace>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(folder);
    fs::read_dir(folder)?.map(|entry| Ok(Trace::open(&entry?.path())?)).collect()
}

#[test]
fn every_trace_is_read_whole() {
    let (public, quirks) = (traces_in("public").unwrap(), traces_in("quirks").unwrap());
    assert_eq!((public.len(), quirks.len()), (203, 9));
    for trace in public.iter().chain(&quirks) {
        let lines = fs::read_to_string(trace.file()).unwrap().lines().count();
        assert_eq!(trace.entries().len() + 1, lines, "{}", trace.file().display());
        let last = trace.entries().last().map(|entry| entry.line);
        assert_eq!(last, Some(lines), "{}", trace.file().display());
    }
}

/// Counted apart from the reader, by the text of the lines.
#[test]
fn every_call_and_check_is_kept() {
    for trace in traces_in("public").unwrap() {
        let text = fs::read_to_string(trace.file()).unwrap();
        let of_kind = |kind: &str| {
            let start = format!("{{\"t\":\"{kind}\",");
            text.lines().filter(|line| line.starts_with(&start)).count()
        };
        let kept = |is: fn(&Record) -> bool| {
            trace.entries().iter().filter(|entry| is(&entry.record)).count()
        };
        assert_eq!(kept(|record| matches!(record, Record::Op(_))), of_kind("op"));
        assert_eq!(kept(|record| matches!(record, Record::Check(_))), of_kind("check"));
    }
}
