//! The configuration: one TOML file that describes the system, checked whole before anything
//! starts.
//!
//! ```
//! use argod::config::{Config, Host};
//!
//! let host = Host { cpus: vec![0, 1] };
//! let text = "
//!     [[domain]]
//!     id = 1
//!     name = 'client'
//!     ram = '1 megabyte'
//! ";
//! let problems = Config::parse_for(&host, "argod.toml", text).unwrap_err();
//! let problem = &problems.told[0];
//! assert_eq!((problem.line, problem.column), (5, 11));
//! ```
//!
//! Every problem is told, with file, line, column, what was found and what was expected, and with
//! the line itself. Nothing is read that has no meaning: an unknown key is a problem. Domains
//! ([`Domain::parse`]) and rules ([`Rules::parse`]) can also be read alone, for changes at run
//! time, by the same code.

mod domain;
mod host;
mod read;
mod report;
mod rules;
mod seen;
mod service;
mod socket;
#[cfg(test)]
mod tests;
mod values;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::Spanned;
use toml::de::DeTable;

pub use domain::{
    CPUS_MAX, Domain, Quotas, RAM_MAX, RAM_MIN, READ_ONLY_PAGES_MAX, SESSIONS_MAX, WEIGHT_DEFAULT,
    WEIGHT_MAX,
};
pub use host::{Host, MemoryShort, available_memory, check_memory};
pub use report::{PROBLEMS_MAX, Problem, Problems};
pub use rules::{
    COMMENT_MAX, Limit, Mode, PAIRS_MAX, Place, PortRule, RULES_MAX, Rule, Rules, SUBJECTS_MAX,
    Subject,
};
pub use service::{LockMemory, Log, LogFormat, LogLevel, Service, WORKERS_MAX};
pub use socket::Socket;
pub use values::{NAME_MAX, SOCKET_PATH_MAX, Size, is_name};

use read::{Reader, boolean};
use report::Report;
use seen::Seen;

/// Bytes of a configuration file.
pub const FILE_MAX: u64 = 4 << 20;
/// Domains in one system.
pub const DOMAINS_MAX: usize = 1024;

/// A whole system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where sockets are unless they say otherwise.
    pub runtime_dir: PathBuf,
    /// Whether there is Argo at all.
    pub argo: bool,
    /// Whether rings for every sender may be registered, where policy allows it too.
    pub wildcard_rings: bool,
    /// Whether the domains' RAM is locked.
    pub lock_memory: LockMemory,
    /// How the workers serve.
    pub service: Service,
    /// What the log looks like.
    pub log: Log,
    /// Where administrators connect.
    pub admin: Socket,
    /// The domains.
    pub domains: Vec<Domain>,
    /// Who may do what.
    pub policy: Rules,
}

/// A configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What it says is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

impl Config {
    /// Reads a file of at most [`FILE_MAX`] bytes.
    ///
    /// # Errors
    /// It cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Read { path: path.to_owned(), error };
        let text = read_text(path).map_err(unreadable)?;
        Ok(Self::parse(&path.display().to_string(), &text)?)
    }

    /// Reads a text for this machine. `file` is what problems call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        Self::parse_for(&Host::detect(), file, text)
    }

    /// Reads a text for a machine. `file` is what problems call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse_for(host: &Host, file: &str, text: &str) -> Result<Self, Problems> {
        parse_with(file, text, |table| Self::read(table, host, file))
    }

    fn read(mut table: Reader<'_>, host: &Host, file: &str) -> Option<Self> {
        let default_dir = PathBuf::from("/run/argod");
        let runtime_dir = table.or("runtime_dir", values::directory(), default_dir);
        let argo = table.or("argo", boolean(), true);
        let wildcard_rings = table.or("wildcard_rings", boolean(), false);
        let lock_memory = LockMemory::read(&mut table);
        let service = table
            .table("service")
            .map_or_else(|| Service::standard(host), |table| Service::read(table, host));
        let log = table.table("log").map_or(Log::STANDARD, Log::read);

        // A domain that no worker serves would wait for ever.
        let served = host.with_workers(service.workers as usize);
        let mut seen = Seen::default();
        let admin = read_admin(&mut table, &runtime_dir, &mut seen);
        let domains = table.tables("domain", DOMAINS_MAX).into_iter();
        let domains: Vec<_> = domains
            .filter_map(|table| Domain::read(table, &served, &runtime_dir, &mut seen))
            .collect();
        let policy = Rules::read(&mut table, file, |subject| seen.knows(subject));
        table.finish();
        Some(Self {
            runtime_dir,
            argo,
            wildcard_rings,
            lock_memory,
            service,
            log,
            admin: admin?,
            domains,
            policy,
        })
    }
}

fn read_admin(root: &mut Reader<'_>, runtime_dir: &Path, seen: &mut Seen) -> Option<Socket> {
    let default = runtime_dir.join("admin.sock");
    let place = root.place("admin").or_else(|| root.place("runtime_dir")).unwrap_or_default();
    let default = Spanned::new(place, default);
    let socket = match root.table("admin") {
        Some(mut table) => {
            let socket = Socket::read(&mut table, Some(default));
            table.finish();
            socket
        }
        None => Socket::standard(root.report, default),
    };
    seen.socket(root.report, socket.as_ref());
    socket.map(Spanned::into_inner)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX {
        let message = format!("more than {}", Size(FILE_MAX));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// Reads a text's root table with `read`, if the text is TOML.
fn parse_with<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(Reader<'_>) -> Option<T>,
) -> Result<T, Problems> {
    let report = Report::new(file, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        report.add(error.span().unwrap_or_default(), error.message());
    }
    let value = match report.is_clean() {
        true => read(Reader::new(root.get_ref(), 0..0, &report)),
        false => None,
    };
    report.conclude(value)
}
