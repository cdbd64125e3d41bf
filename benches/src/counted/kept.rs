//! The counts that are kept in the repository, and how new ones differ from them.

use std::collections::BTreeMap;
use std::fmt::Write;

/// How much a count may differ, as a share of the one that is kept.
pub const TOLERANCE: f64 = 0.05;

/// Counts by the name of the path, and the compiler that they depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// What `rustc --version` says.
    pub compiler: String,
    /// Instructions a call.
    pub paths: BTreeMap<String, f64>,
}

/// How a count differs from the one that is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// By no more than may be.
    Same,
    /// It is this much more, as a share of what it was.
    Grew(f64),
    /// It is this much less.
    Fell(f64),
    /// None is kept.
    New,
}

const COMPILER: &str = "# counted with ";

impl Counts {
    /// What a file of counts says; lines that it cannot have written count for nothing.
    pub fn parse(text: &str) -> Self {
        let compiler = text.lines().find_map(|line| line.strip_prefix(COMPILER));
        let path = |line: &str| {
            let (name, count) = line.split_once('\t')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        let paths = text.lines().filter_map(path).collect();
        Self { compiler: compiler.unwrap_or_default().to_owned(), paths }
    }

    /// The file that says this.
    pub fn file(&self) -> String {
        let mut text = format!(
            "# Instructions a call, written by `cargo run --release -p benches --bin instructions -- --write`\n\
             {COMPILER}{}\nname\tinstructions\n",
            self.compiler
        );
        for (name, count) in &self.paths {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}\t{count:.1}");
        }
        text
    }

    /// How a new count of this path differs.
    pub fn change(&self, name: &str, count: f64) -> Change {
        let Some(kept) = self.paths.get(name) else { return Change::New };
        match count / kept - 1.0 {
            more if more > TOLERANCE => Change::Grew(more),
            less if less < -TOLERANCE => Change::Fell(-less),
            _ => Change::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let paths = [("sendv_64".to_owned(), 512.5), ("take_64".to_owned(), 60.0)].into();
        let counts = Counts { compiler: "rustc 1.95.0".into(), paths };
        assert_eq!(Counts::parse(&counts.file()), counts);
    }

    #[test]
    fn a_twentieth_more_or_less_is_the_same() {
        let counts = Counts::parse("sendv_64\t100.0\n");
        let change = |count| counts.change("sendv_64", count);
        assert_eq!((change(104.9), change(95.1)), (Change::Same, Change::Same));
        assert!(matches!(change(106.0), Change::Grew(share) if (share - 0.06).abs() < 1e-9));
        assert!(matches!(change(94.0), Change::Fell(share) if (share - 0.06).abs() < 1e-9));
        assert_eq!(counts.change("other", 1.0), Change::New);
    }
}
