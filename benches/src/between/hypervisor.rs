//! argod as a process of its own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use argod::config::Config;
use argod::daemon::Daemon;

use super::party::Party;
use crate::case::Failure;

/// Where its configuration is.
fn configuration(dir: &Path) -> PathBuf {
    dir.join("argod.toml")
}

/// Starts one for domains of these names, the first of which has the id 1, with so much RAM each;
/// they may do everything that measuring takes. Their sockets are in `dir`.
///
/// # Errors
/// It does not start.
pub fn start(dir: &Path, domains: &[&str], ram: &str) -> Result<Party, Failure> {
    let domains: Vec<_> = domains.iter().map(|name| (*name, ram)).collect();
    start_each(dir, &domains)
}

/// The same for domains of these names with so much RAM.
///
/// # Errors
/// It does not start.
pub fn start_each(dir: &Path, domains: &[(&str, &str)]) -> Result<Party, Failure> {
    let mut text = format!("runtime_dir = {dir:?}\nwildcard_rings = true\n{POLICY}");
    for (id, (name, ram)) in (1..).zip(domains) {
        write!(text, "[[domain]]\nid = {id}\nname = {name:?}\nram = {ram:?}\n")?;
    }
    start_with(dir, &text)
}

/// Starts one with this configuration.
///
/// # Errors
/// It does not start.
pub fn start_with(dir: &Path, text: &str) -> Result<Party, Failure> {
    fs::write(configuration(dir), text)?;
    let mut argod = Party::start("argod", dir)?;
    argod.answer()?;
    Ok(argod)
}

const POLICY: &str = r#"
policy = [
  { hook = ["enable", "register_any_source"], from = "any" },
  { hook = ["register_single_source", "send", "grant", "event_channel"], from = "any", to = "any" },
]
port = [{ from = "any", to = "any", to_port = "any" }]
store = [{ from = "any", path = "/local/domain", access = "write" }]
"#;

/// Its life, with the configuration in `dir`.
///
/// # Errors
/// It does not start, or broke.
pub fn live(dir: &Path) -> Result<(), Failure> {
    let daemon = Daemon::start(Config::load(&configuration(dir))?)?;
    println!("ok");
    daemon.join()?;
    Ok(())
}
