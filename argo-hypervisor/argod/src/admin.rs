//! The admin socket's protocol: one JSON object a line, one answer a line.
//!
//! ```text
//! {"op":"stat"}
//! {"op":"domain","domain":"guest"}
//! {"op":"create","file":"guest.toml","domain":"id = 7\nname = \"guest\"\nram = \"16MiB\"\n"}
//! {"op":"destroy","domain":"guest"}
//! {"op":"soft_reset","domain":"7"}
//! {"op":"start","domain":"machine"}
//! {"op":"stop","domain":"machine"}
//! {"op":"reload"}
//! {"op":"detach","domain":"guest","pid":4711}
//! {"op":"policy","file":"site.toml","text":"[[policy]]\nhook = \"send\" …"}
//! {"op":"explain","from":"client","from_port":null,"to":"server","to_port":7,"hook":null}
//! {"op":"explain","from":"client","path":"/tool","write":true}
//! ```
//! Domains are named by name or id; their descriptions and policies are TOML, as in the
//! configuration. The answer is `{"ok": …}` or `{"error": "…"}`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::ServiceQuotas;

/// Bytes of a request or an answer, the line's end included.
pub const LINE_MAX: u64 = 32 << 20;

/// Rings of a domain that [`DomainStat`] lists at most: with every domain there can be, the answer
/// is shorter than [`LINE_MAX`].
pub const RINGS_LISTED: usize = 128;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an administrator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What there is: [`Stat`].
    Stat,
    /// What there is of one domain, with all of its rings: [`DomainStat`].
    Domain {
        /// Its name or id.
        domain: String,
    },
    /// Make a domain: [`Changed`].
    Create {
        /// What refusals shall call the text; `domain` if nothing is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// The keys of a `[[domain]]` table, as TOML.
        domain: String,
    },
    /// Destroy a domain: its sessions end, its id is free: [`Changed`].
    Destroy {
        /// Its name or id.
        domain: String,
    },
    /// Take all Argo state of a domain away. Its sessions stay: [`Changed`].
    SoftReset {
        /// Its name or id.
        domain: String,
    },
    /// Start a domain's virtual machine, which has ended: [`Changed`].
    Start {
        /// Its name or id.
        domain: String,
    },
    /// End a domain's virtual machine. It stays so until it is started: [`Changed`].
    Stop {
        /// Its name or id.
        domain: String,
    },
    /// Read the policy anew, from the file that argod was started with and its policy folder:
    /// [`Reloaded`].
    Reload,
    /// End sessions of a domain. It stays, and processes may attach to it again: [`Changed`].
    Detach {
        /// Its name or id.
        domain: String,
        /// Only the sessions of this process; all if none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
    },
    /// Replace all rules of the policy: [`Reloaded`].
    Policy {
        /// What refusals shall call the text.
        file: String,
        /// A policy, as TOML.
        text: String,
        /// What becomes of rings and waits that it forbids.
        #[serde(default)]
        standing: Standing,
    },
    /// Ask what the policy in force says: [`Explanation`](crate::policy::Explanation).
    Explain(crate::policy::Inquiry),
}

/// What becomes of rings and waits that a new policy forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They are cut.
    #[default]
    Cut,
    /// They stay, as in Xen, which asks its policy only about what is begun. Domains without Argo
    /// stay without, too.
    Kept,
}

/// A policy was put into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Rules about domains.
    pub policy_rules: usize,
    /// Rules about ports.
    pub port_rules: usize,
    /// Rules about paths of the store.
    pub store_rules: usize,
    /// Rings that it forbids and that were cut.
    pub rings_cut: usize,
    /// Waits for room that it forbids and that were ended, in rings that stay.
    pub waits_ended: usize,
    /// Event channels that were shut because the policy forbids them now.
    #[serde(default)]
    pub channels_cut: usize,
    /// Whether the configuration has other changes, or faults, which only a restart would meet.
    pub restart_needed: bool,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Ok(serde_json::Value),
    /// It was not, and nothing has changed.
    Error(String),
}

/// What became of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its id.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Where processes attach to it, or did.
    pub socket: PathBuf,
    /// Sessions, connections for services, and machines that were ended.
    pub sessions_ended: usize,
    /// Rings of it that are gone.
    pub rings_removed: usize,
}

