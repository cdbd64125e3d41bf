//! Where something stands.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::report::Report;

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text's name.
    pub file: Arc<str>,
    /// The line where it begins, from 1.
    pub line: usize,
}

impl Place {
    pub(super) fn new(report: &Report<'_>, span: Range<usize>) -> Self {
        Self { file: report.file.clone(), line: report.line(span.start) }
    }
}

/// `FILE:LINE`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
