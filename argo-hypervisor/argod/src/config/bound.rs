//! What all rules together may have at most.

use std::ops::Range;

use super::report::Report;

/// A running total with a limit; the rule that goes beyond it is told.
pub(super) struct Bound {
    what: &'static str,
    limit: usize,
    total: usize,
}

impl Bound {
    pub(super) fn new(what: &'static str, limit: usize) -> Self {
        Self { what, limit, total: 0 }
    }

    /// Adds what stands at `span`; whether the total is still within the limit.
    pub(super) fn add(&mut self, report: &Report<'_>, span: Range<usize>, amount: usize) -> bool {
        let Self { what, limit, total } = self;
        let before = *total;
        *total = total.saturating_add(amount);
        if before <= *limit && *total > *limit {
            let expected = format!("at most {limit} in all rules together");
            report.mismatch(span, format!("{total} {what} up to here"), expected);
        }
        *total <= *limit
    }
}
