//! What the audit stream consists of.

use std::sync::Arc;
use std::time::SystemTime;

use argo_core::policy::{Hook, StoreAccess, StoreQuery};
use argo_core::{DomainId, Errno, Port};
use serde::{Deserialize, Serialize};

use super::Name;
use crate::daemon::Peer;

/// One line of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in UTC to the microsecond (RFC 3339).
    #[serde(with = "rfc3339")]
    pub time: SystemTime,
    /// The number of the event since argod started, from 1; none for what is about the reader.
    pub seq: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The policy refused something: a hook with EACCES, a port rule with EPERM.
    Refused(Judged),
    /// The rate limit of a rule put something off, with EAGAIN.
    Throttled(Judged),
    /// A rule with `log` allowed something.
    Allowed(Judged),
    /// A process may not attach to a domain.
    AttachRefused {
        /// The domain.
        domain: Party,
        /// The process; `None`: there was no thread to ask who it is.
        by: Option<Process>,
        /// Why.
        reason: String,
    },
    /// An administrator did something, or tried to.
    Admin {
        /// What.
        operation: Operation,
        /// The domain that it was done to, or the file that the policy came from.
        target: String,
        /// The administrator's process; `None`: it was done by a signal.
        by: Option<Process>,
        /// Why it was not done; `None`: it was.
        error: Option<String>,
    },
    /// Here are records missing, because this reader was too slow.
    Lost {
        /// How many.
        count: u64,
    },
}

/// Something that was decided about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What decided.
    pub hook: Check,
    /// The domain that wanted it.
    pub from: Party,
    /// The domain that it wanted it of, if the hook is about two.
    pub to: Option<Party>,
    /// The port that it says it sends from, where ports decide.
    pub from_port: Option<u32>,
    /// The port that it sends to, where ports decide.
    pub to_port: Option<u32>,
    /// What it wanted to do to which node of the store, where paths decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Node>,
    /// What the call answers; `None`: it was allowed.
    #[serde(with = "errno")]
    pub errno: Option<Errno>,
    /// The rule that decided; `None`: no rule allows it.
    pub rule: Option<Arc<Rule>>,
}

/// What decides about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Hook: may it use Argo?
    Enable,
    /// Hook: may it register a ring for every domain?
    RegisterAnySource,
    /// Hook: may it register a ring for that domain?
    RegisterSingleSource,
    /// Hook: may it send to that domain?
    Send,
    /// Hook: may it share pages with that domain?
    Grant,
    /// Hook: may it have an event channel with that domain?
    EventChannel,
    /// Port rules: may it send to that port?
    Port,
    /// Store rules: may it do that to that node of the store?
    Store,
}

/// A node of the store in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its path; cut off after [`PATH_MAX`](Self::PATH_MAX) bytes.
    pub path: Box<str>,
    /// What the domain wanted to do to it.
    #[serde(with = "access")]
    pub access: StoreAccess,
}

/// A domain in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its id.
    pub id: u16,
    /// Its name; `None`: there is no such domain.
    pub name: Option<Name>,
}

/// A rule in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its place among the rules of its kind, from 1.
    pub number: u32,
    /// The file that it stands in.
    pub file: String,
    /// The line where it begins, from 1.
    pub line: u32,
    /// Its author's remark.
    pub comment: Option<String>,
}

/// What an administrator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make a domain.
    Create,
    /// Destroy a domain.
    Destroy,
    /// Take all Argo state of a domain away.
    SoftReset,
    /// Start its virtual machine.
    Start,
    /// End its virtual machine.
    Stop,
    /// End the sessions of a domain.
    Detach,
    /// Replace the policy.
    Policy,
}

/// A process in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Judged {
    /// A call about which no ports are known.
    pub fn new(
        hook: Check,
        from: Party,
        to: Option<Party>,
        errno: Option<Errno>,
        rule: Option<Arc<Rule>>,
    ) -> Self {
        Self { hook, from, to, from_port: None, to_port: None, node: None, errno, rule }
    }

    /// The same, from this port to that one.
    #[must_use]
    pub fn with_ports(self, from: Port, to: Port) -> Self {
        Self { from_port: Some(from.0), to_port: Some(to.0), ..self }
    }
}

impl Node {
    /// Bytes of a path that a record has.
    pub const PATH_MAX: usize = 256;

    /// The node that was asked about.
    pub fn new(query: StoreQuery<'_>) -> Self {
        let cut = query.path.floor_char_boundary(Self::PATH_MAX);
        Self { path: query.path[..cut].into(), access: query.access }
    }
}

impl Party {
    /// The domain with this id, and this name if there is one.
    pub fn new(id: DomainId, name: Option<&str>) -> Self {
        Self { id: id.raw(), name: name.map(Name::new) }
    }
}

impl From<Hook> for Check {
    fn from(hook: Hook) -> Self {
        match hook {
            Hook::Enable => Self::Enable,
            Hook::RegisterAnySource => Self::RegisterAnySource,
            Hook::RegisterSingleSource => Self::RegisterSingleSource,
            Hook::Send => Self::Send,
            Hook::Grant => Self::Grant,
            Hook::EventChannel => Self::EventChannel,
        }
    }
}

impl From<Peer> for Process {
    fn from(Peer { pid, uid, gid }: Peer) -> Self {
        Self { pid, uid, gid }
    }
}

/// Times as RFC 3339 has them.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_micros(*time))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// Accesses by their names.
mod access {
    use argo_core::policy::StoreAccess;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(access: &StoreAccess, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(access.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StoreAccess, D::Error> {
        let name = String::deserialize(from)?;
        let known = StoreAccess::ALL.into_iter().find(|access| access.name() == name);
        known.ok_or_else(|| de::Error::custom(format!("no access to the store: {name}")))
    }
}

/// Errors by their names.
mod errno {
    use argo_core::Errno;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub fn serialize<S: Serializer>(errno: &Option<Errno>, to: S) -> Result<S::Ok, S::Error> {
        errno.map(|errno| format!("{errno:?}")).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Errno>, D::Error> {
        let find = |name: String| {
            let known = Errno::ALL.iter().find(|errno| format!("{errno:?}") == name);
            known.copied().ok_or_else(|| de::Error::custom(format!("no error of Argo's: {name}")))
        };
        Option::<String>::deserialize(from)?.map(find).transpose()
    }
}
