//! What this machine has: processors and memory.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity};
use thiserror::Error;

use super::domain::Domain;
use super::read::{Kind, whole_number};
use super::values::Size;

/// The machine that a configuration is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The processors that `argod` may run on, in ascending order; at least one.
    pub cpus: Vec<u32>,
}

impl Host {
    /// This machine, as far as this process may use it.
    pub fn detect() -> Self {
        let usable = |set: CpuSet| (0..CpuSet::MAX_CPU).filter(move |cpu| set.is_set(*cpu));
        let cpus: Vec<u32> = sched_getaffinity(None)
            .map(|set| usable(set).filter_map(|cpu| u32::try_from(cpu).ok()).collect())
            .unwrap_or_default();
        Self { cpus: if cpus.is_empty() { vec![0] } else { cpus } }
    }

    /// The part of it that has workers, if that many are spread over its processors.
    pub fn with_workers(&self, workers: usize) -> Self {
        Self { cpus: self.cpus.iter().copied().take(workers.max(1)).collect() }
    }

    /// A processor that this machine has.
    pub(super) fn cpu(&self) -> Kind<u32> {
        let cpus = self.cpus.clone();
        Kind::new(format!("a processor that has a worker: {}", ranges(&cpus)), move |value| {
            let cpu = u32::try_from(whole_number(value)?).ok()?;
            cpus.contains(&cpu).then_some(cpu)
        })
    }
}

/// Ascending numbers as Linux lists processors: `0-3,8`.
fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| b - a == 1).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// The machine has less memory than the domains may need.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "too little memory: the domains may need {needed} for {sessions} sessions, {available} are \
     available; the largest is {largest} with {largest_needed}"
)]
pub struct MemoryShort {
    /// What all sessions of all domains need together.
    pub needed: Size,
    /// How many sessions that are.
    pub sessions: u64,
    /// What the machine can give.
    pub available: Size,
    /// The name of the domain that needs most.
    pub largest: String,
    /// What that one needs.
    pub largest_needed: Size,
}

/// The machine has less memory than the domains may share beside their sessions' RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the domains may share {shared} (quotas.grant_pages), their RAM leaves {left}")]
pub struct SharesShort {
    /// What all domains may share.
    pub shared: Size,
    /// What is available without their sessions' RAM.
    pub left: Size,
}

/// Checks that `available` bytes suffice for the RAM of every session of these domains.
///
/// # Errors
/// They do not: how much is needed, and by whom.
pub fn check_memory(domains: &[Domain], available: u64) -> Result<(), MemoryShort> {
    let needed = domains.iter().fold(0u64, |sum, one| sum.saturating_add(one.memory_needed()));
    match domains.iter().max_by_key(|domain| domain.memory_needed()) {
        Some(largest) if needed > available => Err(MemoryShort {
            needed: Size(needed),
            sessions: domains.iter().map(|domain| u64::from(domain.quotas.sessions)).sum(),
            available: Size(available),
            largest: largest.name.clone(),
            largest_needed: Size(largest.memory_needed()),
        }),
        _ => Ok(()),
    }
}

/// Checks that what is left of `available` bytes beside the RAM suffices for all that they may share.
/// No share is there from the beginning, and the policy may allow none: this is no reason not to start.
///
/// # Errors
/// It does not: how much is needed, and left.
pub fn check_shares(domains: &[Domain], available: u64) -> Result<(), SharesShort> {
    let sum = |of: fn(&Domain) -> u64| domains.iter().map(of).fold(0, u64::saturating_add);
    let left = available.saturating_sub(sum(Domain::memory_needed));
    match sum(|domain| domain.quotas.services.grant_bytes()) {
        shared if shared > left => Err(SharesShort { shared: Size(shared), left: Size(left) }),
        _ => Ok(()),
    }
}

/// Bytes of memory that Linux could give to new work now (`MemAvailable`).
///
/// # Errors
/// `/proc/meminfo` cannot be read, or does not say.
pub fn available_memory() -> io::Result<u64> {
    parse_meminfo(&std::fs::read_to_string("/proc/meminfo")?)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/meminfo: no MemAvailable"))
}

pub(super) fn parse_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
