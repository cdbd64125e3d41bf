//! How much a check does that could go on for ever: random histories, attacks, fuzzing.
//!
//! `ARGO_EFFORT`, a whole number, multiplies it: without it a check is short enough for every run of
//! the tests, `cargo xtask assurance --long` sets it. What was done is said in one line, which
//! `cargo xtask assurance` finds in the output and adds up.
//!
//! ```
//! for history in 0..effort::cases(200) {
//!     // … run history number `history` …
//! }
//! effort::ran(effort::cases(200).into(), "histories of the engine");
//! ```
#![forbid(unsafe_code)]

use std::time::Duration;

/// What multiplies all numbers of cases and durations here.
pub const VARIABLE: &str = "ARGO_EFFORT";

/// What the line of [`ran`] begins with.
pub const RAN: &str = "checked: ";

/// What the line of [`skipped`] begins with.
pub const SKIPPED: &str = "not checked: ";

/// So many cases, multiplied.
pub fn cases(usual: u32) -> u32 {
    usual.saturating_mul(factor())
}

/// So long, multiplied.
pub fn duration(usual: Duration) -> Duration {
    usual.saturating_mul(factor())
}

/// Says how many of what were run, by a test that passed.
pub fn ran(count: u64, what: &str) {
    println!("{RAN}{count} {what}");
}

/// Says why a check was not made: what it needs is not on this machine.
pub fn skipped(why: &str) {
    println!("{SKIPPED}{why}");
}

/// # Panics
/// The variable is something else than a number from 1 on: it was set to have more checked.
#[allow(
    clippy::panic,
    reason = "read by tests only, and who misspells it would believe more was run"
)]
fn factor() -> u32 {
    let Some(value) = std::env::var_os(VARIABLE) else { return 1 };
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|factor| *factor > 0);
    number.unwrap_or_else(|| panic!("{VARIABLE}={value:?}: expected a whole number from 1 on"))
}
