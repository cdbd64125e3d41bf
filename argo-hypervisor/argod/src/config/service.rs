//! How `argod` serves, logs and locks memory.

use serde::{Deserialize, Serialize};

use super::host::Host;
use super::read::{Reader, integer, word};

/// Workers that `argod` may have.
pub const WORKERS_MAX: u32 = 256;

/// How the workers serve sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Worker threads.
    pub workers: u32,
    /// How long a worker watches a session without calls before it sleeps, at most, in microseconds.
    pub spin_us: u32,
    /// Calls of one session that are served before the next session's turn.
    pub budget_calls: u32,
    /// Microseconds that such a turn may take.
    pub budget_us: u32,
    /// Microseconds that waking a process may take before it is done by another thread.
    pub kick_limit_us: u32,
}

impl Service {
    pub(super) fn standard(host: &Host) -> Self {
        let workers = u32::try_from(host.cpus.len()).unwrap_or(WORKERS_MAX).min(WORKERS_MAX);
        Self { workers, spin_us: 50, budget_calls: 64, budget_us: 500, kick_limit_us: 100 }
    }

    pub(super) fn read(mut table: Reader<'_>, host: &Host) -> Self {
        let standard = Self::standard(host);
        let workers = integer(1..=u64::from(WORKERS_MAX));
        let service = Self {
            workers: table.or("workers", workers, standard.workers),
            spin_us: table.or("spin_us", integer(0..=10_000), standard.spin_us),
            budget_calls: table.or("budget_calls", integer(1..=65_536), standard.budget_calls),
            budget_us: table.or("budget_us", integer(10..=1_000_000), standard.budget_us),
            kick_limit_us: table.or(
                "kick_limit_us",
                integer(1..=1_000_000),
                standard.kick_limit_us,
            ),
        };
        table.finish();
        service
    }
}

/// What the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
    /// The least important lines that are written.
    pub level: LogLevel,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// Lines to read.
    Human,
    /// One JSON object a line.
    Json,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// Something does not work.
    Error,
    /// Something may need a look.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Log {
    pub(super) const STANDARD: Self = Self { format: LogFormat::Human, level: LogLevel::Info };

    pub(super) fn read(mut table: Reader<'_>) -> Self {
        use LogLevel::{Debug, Error, Info, Trace, Warn};
        let format = word([("human", LogFormat::Human), ("json", LogFormat::Json)]);
        let level = word([
            ("error", Error),
            ("warn", Warn),
            ("info", Info),
            ("debug", Debug),
            ("trace", Trace),
        ]);
        let log = Self {
            format: table.or("format", format, Self::STANDARD.format),
            level: table.or("level", level, Self::STANDARD.level),
        };
        table.finish();
        log
    }
}

/// Whether the domains' RAM is locked, so that it is never swapped out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMemory {
    /// A session whose RAM cannot be locked is refused.
    Require,
    /// It is locked if possible.
    Try,
    /// It is not locked.
    No,
}

impl LockMemory {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let ways = word([("require", Self::Require), ("try", Self::Try), ("no", Self::No)]);
        table.or("lock_memory", ways, Self::Try)
    }
}

/// Whether argod gives up, once it has started, what it needs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cage {
    /// Without it argod does not start.
    Require,
    /// As far as this kernel can.
    Try,
    /// Nothing is given up.
    No,
}

impl Cage {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let ways = word([("require", Self::Require), ("try", Self::Try), ("no", Self::No)]);
        table.or("cage", ways, Self::Try)
    }
}
