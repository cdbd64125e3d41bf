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

mod bound;
mod domain;
mod feeds;
mod groups;
mod hook_rule;
mod host;
mod machine;
mod metrics;
mod place;
mod port_rule;
mod quotas;
mod read;
mod report;
mod reserve;
mod rules;
mod seen;
mod service;
mod socket;
mod store_rule;
mod subject;
#[cfg(test)]
mod tests;
mod texts;
mod values;

use std::io;
use std::path::{Path, PathBuf};

use argo_hypervisor::Waking;
use thiserror::Error;
use toml::Spanned;

pub use domain::{
    CPUS_MAX, Domain, RAM_MAX, RAM_MIN, READ_ONLY_PAGES_MAX, WEIGHT_DEFAULT, WEIGHT_MAX,
};
pub use feeds::{Audit, HISTORY_MAX};
pub use groups::{GROUPS_MAX, MEMBERS_MAX};
pub use hook_rule::{PAIRS_MAX, Rule};
pub use host::{Host, MemoryShort, SharesShort, available_memory, check_memory, check_shares};
pub use machine::{Machine, Restart};
pub use metrics::Metrics;
pub use place::Place;
pub use port_rule::{BYTES_MAX, LIMITS_MAX, Limit, MESSAGES_MAX, PORT_RANGES_MAX, PortRule};
pub use quotas::{Quotas, SESSIONS_MAX, ServiceQuotas};
pub use report::{PROBLEMS_MAX, Problem, Problems};
pub use reserve::Reserve;
pub use rules::{COMMENT_MAX, Mode, RULES_MAX, Rules};
pub use service::{Cage, LockMemory, Log, LogFormat, LogLevel, Service, WORKERS_MAX};
pub use socket::Socket;
pub use store_rule::{PATHS_MAX, StoreRule};
pub use subject::{SUBJECTS_MAX, Subject};
pub use texts::{POLICY_BYTES_MAX, POLICY_FILES_MAX};
pub(crate) use values::number;
pub use values::{NAME_MAX, SOCKET_PATH_MAX, Size, is_name};

use read::{Reader, boolean, word};
use seen::Seen;
pub(crate) use texts::Texts;

/// Bytes of a configuration file.
pub const FILE_MAX: u64 = 4 << 20;
/// Domains in one system.
pub const DOMAINS_MAX: usize = 1024;

/// A whole system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file that it was read from, if it was one.
    pub file: Option<PathBuf>,
    /// Where sockets are unless they say otherwise.
    pub runtime_dir: PathBuf,
    /// Whether there is Argo at all.
    pub argo: bool,
    /// Whether rings for every sender may be registered, where policy allows it too.
    pub wildcard_rings: bool,
    /// Whom a notify wakes of those who wait for room.
    pub waking: Waking,
    /// Whether the domains' RAM is locked.
    pub lock_memory: LockMemory,
    /// Whether argod is caged.
    pub cage: Cage,
    /// What is taken at the start, in static mode.
    pub reserve: Option<Reserve>,
    /// How the workers serve.
    pub service: Service,
    /// What the log looks like.
    pub log: Log,
    /// Where administrators connect.
    pub admin: Socket,
    /// Where metrics are read, if anywhere.
    pub metrics: Option<Metrics>,
    /// Where what was refused is told, if anywhere.
    pub audit: Option<Audit>,
    /// Where messages may be captured, if anywhere.
    pub capture: Option<Socket>,
    /// The domains.
    pub domains: Vec<Domain>,
    /// Who may do what.
    pub policy: Rules,
    /// The files in the policy folder, in their order.
    pub policy_files: Vec<String>,
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
    /// argod's doorkeeper says why not.
    #[error("{0}")]
    Told(String),
}

