//! `argoctl policy`: what a policy means, before and after it is in force.
//!
//! Everything is found out by asking the code that decides, at every place where its answer can
//! change.

mod check;
mod diff;
mod explain;
mod graph;
mod lint;
mod reload;
mod source;
mod sweep;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;

/// Check, explain, draw, compare and reload policies.
#[derive(Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Check),
    Explain(explain::Explain),
    Graph(graph::Graph),
    Diff(diff::Diff),
    Lint(lint::Lint),
    Reload(reload::Reload),
}

impl Policy {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Check(check) => check.run(),
            Command::Explain(explain) => explain.run(),
            Command::Graph(graph) => graph.run(),
            Command::Diff(diff) => diff.run(),
            Command::Lint(lint) => lint.run(),
            Command::Reload(reload) => reload.run(),
        }
    }
}

/// What was asked for, and what the exit status says about it.
enum Answer {
    /// 0
    Yes,
    /// 3: refused, different, or something was found.
    No,
}

/// Writes a text to standard output, and ends with this answer.
fn print(text: &str, answer: Answer) -> Result<ExitCode, Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)?;
    Ok(match answer {
        Answer::Yes => ExitCode::SUCCESS,
        Answer::No => ExitCode::from(3),
    })
}