/// The whole daemon at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// argod's version.
    pub version: String,
    /// When it started, in seconds since 1970.
    pub started: u64,
    /// For how long it runs, in seconds.
    pub uptime: u64,
    /// Worker threads.
    pub workers: usize,
    /// Connections to the admin socket.
    pub admins: usize,
    /// Connections to the admin socket that there may be.
    pub admins_allowed: usize,
    /// Domains that there may be.
    pub domains_allowed: usize,
    /// What was taken at the start, in static mode.
    pub reserved: Option<Reserved>,
    /// The domains, by id.
    pub domains: Vec<DomainStat>,
    /// Nanoseconds of processor time that argod has used: all that is accounted to domains, and what
    /// is nobody's.
    #[serde(default)]
    pub processor_ns: u64,
    /// Nanoseconds that were spent on domains which are no more.
    #[serde(default)]
    pub gone_ns: u64,
    /// What the policy refused since its rules are in force.
    pub refusals: Vec<RuleStat>,
}

/// Bytes that were taken at the start: from then on they stay taken, whether they are used or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// RAM for all sessions that the domains may have.
    pub ram: u64,
    /// Heap that was free when argod had started.
    pub heap: u64,
}

/// How often one rule refused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStat {
    /// The rule, with file and line; or `no rule`.
    pub cause: String,
    /// How often.
    pub count: u64,
}

/// A domain at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainStat {
    /// Its id.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Where processes attach to it.
    pub socket: PathBuf,
    /// Whether it has Argo state.
    pub active: bool,
    /// Bytes of RAM that its machine or each session gets.
    pub ram: u64,
    /// The virtual machine that it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineStat>,
    /// Sessions that are attached.
    pub sessions: Vec<SessionStat>,
    /// Sessions that may be attached.
    pub sessions_allowed: u32,
    /// Ended sessions whose RAM somebody still holds. They count as if they were attached.
    pub sessions_held: usize,
    /// Its rings, [`RINGS_LISTED`] at most: those that most domains wait for, then the fullest.
    pub rings: Vec<RingStat>,
    /// How many rings it has, listed or not.
    pub rings_total: usize,
    /// Rings that it may have.
    pub rings_allowed: u32,
    /// Bytes of all its rings together.
    pub ring_bytes: u64,
    /// Bytes that its rings may have together.
    pub ring_bytes_allowed: u64,
    /// The ring of which the largest part is filled, if it has one.
    pub fullest: Option<RingStat>,
    /// Domains that wait for room in the ring that most wait for.
    pub waiting: u32,
    /// Domains that may wait for room in one of its rings.
    pub waiting_allowed: u32,
    /// Entries that one notify of its may have.
    pub entries_allowed: u32,
    /// Messages it sent.
    pub messages: u64,
    /// Bytes of payload it sent.
    pub bytes: u64,
    /// Calls of it that were refused, by the error they got; only errors that occurred.
    pub refused: std::collections::BTreeMap<String, u64>,
    /// Queries about it that the policy denied, by hook; only hooks that denied.
    pub denied: std::collections::BTreeMap<String, u64>,
    /// Nanoseconds that argod spent on its calls.
    pub service_ns: u64,
    /// Nanoseconds that argod's workers spent on being woken by its doorbells and on listening.
    #[serde(default)]
    pub doorbell_ns: u64,
    /// Nanoseconds that argod spent on connections to its socket, up to sessions or refusals.
    #[serde(default)]
    pub attachment_ns: u64,
    /// Nanoseconds that argod spent on its grants, event channels and store.
    #[serde(default)]
    pub services_ns: u64,
    /// Nanoseconds that argod spent on ending its sessions and giving back their memory.
    #[serde(default)]
    pub ending_ns: u64,
    /// Nanoseconds of processor time that its machine ran, beside its calls.
    #[serde(default)]
    pub guest_ns: u64,
    /// Nanoseconds that argod spent on interrupting its sessions, those that ended included.
    pub interrupt_ns: u64,
    /// How often its doorbells were ignored for a while, since it rang for nothing.
    pub mutes: u64,
    /// Processes that attached so far.
    pub attachments: u64,
    /// Processes that were refused so far.
    pub refused_attachments: u64,
    /// What it uses of grants, event channels and the store.
    #[serde(default)]
    pub services: ServicesStat,
    /// What it may use up of them.
    #[serde(default)]
    pub services_allowed: ServiceQuotas,
}

impl DomainStat {
    /// All nanoseconds that argod spent on it.
    pub fn time_ns(&self) -> u64 {
        let spent = [
            self.service_ns,
            self.doorbell_ns,
            self.interrupt_ns,
            self.attachment_ns,
            self.services_ns,
            self.ending_ns,
            self.guest_ns,
        ];
        spent.into_iter().fold(0, u64::saturating_add)
    }
}

