use super::*;

mod machine;
mod machines;
mod policy_files;
mod ports;
mod reading;
mod refusing;
mod rules;
mod store;

/// The example that newcomers start from.
const EXAMPLE: &str = include_str!("../../../../../docs/argod.example.toml");

/// A machine whose processors have a gap.
fn host() -> Host {
    Host { cpus: vec![0, 1, 2, 5] }
}

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse_for(&host(), "t.toml", text)
}

/// What is said about a text.
fn said(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// What should be said about the line `number` of a text, with the carets that should be under it.
fn saying(number: usize, line: &str, carets: &str, message: &str) -> String {
    let column = carets.find('^').unwrap() + 1;
    let margin = " ".repeat(number.to_string().len());
    format!(
        "t.toml:{number}:{column}: {message}\n{margin} |\n{number} | {line}\n{margin} | {carets}"
    )
}
