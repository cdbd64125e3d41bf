//! What is wrong with a text, said so that it can be mended: where, what was found, what was
//! expected.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

/// Problems that are told about one configuration; further ones are only counted.
pub const PROBLEMS_MAX: usize = 100;
/// Characters of a line that are shown.
const SHOWN_MAX: usize = 100;

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The text's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was found, and what was expected.
    pub message: String,
    excerpt: Excerpt,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, excerpt } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", excerpt.text)?;
        write!(f, "{margin} | {}{}", excerpt.indent, "^".repeat(excerpt.carets))
    }
}

/// The part of a line that is shown under a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    indent: String,
    carets: usize,
}

impl Excerpt {
    /// Shows `marked` characters of `line` from `column` (from 0) on. Control characters are
    /// replaced: the text may come from a stranger and go to a terminal.
    fn new(line: &str, column: usize, marked: usize) -> Self {
        let skipped = column.saturating_sub(SHOWN_MAX / 2);
        let shown = |c: char| if c.is_control() && c != '\t' { '\u{FFFD}' } else { c };
        let text: String = line.chars().skip(skipped).take(SHOWN_MAX).map(shown).collect();
        let before = column - skipped;
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let indent = text.chars().take(before).map(blank).collect();
        let room = text.chars().count().saturating_sub(before);
        Self { carets: marked.min(room).max(1), text, indent }
    }
}

/// Everything that is wrong with a text, or with several, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The problems, at most [`PROBLEMS_MAX`].
    pub told: Vec<Problem>,
    /// How many more there are.
    pub untold: usize,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.told.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        if self.untold > 0 {
            write!(f, "\n\nand {} more problems", self.untold)?;
        }
        Ok(())
    }
}

/// A text under examination, and what was found wrong with it so far.
pub(super) struct Report<'a> {
    /// The text's name.
    pub(super) file: Arc<str>,
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    found: RefCell<Vec<(Range<usize>, String)>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after).collect();
        Self { file: file.into(), text, lines, found: RefCell::default() }
    }

    /// Notes a problem.
    pub(super) fn add(&self, span: Range<usize>, message: impl Into<String>) {
        self.found.borrow_mut().push((span, message.into()));
    }

    /// Notes a problem in the one form that most have.
    pub(super) fn mismatch(
        &self,
        span: Range<usize>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) {
        self.add(span, format!("found {found}, expected {expected}"));
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The root table, if the text is TOML; else what is wrong is noted.
    pub(super) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            self.add(error.span().unwrap_or_default(), error.message());
        }
        root
    }

    /// The end of an examination of several texts: the value, unless something is wrong.
    pub(super) fn conclude<T>(reports: Vec<Self>, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if reports.iter().all(Self::is_clean) => Ok(value),
            _ => {
                let mut told: Vec<_> = reports.iter().flat_map(Self::problems).collect();
                let untold = told.len().saturating_sub(PROBLEMS_MAX);
                told.truncate(PROBLEMS_MAX);
                Err(Problems { told, untold })
            }
        }
    }

    /// What is wrong, in the order of the text.
    fn problems(&self) -> impl Iterator<Item = Problem> {
        let mut found = self.found.borrow().clone();
        found.sort_by_key(|(span, _)| span.start);
        found.into_iter().map(|(span, message)| self.locate(span, message))
    }

    fn locate(&self, span: Range<usize>, message: String) -> Problem {
        let number = self.line(span.start);
        let line = self.text[self.lines[number - 1]..].lines().next().unwrap_or_default();
        let column = self.between(self.lines[number - 1], span.start);
        let marked = self.between(span.start, span.end);
        Problem {
            file: self.file.to_string(),
            line: number,
            column: column + 1,
            message,
            excerpt: Excerpt::new(line, column, marked),
        }
    }

    /// How many characters are between two places.
    fn between(&self, start: usize, end: usize) -> usize {
        self.text.get(start..end).map_or(0, |part| part.chars().count())
    }
}
