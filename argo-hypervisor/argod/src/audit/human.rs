//! Records as lines for people.

use std::fmt;
use std::ops::Range;

use super::record::{Check, Event, Judged, Node, Operation, Party, Process, Record, Rule};

/// Of `2026-11-22T12:03:04.123456Z`, the time of the day.
const TIME_OF_DAY: Range<usize> = 11..26;

/// `12:03:04.123456 refused EPERM client(1):9 -> server(2):8 by port rule 3 (site.toml:31): "why"`
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_rfc3339_micros(self.time).to_string();
        write!(f, "{} {}", time.get(TIME_OF_DAY).unwrap_or(&time), self.event)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(judged) => write!(f, "refused {judged}"),
            Self::Throttled(judged) => write!(f, "throttled {judged}"),
            Self::Allowed(judged) => write!(f, "allowed {judged}"),
            Self::AttachRefused { domain, by, reason } => {
                let by = by.map_or_else(String::new, |by| format!(" of {by}"));
                write!(f, "attachment{by} to {domain} refused: {reason}")
            }
            Self::Admin { operation, target, by, error } => {
                let by = by.map_or_else(|| "a signal".to_owned(), |by| by.to_string());
                write!(f, "{} {target} by {by}", operation.name())?;
                error.iter().try_for_each(|error| write!(f, " failed: {error}"))
            }
            Self::Lost { count } => write!(f, "{count} records lost: this reader was too slow"),
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(errno) = self.errno {
            write!(f, "{errno:?} ")?;
        }
        let port = |port: Option<u32>| port.map_or_else(String::new, |port| format!(":{port}"));
        write!(f, "{}{}", self.from, port(self.from_port))?;
        if let Some(to) = self.to {
            write!(f, " -> {to}{}", port(self.to_port))?;
        }
        if let Some(Node { path, access }) = &self.node {
            write!(f, " {} {path:?}", access.name())?;
        }
        match &self.rule {
            Some(rule) => write!(f, " by {} {rule}", self.hook.name()),
            None => write!(f, ": no {} rule allows it", self.hook.name()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} ({}:{})", self.number, self.file, self.line)?;
        self.comment.iter().try_for_each(|comment| write!(f, ": {comment:?}"))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{name}({})", self.id),
            None => write!(f, "({})", self.id),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} (uid {})", self.pid, self.uid)
    }
}

impl Check {
    /// Its name, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::RegisterAnySource => "register_any_source",
            Self::RegisterSingleSource => "register_single_source",
            Self::Send => "send",
            Self::Grant => "grant",
            Self::EventChannel => "event_channel",
            Self::Port => "port",
            Self::Store => "store",
        }
    }
}

impl Operation {
    /// Its name, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Destroy => "destroy",
            Self::SoftReset => "soft_reset",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Detach => "detach",
            Self::Policy => "policy",
        }
    }
}
