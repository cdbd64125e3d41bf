//! Paths that stand for all that several rules are about at once.

use std::collections::{BTreeSet, VecDeque};

/// Paths that are looked at for one domain.
pub(super) const CROSSINGS_MAX: usize = 1024;

/// These paths, and for all that are about some nodes together a path of those nodes: whoever asks
/// about each of them has asked about everything that rules of these paths tell apart. `None`: there
/// are more than [`CROSSINGS_MAX`].
pub(super) fn with_crossings(mut paths: BTreeSet<String>) -> Option<BTreeSet<String>> {
    let mut new: VecDeque<String> = paths.iter().cloned().collect();
    while let Some(path) = new.pop_front() {
        let crossings: Vec<_> = paths.iter().filter_map(|other| crossing(&path, other)).collect();
        new.extend(crossings.into_iter().filter(|crossing| paths.insert(crossing.clone())));
        if paths.len() > CROSSINGS_MAX {
            return None;
        }
    }
    Some(paths)
}

/// The path of what two paths are both about, if that is anything.
fn crossing(one: &str, other: &str) -> Option<String> {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    let mut both = Vec::new();
    loop {
        both.push(match (ones.next(), others.next()) {
            (None, None) => return Some(both.join("/")),
            // What ends here goes on with anything; `/` is nothing but its slash.
            (Some("") | None, Some(more)) | (Some(more), Some("") | None) => more,
            (Some("*"), Some(name)) | (Some(name), Some("*")) => name,
            (Some(name), Some(same)) if name == same => name,
            (Some(_), Some(_)) => return None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossed(paths: &[&str]) -> Option<BTreeSet<String>> {
        with_crossings(paths.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn what_two_paths_are_both_about() {
        let both = |one, other| crossing(one, other).unwrap_or_default();
        assert_eq!(both("/a/b", "/a"), "/a/b");
        assert_eq!(both("/", "/a"), "/a");
        assert_eq!(both("/", "/"), "/");
        assert_eq!(both("/*/c", "/a"), "/a/c");
        assert_eq!(both("/a/*", "/*/b/c"), "/a/b/c");
        assert_eq!(both("/a/*", "/*/*"), "/a/*");
        assert_eq!(crossing("/a", "/b"), None);
        assert_eq!(crossing("/a/b", "/a/c"), None);
    }

    #[test]
    fn crossings_of_crossings_and_their_limit() {
        let all = crossed(&["/a/*/*", "/*/b/*", "/*/*/c"]).unwrap();
        assert_eq!(all.len(), 7);
        assert!(all.contains("/a/b/c"));
        let one = |at: usize| {
            let names = (0..11).map(|place| if place == at { "/x" } else { "/*" });
            names.collect::<String>()
        };
        let many: Vec<_> = (0..11).map(one).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(crossed(&many[..10]).unwrap().len(), 1023);
        assert_eq!(crossed(&many), None, "2^11 - 1");
    }
}
