//! Guests of the real Xen, in QEMU: they tell there what the same guests tell over this project's engine.
//!
//! ```text
//! tools      → what this machine has, and what can be installed
//! debian     → Xen's source, and a core library for arm64, from Debian's packages
//! hypervisor → Xen with Argo, built once into target/xen
//! guests     → the guest, built for each machine, and what it tells over our engine
//! scenario   → which guests, how started, and where Xen is known to answer otherwise
//! boot, tree → QEMU with Xen and the guests, watched until they are done
//! lines      → what a line of the console says
//! verdict    → line by line: the same, or not
//! ```

mod boot;
mod debian;
mod guests;
mod hypervisor;
mod lines;
mod scenario;
mod step;
mod tools;
mod tree;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

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
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Step(#[from] StepError),
    #[error("no scenario's name begins with {name:?}: there are {names}")]
    NoScenario { name: String, names: String },
}

impl Error {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

/// Why the scenarios of a machine are not run.
enum Unready {
    /// Something cannot be had here, in words: they are skipped.
    Missing(String),
    /// Something that is there cannot be built: they fail.
    Broken(Error),
}

impl Unready {
    /// What cannot be fetched cannot be had. What was fetched and cannot be written is another matter.
    fn of_a_fetch(what: &str, error: Error) -> Self {
        match error {
            Error::Step(error) => Self::Missing(format!("{what} cannot be fetched: {error}")),
            error => Self::Broken(error),
        }
    }
}

impl From<Error> for Unready {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// Where everything goes that takes long to make.
struct Cache(PathBuf);

impl Cache {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a folder anew. It is made beside and has its name once it is whole.
    fn fill(&self, name: &str, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let (place, beside) = (self.path(name), self.path(&format!("{name}.new")));
        remove(&beside)?;
        make(&beside)?;
        remove(&place)?;
        fs::rename(&beside, &place).map_err(Error::at(&place))
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::at(folder)(error)),
        _ => Ok(()),
    }
}

/// Runs the scenarios. The code says whether something was not as it should be; what cannot be run here
/// is said, and counts as skipped.
///
/// # Errors
/// There is no such scenario, or no room for the cache.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    check_names(&arguments.scenarios)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cache = Cache(target(&root).join("xen"));
    fs::create_dir_all(&cache.0).map_err(Error::at(&cache.0))?;
    let mut tally = Tally::default();
    for machine in [Machine::X86, Machine::Arm64] {
        let scenarios = scenario::chosen(machine, &arguments.scenarios);
        if scenarios.is_empty() {
            continue;
        }
        match prepare(machine, &root, &cache) {
            Ok((xen, guests)) => {
                for scenario in scenarios {
                    if let Err(error) =
                        try_out(scenario, &xen, &guests, &cache, arguments, &mut tally)
                    {
                        tally.break_off(scenario.name, error);
                    }
                }
            }
            Err(Unready::Missing(what)) => tally.skip(machine, scenarios.len(), &what),
            Err(Unready::Broken(error)) => tally.break_off(machine.name(), error),
        }
    }
    Ok(tally.close())
}

/// Each has to be the beginning of a scenario's.
fn check_names(names: &[String]) -> Result<(), Error> {
    let unknown = |name: &&String| !scenario::names().any(|there| there.starts_with(name.as_str()));
    match names.iter().find(unknown) {
        None => Ok(()),
        Some(name) => {
            let names: Vec<&str> = scenario::names().collect();
            Err(Error::NoScenario { name: name.clone(), names: names.join(", ") })
        }
    }
}

/// Xen and the guests.
fn prepare(machine: Machine, root: &Path, cache: &Cache) -> Result<(PathBuf, Guests), Unready> {
    tools::provide(machine).map_err(Unready::Missing)?;
    let compiler = guests::compiler(machine, cache)?;
    let xen = hypervisor::build(machine, cache)?;
    Ok((xen, Guests::build(machine, &compiler, root, cache)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_scenario_has_is_an_error() {
        let checked = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_names(&names).map_err(|error| error.to_string())
        };
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&["arm64-talk", "x86"]), Ok(()));
        let error = checked(&["x86", "arm46"]).unwrap_err();
        assert!(error.contains("\"arm46\"") && error.contains("arm64-talk"), "{error}");
    }

    #[test]
    fn a_folder_of_the_cache_is_whole_or_as_it_was() {
        let place = std::env::temp_dir().join(format!("xtask-cache-{}", std::process::id()));
        let cache = Cache(place.clone());
        let file = |folder: &Path, text: &str| -> Result<(), Error> {
            fs::create_dir_all(folder).map_err(Error::at(folder))?;
            fs::write(folder.join("file"), text).map_err(Error::at(folder))
        };
        let kept = || fs::read_to_string(cache.path("tree").join("file")).unwrap();
        cache.fill("tree", |beside| file(beside, "one")).unwrap();
        let broken = cache.fill("tree", |beside| {
            file(beside, "two")?;
            Err(Error::NoScenario { name: "no room".into(), names: String::new() })
        });
        assert!(broken.is_err());
        assert_eq!(kept(), "one");
        cache.fill("tree", |beside| file(beside, "three")).unwrap();
        assert_eq!(kept(), "three");
        fs::remove_dir_all(&place).unwrap();
    }
}
