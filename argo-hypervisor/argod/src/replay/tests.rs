//! The reader of traces, and the runner's own report of differences.

mod paths;
mod reading;
mod running;
mod scripted;

use std::path::Path;

use super::{Trace, TraceError};

const SYSTEM: &str =
    r#"{"t":"system","version":1,"argo":true,"mac_permissive":true,"note":"a test"}"#;

/// A trace of these records after a `system` record on line 1.
fn trace(records: &[&str]) -> Result<Trace, TraceError> {
    let lines = [&[SYSTEM], records].concat();
    Trace::parse(Path::new("t.jsonl"), lines.join("\n").as_bytes())
}
