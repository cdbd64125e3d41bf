//! The claims of the security contract, and the checks that fail when one of them breaks.
//!
//! ```text
//! xtask/assurance.toml → claims     what is claimed, against what, by what, shown by which checks
//!                      → plan       one cargo command a suite, one a tool
//!                      → execution  each run once, under a limit of time
//!                      → report     what a test, and so a claim, came to
//!                      → page       the table in docs/assurance.md
//! ```

mod claims;
mod execution;
mod page;
mod plan;
mod report;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;

use claims::Claims;
use plan::Plan;
use report::{Report, Verdict};

/// What `--long` multiplies random checks by.
const LONG: &str = "20";

#[derive(clap::Args)]
pub struct Arguments {
    /// Claims to check, by their ids or the beginnings of them; all if there are none. Only a run of
    /// all writes the page.
    claims: Vec<String>,
    /// Twenty times as many histories, attacks and fuzzed inputs, and interleavings further apart.
    #[arg(long)]
    long: bool,
    /// Only the checks that are no tests, for who has run all tests anyway.
    #[arg(long)]
    tools: bool,
    /// Shows the commands that would be run, and runs nothing.
    #[arg(long)]
    list: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Toml { path: PathBuf, source: Box<toml::de::Error> },
    #[error("xtask/assurance.toml: {0}")]
    Claims(#[from] claims::BadClaims),
    #[error("no claim's id begins with {0:?}; docs/assurance.md has them all")]
    NoSuchClaim(String),
    #[error("docs/assurance.md: {0}")]
    Page(#[from] page::BadPage),
    #[error("{command}: {source}")]
    Start { command: String, source: std::io::Error },
}

/// Checks what was asked for. The code says whether a claim failed.
///
/// # Errors
/// The claims cannot be read, a command cannot be started, or the page cannot be written.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let all = Claims::read(&root().join("xtask/assurance.toml"))?;
    let claims = all.chosen(&arguments.claims)?;
    let plan = Plan::new(&claims, arguments.tools);
    if arguments.list {
        plan.steps().iter().for_each(|step| println!("{step}"));
        return Ok(ExitCode::SUCCESS);
    }
    let began = Instant::now();
    let effort = arguments.long.then_some(LONG);
    let mut report = Report::default();
    for step in plan.steps() {
        report.add(execution::execute(step, &root(), effort)?);
    }
    let verdicts = claims.verdicts(&report);
    print(&verdicts, &report);
    if arguments.claims.is_empty() && !arguments.tools {
        let (took, place) = (began.elapsed(), place());
        let run = page::Run { verdicts: &verdicts, report: &report, took, effort, place };
        rewrite(&root().join("docs/assurance.md"), |page| page::filled(page, &all, &run))?;
    }
    let failed = verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::Fail(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(verdicts: &[(&claims::Claim, Verdict)], report: &Report) {
    println!();
    for (ran, what) in report.ran() {
        println!("{ran:>12} {what}");
    }
    println!();
    for (claim, verdict) in verdicts {
        println!("{:<12} {:<16} {}", verdict.word(), claim.id, claim.claim);
        for reason in verdict.reasons() {
            println!("{:29} {reason}", "");
        }
    }
    let count = |word| verdicts.iter().filter(|(_, verdict)| verdict.word() == word).count();
    let (passed, failed, open) = (count("pass"), count("fail"), count("not checked"));
    println!("\n{passed} claims pass, {failed} fail, {open} not checked");
}

fn rewrite(
    path: &Path,
    change: impl Fn(&str) -> Result<String, page::BadPage>,
) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.into(), source };
    let page = fs::read_to_string(path).map_err(failed)?;
    fs::write(path, change(&page)?).map_err(failed)
}

/// What was checked and where, as far as it can be found out.
fn place() -> String {
    let mut git = Command::new("git");
    let said = git.args(["describe", "--always", "--dirty"]).current_dir(root()).output();
    let revision = said.map_or_else(|_| vec![], |output| output.stdout);
    let revision = String::from_utf8_lossy(&revision);
    let system = rustix::system::uname();
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let user = if rustix::process::geteuid().is_root() { "root" } else { "not root" };
    format!(
        "Revision {}, {} {} on {}, {processors} processors, as {user}",
        revision.trim(),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
    )
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