impl Config {
    /// Reads a file of at most [`FILE_MAX`] bytes, and the policy files in the folder that its
    /// `policy_dir` names.
    ///
    /// # Errors
    /// It cannot be read, or everything that is wrong with it and with the policy files.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self { file: Some(path.to_owned()), ..Self::of(&Texts::load(path)?)? })
    }

    /// Reads a text for this machine. `file` is what problems call it. It cannot have a
    /// `policy_dir`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        Self::parse_for(&Host::detect(), file, text)
    }

    /// Reads a text for a machine, as [`parse`](Self::parse) does.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse_for(host: &Host, file: &str, text: &str) -> Result<Self, Problems> {
        Self::examine(host, &Texts::one(file, text))
    }

    /// Reads the texts of a configuration file for this machine.
    fn of(texts: &Texts) -> Result<Self, Problems> {
        Self::examine(&Host::detect(), texts)
    }

    /// Every socket in it that argod makes.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        let metrics = self.metrics.as_ref().and_then(|metrics| match metrics {
            Metrics::Socket(socket) => Some(socket),
            Metrics::Listen(_) => None,
        });
        let audit = self.audit.as_ref().map(|audit| &audit.socket);
        let own = [Some(&self.admin), metrics, audit, self.capture.as_ref()];
        own.into_iter().flatten().chain(self.domains.iter().map(|domain| &domain.socket))
    }

    /// Whether these texts describe another system than this, or none: policy aside.
    pub(crate) fn differs_beside_policy(&self, texts: &Texts) -> bool {
        let bare = |config: Self| Self {
            file: None,
            policy: Rules::default(),
            policy_files: Vec::new(),
            ..config
        };
        Self::of(texts).map_or(true, |new| bare(new) != bare(self.clone()))
    }

    fn examine(host: &Host, texts: &Texts) -> Result<Self, Problems> {
        let config = texts.examine(|readers| Self::read(readers, host))?;
        Ok(Self { policy_files: texts.others(), ..config })
    }

    /// Reads the main text, then what the others say about policy.
    fn read(mut texts: Vec<Reader<'_>>, host: &Host) -> Option<Self> {
        let table = texts.first_mut()?;
        let default_dir = PathBuf::from("/run/argod");
        let runtime_dir = table.or("runtime_dir", values::directory(), default_dir);
        let argo = table.or("argo", boolean(), true);
        let wildcard_rings = table.or("wildcard_rings", boolean(), false);
        let ways = word([("fair", Waking::Fair), ("all", Waking::All)]);
        let waking = table.or("waking", ways, Waking::Fair);
        let lock_memory = LockMemory::read(table);
        let cage = Cage::read(table);
        let reserve = Reserve::read(table);
        let service = table
            .table("service")
            .map_or_else(|| Service::standard(host), |table| Service::read(table, host));
        let log = table.table("log").map_or(Log::STANDARD, Log::read);

        // A domain that no worker serves would wait for ever.
        let served = host.with_workers(service.workers as usize);
        let mut seen = Seen::default();
        let admin = read_admin(table, &runtime_dir, &mut seen);
        let metrics = read_metrics(table, &runtime_dir, &mut seen);
        let audit = Audit::read(table, &runtime_dir, &mut seen);
        let capture = feeds::read_capture(table, &runtime_dir, &mut seen);
        let domains = table.tables("domain", DOMAINS_MAX).into_iter();
        let domains: Vec<_> = domains
            .filter_map(|table| Domain::read(table, &served, &runtime_dir, &mut seen))
            .collect();
        table.optional("policy_dir", values::folder());
        let policy = Rules::read(&mut texts, &|subject| seen.knows(subject));
        texts.into_iter().for_each(Reader::finish);
        Some(Self {
            file: None,
            runtime_dir,
            argo,
            wildcard_rings,
            waking,
            lock_memory,
            cage,
            reserve: reserve(&domains),
            service,
            log,
            admin: admin?,
            metrics,
            audit,
            capture,
            domains,
            policy,
            policy_files: Vec::new(),
        })
    }
}

fn read_admin(root: &mut Reader<'_>, runtime_dir: &Path, seen: &mut Seen) -> Option<Socket> {
    let default = in_runtime_dir(root, "admin", runtime_dir);
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

fn read_metrics(root: &mut Reader<'_>, runtime_dir: &Path, seen: &mut Seen) -> Option<Metrics> {
    let default = in_runtime_dir(root, "metrics", runtime_dir);
    let metrics = Metrics::read(root.table("metrics")?, default)?;
    seen.socket(root.report, Metrics::socket(&metrics).as_ref());
    Some(metrics.into_inner())
}

/// The socket of argod's own that a table describes, unless it says where; and the place that
/// this stands for.
fn in_runtime_dir(
    root: &mut Reader<'_>,
    table: &'static str,
    runtime_dir: &Path,
) -> Spanned<PathBuf> {
    let place = root.place(table).or_else(|| root.place("runtime_dir")).unwrap_or_default();
    Spanned::new(place, runtime_dir.join(format!("{table}.sock")))
}
