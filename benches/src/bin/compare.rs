//! Compares what this project makes with what one would use instead, side by side on this machine.
//!
//! See METHODOLOGY.md for what is measured and how.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::between::end::{self, End};
use benches::between::{hypervisor, relay};
use benches::case::{Case, Failure, Plan};
use benches::counted::count::Child;
use benches::groups::{GROUPS, Group};
use benches::isolation::trouble::{self, Kind};
use benches::report::guard::Guard;
use benches::report::machine::Machine;
use benches::report::{Report, Skipped, json, plot, readme, text};
use benches::scale::{attached, crowd};
use benches::targets;
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};

/// Compares what this project makes with what one would use instead, side by side.
///
/// Contestants take turns in rounds; rounds in which others used the machine are thrown away; a
/// ratio is the median of the rounds' ratios. The last lines are `ratio ROW NAME VALUE TARGET`. The
/// exit status is 0 also where a target is missed.
#[derive(Parser)]
struct Arguments {
    /// Only these groups of cases.
    #[arg(value_parser = PossibleValuesParser::new(GROUPS.iter().map(|group| group.name)))]
    groups: Vec<String>,
    /// Only cases with a target in these rows.
    #[arg(long)]
    row: Vec<u32>,
    /// Only cases whose title has this in it, such as "64 bytes".
    #[arg(long)]
    title: Option<String>,
    /// Rounds that have to count.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Few short rounds: under a minute, and on a machine that others use not much longer than 90
    /// seconds; what is not measured by then is not.
    #[arg(long)]
    quick: bool,
    /// How much of its usual work a contestant does in a round, more than 0.
    #[arg(long, value_parser = positive)]
    effort: Option<f64>,
    /// Processor time of others that a contestant's turn may contain, in percent of the machine's.
    #[arg(long, default_value_t = 10.0)]
    strangers: f64,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write a picture of each case (SVG) into this folder.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Write the table into this file, between its two comments.
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Fail if a ratio is worse by more than a quarter than this file says.
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,
    /// Write what was measured into the guard's file instead.
    #[arg(long, requires = "guard")]
    write: bool,
    /// Internal: be one of those that are measured.
    #[arg(long, hide = true, value_enum, requires = "dir")]
    role: Option<Role>,
    /// Internal: where the sockets are.
    #[arg(long, hide = true)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    counted: Child,
}

/// How long a quick comparison begins rounds.
const QUICK_MAX: Duration = Duration::from_secs(90);

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Cases as they are measured, then a line a ratio.
    Text,
    /// One document at the end.
    Json,
}

/// Who a process is that this program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Argod,
    Relay,
    Sender,
    Receiver,
    Crowd,
    Idler,
    Attacker,
    Burner,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "no number")?;
    if number > 0.0 && number.is_finite() { Ok(number) } else { Err("not more than 0".into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (arguments.role, &arguments.dir) {
        (Some(role), Some(dir)) => be(role, dir).map(|()| ExitCode::SUCCESS),
        _ => match arguments.counted.run() {
            Some(done) => done.map(|()| ExitCode::SUCCESS),
            None => run(&arguments),
        },
    };
    done.unwrap_or_else(|error| {
        eprintln!("compare: {error}");
        ExitCode::FAILURE
    })
}

fn be(role: Role, dir: &Path) -> Result<(), Failure> {
    match role {
        Role::Argod => hypervisor::live(dir),
        Role::Relay => Ok(relay::live(dir, || println!("ok"))?),
        Role::Sender => end::live(End::Sender, dir),
        Role::Receiver => end::live(End::Receiver, dir),
        Role::Crowd => crowd::live(),
        Role::Idler => attached::live(dir),
        Role::Attacker => trouble::live(Kind::Attacker, dir),
        Role::Burner => trouble::live(Kind::Burner, dir),
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let plan = arguments.plan();
    let mut report = Report::default();
    for group in GROUPS.iter().filter(|group| arguments.wants(group)) {
        let wanted = |row: &u32| arguments.row.is_empty() || arguments.row.contains(row);
        report.rows.extend(group.rows.iter().filter(|row| wanted(row)));
        if let Err(missing) = measure(arguments, group, &plan, &mut report) {
            eprintln!("SKIPPED: {}: {missing}", group.name);
            report.skipped.push(Skipped { group: group.name, reason: missing.to_string() });
        }
    }
    let machine = Machine::here()?;
    match arguments.format {
        Format::Text => print!("{}", text::ratios(&report)),
        Format::Json => println!("{}", json::document(&report, &machine)?),
    }
    arguments.write_files(&report, &machine)?;
    arguments.guard(&report)
}

/// Measures the wanted cases of a group, if there is time; those before one that fails are reported.
fn measure(
    arguments: &Arguments,
    group: &Group,
    plan: &Plan,
    report: &mut Report,
) -> Result<(), Failure> {
    if plan.is_over() {
        return Err("the time is over".into());
    }
    for case in (group.cases)(plan)?.into_iter().filter(|case| arguments.wants_case(case)) {
        let outcome = case.measure(plan)?;
        if arguments.format == Format::Text {
            println!("{}", text::case(&outcome));
        }
        report.outcomes.push(outcome);
    }
    Ok(())
}

impl Arguments {
    fn plan(&self) -> Plan {
        let (rounds, tries, effort) = if self.quick { (3, 2, 0.2) } else { (7, 4, 1.0) };
        Plan {
            rounds: self.rounds.map_or(rounds, usize::from),
            tries,
            strangers: self.strangers / 100.0,
            effort: self.effort.unwrap_or(effort),
            until: self.quick.then(|| Instant::now() + QUICK_MAX),
        }
    }

    fn wants(&self, group: &Group) -> bool {
        let named = self.groups.is_empty() || self.groups.iter().any(|name| name == group.name);
        named && (self.row.is_empty() || group.rows.iter().any(|row| self.row.contains(row)))
    }

    fn wants_case(&self, case: &Case) -> bool {
        let mut rows = case.ratios.iter().filter_map(|ratio| Some(targets::of(ratio.name)?.row));
        let titled = self.title.as_ref().is_none_or(|title| case.title.contains(title));
        titled && (self.row.is_empty() || rows.any(|row| self.row.contains(&row)))
    }

    fn write_files(&self, report: &Report, machine: &Machine) -> Result<(), Failure> {
        if let Some(folder) = &self.plots {
            fs::create_dir_all(folder)?;
            for outcome in &report.outcomes {
                plot::write(outcome, folder)?;
            }
        }
        if let Some(file) = &self.readme {
            let text = fs::read_to_string(file).map_err(|error| named(file, &error))?;
            let text = readme::rewrite(&text, report, machine);
            fs::write(file, text.map_err(|error| named(file, &error))?)?;
        }
        Ok(())
    }

    fn guard(&self, report: &Report) -> Result<ExitCode, Failure> {
        let Some(file) = &self.guard else { return Ok(ExitCode::SUCCESS) };
        let text = match fs::read_to_string(file) {
            Err(error) if self.write && error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| named(file, &error))?,
        };
        let mut guard = Guard::parse(&text).map_err(|error| named(file, &error))?;
        if self.write {
            guard.renew(report);
            fs::write(file, guard.text())?;
            return Ok(ExitCode::SUCCESS);
        }
        guard.open(report).iter().for_each(|open| eprintln!("NOT JUDGED: {open}"));
        let falls = guard.falls(report);
        falls.iter().for_each(|fall| eprintln!("FELL: {fall}"));
        Ok(if falls.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn named(file: &Path, error: &impl std::fmt::Display) -> Failure {
    format!("{}: {error}", file.display()).into()
}
