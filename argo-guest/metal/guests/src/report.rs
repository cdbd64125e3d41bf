//! What a guest tells about what it tried.

use core::fmt;

/// Takes a guest's lines.
pub struct Report<'t> {
    tell: &'t mut dyn FnMut(fmt::Arguments<'_>),
    failed: bool,
}

impl<'t> Report<'t> {
    /// Lines go to `tell`.
    pub fn new(tell: &'t mut dyn FnMut(fmt::Arguments<'_>)) -> Self {
        Self { tell, failed: false }
    }

    /// Tells something that nobody judges.
    pub fn note(&mut self, what: fmt::Arguments<'_>) {
        (self.tell)(format_args!("note: {what}"));
    }

    /// Tells whether something is as it should be: who watches the guest waits for this line.
    pub fn check(&mut self, name: &str, well: bool) {
        self.failed |= !well;
        (self.tell)(format_args!("check: {name}: {}", if well { "ok" } else { "FAILED" }));
    }

    /// The same for two values, of which the first is what was found.
    pub fn equal<T: PartialEq + fmt::Debug>(&mut self, name: &str, found: T, right: T) {
        if found != right {
            self.note(format_args!("{name}: {found:?}, and not {right:?}"));
        }
        self.check(name, found == right);
    }

    /// Tells what was done instead of ending well.
    pub fn broken(&mut self, name: &str, why: impl fmt::Display) {
        self.note(format_args!("{name}: {why}"));
        self.check(name, false);
    }

    /// Tells what was answered to a question: it has to be answered so everywhere.
    pub fn answer(&mut self, question: &str, answer: fmt::Arguments<'_>) {
        (self.tell)(format_args!("probe: {question:<45} {answer}"));
    }

    /// Whether something was not as it should be.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Tells that nothing more comes.
    pub fn done(&mut self) {
        (self.tell)(format_args!("done"));
    }
}
