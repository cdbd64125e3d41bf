//! Instructions a call, under callgrind, against the counts that are kept in `instructions.tsv`.
//!
//! Fails if one grew by more than 5 %: make it cheaper, or renew the file on purpose with `--write`.
#![forbid(unsafe_code)]

use std::fs;
use std::process::{Command, ExitCode};

use benches::case::Failure;
use benches::counted::TARGET;
use benches::counted::count::{self, Child};
use benches::counted::kept::{Change, Counts};
use benches::counted::paths::{PATHS, Path};
use benches::targets;
use clap::Parser;

/// Counts the instructions of a call of each path, and compares them with those kept.
#[derive(Parser)]
struct Arguments {
    /// Renew the file instead of comparing with it.
    #[arg(long)]
    write: bool,
    /// Fail without valgrind.
    #[arg(long)]
    required: bool,
    #[command(flatten)]
    child: Child,
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Failure> {
    if let Some(done) = arguments.child.run() {
        return done.map(|()| true);
    }
    if !count::is_possible() {
        println!("SKIPPED: there is no valgrind here, so NO instructions were counted");
        return Ok(!arguments.required);
    }
    let kept = Counts::parse(&fs::read_to_string(FILE).unwrap_or_default());
    let mut counts = Counts { compiler: compiler(), ..Counts::default() };
    let mut none_grew = true;
    for path in &PATHS {
        let found = count::instructions(path)?;
        none_grew &= tell(path, found, &kept);
        counts.paths.insert(path.name.to_owned(), found);
    }
    tell_target(&counts);
    if arguments.write {
        fs::write(FILE, counts.file())?;
        return Ok(true);
    }
    if kept.compiler != counts.compiler {
        println!("note: kept are counts of {}, these are of {}", kept.compiler, counts.compiler);
    }
    Ok(none_grew)
}

/// Prints a count and how it differs; whether it did not grow.
fn tell(path: &Path, count: f64, kept: &Counts) -> bool {
    let (name, percent) = (path.name, |share: f64| 100.0 * share);
    let (remark, good) = match kept.change(name, count) {
        Change::Same => (String::new(), true),
        Change::Grew(share) => (format!("GREW by {:.1} %", percent(share)), false),
        Change::Fell(share) => {
            (format!("fell by {:.1} %: renew the file with --write", percent(share)), true)
        }
        Change::New => ("NEW: renew the file with --write".to_owned(), false),
    };
    println!("{name:<20} {count:>8.1} {remark}");
    good
}

fn tell_target(counts: &Counts) {
    let (path, name) = TARGET;
    if let (Some(count), Some(target)) = (counts.paths.get(path), targets::of(name)) {
        println!("ratio {} {name} {count:.1} {}", target.row, target.bound);
    }
}

/// What the counts depend on.
fn compiler() -> String {
    let asked = Command::new("rustc").arg("--version").output();
    asked.map_or_else(
        |_| "an unknown compiler".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
