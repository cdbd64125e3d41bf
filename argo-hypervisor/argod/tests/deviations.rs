//! docs/deviations.md names tests that exist.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn every_test_named_in_the_deviations_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/deviations.md")).unwrap();
    let quoted: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let pairs = quoted.windows(2).filter(|pair| pair[1].ends_with(".rs"));
    let sources: BTreeMap<&str, String> =
        pairs.map(|pair| (pair[0], fs::read_to_string(root.join(pair[1])).unwrap())).collect();
    let named: Vec<_> = quoted
        .iter()
        .filter_map(|quoted| quoted.split_once("::"))
        .filter(|(file, _)| *file != "FILE")
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for (file, test) in named {
        let source = sources.get(file).unwrap_or_else(|| panic!("{file} is not explained"));
        assert!(source.contains(&format!("\nfn {test}()")), "{file}::{test}");
    }
}
