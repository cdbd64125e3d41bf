//! What start-up finds and sets up.

use crate::channel::Pending;
use crate::clock::Clock;
use crate::ram::LentRam;
use crate::xen::Xen;

/// A guest's machine: given to its main function, once.
pub struct Machine {
    /// The way to Xen.
    pub xen: Xen,
    /// Which ports have events.
    pub pending: Pending,
    /// The time.
    pub clock: &'static Clock,
    /// The RAM that Argo's calls may name.
    pub ram: LentRam,
    /// What the guest was told when it was started.
    pub command_line: &'static str,
}

impl Machine {
    /// The value of `name=value` on the command line.
    pub fn option(&self, name: &str) -> Option<&'static str> {
        option(self.command_line, name)
    }
}

pub(crate) fn option<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::option;

    #[test]
    fn options_are_whole_words_of_the_command_line() {
        let line = " role=client peer=1 roles=x quiet";
        assert_eq!(option(line, "role"), Some("client"));
        assert_eq!(option(line, "peer"), Some("1"));
        assert_eq!(option(line, "quiet"), None);
        assert_eq!(option(line, "pee"), None);
        assert_eq!(option("", "role"), None);
    }
}