impl Stat {
    /// Nanoseconds of argod's processor time that no domain caused: starting, administrators,
    /// metrics, audit, logging.
    pub fn nobodys_ns(&self) -> u64 {
        let accounted = self.domains.iter().map(DomainStat::time_ns);
        accounted.fold(self.processor_ns.saturating_sub(self.gone_ns), u64::saturating_sub)
    }
}

/// What a domain uses of grants, event channels and the store at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicesStat {
    /// Connections for them.
    pub connections: usize,
    /// Shares, those included that were taken back and are still mapped by somebody.
    pub shares: usize,
    /// Pages in them.
    pub pages: u32,
    /// Maps of other domains' shares.
    pub maps: usize,
    /// Event channel ports.
    pub ports: usize,
    /// Nodes of the store that it owns.
    pub store_nodes: usize,
    /// Its watches there.
    pub store_watches: usize,
    /// Its open transactions there.
    pub store_transactions: usize,
    /// Requests since the domain was made.
    pub requests: u64,
    /// How many of them were refused, for whatever reason.
    pub refused: u64,
}

/// A domain's virtual machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineStat {
    /// Whether it runs.
    pub state: MachineState,
    /// Its virtual processors.
    pub vcpus: u32,
    /// How often one of them wanted something of argod.
    pub exits: u64,
    /// How often it was started again after it had ended by itself.
    pub restarts: u64,
    /// How often it ended otherwise than with exit code 0 or by somebody's wish.
    pub failures: u64,
    /// Nanoseconds for which its vCPUs were delayed, since its calls had taken what they may.
    pub delayed_ns: u64,
    /// How it ended the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
    /// The last 4 KiB that it wrote to its console; empty where all domains are listed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub console: String,
}

/// Whether a virtual machine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// It runs.
    Running,
    /// It has ended, and is about to be started again.
    Waiting,
    /// It has ended by itself, for good.
    Ended,
    /// It was stopped, or never started.
    #[default]
    Stopped,
}

impl MachineState {
    /// As a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
        }
    }
}

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStat {
    /// Its process.
    pub pid: i32,
    /// That process's user when it attached.
    pub uid: u32,
    /// That process's group when it attached.
    pub gid: u32,
}

/// A ring at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingStat {
    /// Its port.
    pub port: u32,
    /// The only domain that may send to it; `None`: any may.
    pub partner: Option<u16>,
    /// Its length in bytes.
    pub len: u32,
    /// Bytes in it.
    pub filled: u32,
    /// Domains that wait for room in it.
    pub waiting: u32,
    /// Messages delivered into it.
    pub messages: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
}

impl RingStat {
    /// The part of it that is filled, in thousandths, rounded down.
    pub fn filled_permille(&self) -> u64 {
        u64::from(self.filled) * 1000 / u64::from(self.len.max(1))
    }
}

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// argod cannot be reached.
    #[error("{}: {source}; is this the admin socket of a running argod?", path.display())]
    Connection {
        /// The admin socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// argod's answer makes no sense.
    #[error("{}: not an answer of argod: {source}", path.display())]
    Answer {
        /// The admin socket.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// argod refused.
    #[error("{0}")]
    Refused(String),
}

/// A connection to the admin socket.
pub struct AdminClient {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl AdminClient {
    /// Connects.
    ///
    /// # Errors
    /// Nobody serves there, or it may not be reached.
    pub fn connect(path: &Path) -> Result<Self, AdminError> {
        let path = path.to_owned();
        let connect = || {
            let stream = UnixStream::connect(&path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(BufReader::new(stream))
        };
        match connect() {
            Ok(stream) => Ok(Self { path, stream }),
            Err(source) => Err(AdminError::Connection { path, source }),
        }
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// It was refused, or the connection broke.
    pub fn request<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, AdminError> {
        let line = self
            .exchange(request)
            .map_err(|source| AdminError::Connection { path: self.path.clone(), source })?;
        let bad = |source| AdminError::Answer { path: self.path.clone(), source };
        match serde_json::from_str(&line).map_err(bad)? {
            Answer::Ok(value) => serde_json::from_value(value).map_err(bad),
            Answer::Error(text) => Err(AdminError::Refused(text)),
        }
    }

    fn exchange(&mut self, request: &Request) -> io::Result<String> {
        write_line(self.stream.get_mut(), request)?;
        match read_line(&mut self.stream)? {
            Some(line) => Ok(line),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Writes a value as one line.
pub(crate) fn write_line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads one line; `None` at the end.
pub(crate) fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(LINE_MAX).read_line(&mut line)?;
    match line.ends_with('\n') {
        true => Ok(Some(line)),
        false if read == 0 => Ok(None),
        false if read as u64 == LINE_MAX => {
            let text = format!("a line of more than {LINE_MAX} bytes");
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
