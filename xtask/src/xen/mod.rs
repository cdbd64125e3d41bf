//! Guests of the real Xen, in QEMU: they tell there what the same guests tell over this project's engine.
//!
//! ```text
//! tools      → what this machine has, and what can be installed
//! debian     → Xen's source, and a core library for arm64, from Debian's packages
//! hypervisor → Xen with Argo, built once into target/xen
//! guests     → the guest, built for each machine, and what it tells over our engine
//! scenario   → which guests, how started, and where Xen is known to answer otherwise
//! boot, tree → QEMU with Xen and the guests, watched until they are done
//! verdict    → line by line: the same, or not
//! ```

mod boot;
mod debian;
mod guests;
mod hypervisor;
mod scenario;
mod step;
mod tools;
mod tree;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use guests::Guests;
use scenario::{Machine, Scenario};
use step::StepError;
use verdict::Tally;

#[derive(clap::Args)]
pub struct Arguments {
    /// Scenarios to run, by the beginnings of their names; all if there are none.
    scenarios: Vec<String>,
    /// Shows all that Xen and its guests say.
    #[arg(long)]
    verbose: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Where everything goes that takes long to make.
struct Cache(PathBuf);

impl Cache {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Runs the scenarios. The code says whether something was not as it should be; what cannot be run here
/// is said, and counts as skipped.
///
/// # Errors
/// A part cannot be fetched or built, though its tools are there.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cache = Cache(target(&root).join("xen"));
    fs::create_dir_all(&cache.0).map_err(|source| Error::File { path: cache.0.clone(), source })?;
    let mut tally = Tally::default();
    for machine in [Machine::X86, Machine::Arm64] {
        let scenarios = scenario::chosen(machine, &arguments.scenarios);
        if scenarios.is_empty() {
            continue;
        }
        match prepare(machine, &root, &cache)? {
            Ok((xen, guests)) => {
                for scenario in scenarios {
                    try_out(scenario, &xen, &guests, &cache, arguments, &mut tally)?;
                }
            }
            Err(missing) => tally.skip(machine, scenarios.len(), &missing),
        }
    }
    Ok(tally.close())
}

/// Xen and the guests, or what is missing here.
fn prepare(
    machine: Machine,
    root: &Path,
    cache: &Cache,
) -> Result<Result<(PathBuf, Guests), String>, Error> {
    if let Err(missing) = tools::provide(machine) {
        return Ok(Err(missing));
    }
    let compiler = match guests::compiler(machine, cache)? {
        Ok(compiler) => compiler,
        Err(missing) => return Ok(Err(missing)),
    };
    let xen = hypervisor::build(machine, cache)?;
    Ok(Ok((xen, Guests::build(machine, &compiler, root, cache)?)))
}

fn try_out(
    scenario: &Scenario,
    xen: &Path,
    guests: &Guests,
    cache: &Cache,
    arguments: &Arguments,
    tally: &mut Tally,
) -> Result<(), Error> {
    let ours = match scenario.tells {
        scenario::Tells::AsOurs { mode } => guests.over_our_engine(scenario, mode)?,
        scenario::Tells::Lines(lines) => lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    let boot = boot::run(scenario, xen, &guests.image, cache, arguments.verbose)?;
    tally.judge(scenario, &verdict::telling(&ours), &boot);
    Ok(())
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}
