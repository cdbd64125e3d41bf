//! What a line of Xen's console says, and about which domain.

/// What a domain says of itself, or is said of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'l> {
    /// An answer or the outcome of a check: what counts.
    Told(&'l str),
    /// Something for people.
    Note,
    /// Nothing more comes.
    Done,
    /// It, or Xen, has come to an end that nobody meant.
    Fault(&'l str),
}

/// A guest's panic and its trap, in its own words, then Xen's about a guest and about itself.
const FAULTS: [&str; 4] = ["panicked at ", "trap: ", "crashed", "Panic on CPU"];

/// `None`: it says nothing about a guest. A control domain's lines have no number before them; what Xen
/// says of its own fault is put down to it, too.
pub fn said(line: &str) -> Option<(u32, Said<'_>)> {
    if let Some((before, said)) = line.split_once("guest: ") {
        let told = ["check: ", "probe: "].iter().find_map(|kind| said.strip_prefix(kind));
        let done = if said == "done" { Said::Done } else { Said::Note };
        return Some((domain(before), told.map_or(done, Said::Told)));
    }
    let at = FAULTS.iter().find_map(|fault| line.find(fault))?;
    let (before, fault) = line.split_at(at);
    let (domain, fault) = match before.strip_prefix("(XEN)") {
        Some(before) => (domain_of_xen(before), line),
        None => (domain(before), fault),
    };
    // Where in the program it was is otherwise with each build.
    let place = fault.find(" at 0x").unwrap_or(fault.len());
    Some((domain, Said::Fault(fault.get(..place)?)))
}

/// In `Domain 1 (vcpu#0) crashed`.
fn domain_of_xen(before: &str) -> u32 {
    let number = before.trim_start().strip_prefix("Domain ");
    number.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

fn domain(before: &str) -> u32 {
    let number = before.trim().strip_prefix("(d").and_then(|rest| rest.strip_suffix(')'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether Xen counts down to its guests' start: `3... 2... 1...`, without an end of the line before it
/// has come to it.
pub fn is_countdown(line: &str) -> bool {
    line.trim_start_matches("(XEN)").trim_start().starts_with("3...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_something_of_a_domain_or_nothing() {
        let lines = [
            ("(XEN) d1v0 argo: vm1 connection refused", None),
            ("(d1) guest: note: nothing", Some((1, Said::Note))),
            ("(d1) guest: check: a ring: ok", Some((1, Said::Told("a ring: ok")))),
            ("guest: probe: op 0     -95", Some((0, Said::Told("op 0     -95")))),
            ("(d2) guest: done", Some((2, Said::Done))),
            ("(d2) panicked at src/a.rs:1:2:", Some((2, Said::Fault("panicked at src/a.rs:1:2:")))),
            (
                "(d3) trap: syndrome 0xf2000077 at 0x40080100, address 0x0",
                Some((3, Said::Fault("trap: syndrome 0xf2000077"))),
            ),
            (
                "(XEN) Domain 1 (vcpu#0) crashed on cpu#0:",
                Some((1, Said::Fault("(XEN) Domain 1 (vcpu#0) crashed on cpu#0:"))),
            ),
            ("(XEN) Panic on CPU 0:", Some((0, Said::Fault("(XEN) Panic on CPU 0:")))),
        ];
        for (line, expected) in lines {
            assert_eq!(said(line), expected, "{line}");
        }
    }

    #[test]
    fn a_countdown_may_be_under_way() {
        assert!(is_countdown("(XEN) 3... 2... 1... "));
        assert!(is_countdown("(XEN) 3..."));
        assert!(!is_countdown("(XEN) Freed 372kB init memory."));
    }
}
