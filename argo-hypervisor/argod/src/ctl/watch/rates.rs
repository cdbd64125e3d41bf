//! What happened between two answers of argod, by the second.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::admin::{DomainStat, Stat};

/// What argod said, and when.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    pub(super) stat: Stat,
}

/// What a domain did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Activity {
    /// Messages sent a second.
    pub(super) messages: f64,
    /// Bytes of payload sent a second.
    pub(super) bytes: f64,
    /// Calls refused a second.
    pub(super) refusals: f64,
    /// Time that argod spent on it: seconds a second, so 1 is a whole processor.
    pub(super) time: f64,
}

/// How often a rule refused something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleRate {
    pub(super) cause: String,
    pub(super) count: u64,
    /// Refusals a second, if that can be told.
    pub(super) rate: Option<f64>,
}

/// Two moments of the same argod.
#[derive(Clone, Copy)]
pub(super) struct Span<'m> {
    before: &'m Stat,
    now: &'m Stat,
    seconds: f64,
}

impl<'m> Span<'m> {
    /// The time between two moments; `None` if they are not of one argod, or no time has passed.
    pub(super) fn new(before: &'m Moment, now: &'m Moment) -> Option<Self> {
        let seconds = now.at.saturating_duration_since(before.at).as_secs_f64();
        let same = before.stat.started == now.stat.started && before.stat.uptime <= now.stat.uptime;
        (same && seconds > 0.0).then_some(Self { before: &before.stat, now: &now.stat, seconds })
    }

    /// What a domain did. `None` if it was not there before, or is another by now: a counter of
    /// its that went backwards tells.
    pub(super) fn activity(&self, domain: &DomainStat) -> Option<Activity> {
        let same = |other: &&DomainStat| (other.id, &other.name) == (domain.id, &domain.name);
        let before = counters(self.before.domains.iter().find(same)?);
        let now = counters(domain);
        let mut rates = [0.0; COUNTERS];
        for ((rate, before), now) in rates.iter_mut().zip(before).zip(now) {
            *rate = now.checked_sub(before)? as f64 / self.seconds;
        }
        let [messages, bytes, refusals, nanoseconds, _] = rates;
        Some(Activity { messages, bytes, refusals, time: nanoseconds / 1e9 })
    }

    fn refusals(self) -> BTreeMap<&'m str, u64> {
        self.before.refusals.iter().map(|rule| (&*rule.cause, rule.count)).collect()
    }
}

const COUNTERS: usize = 5;

/// What only grows as long as it is the same domain.
fn counters(domain: &DomainStat) -> [u64; COUNTERS] {
    [
        domain.messages,
        domain.bytes,
        domain.refused.values().sum(),
        domain.time_ns(),
        domain.attachments,
    ]
}

/// What the policy refused, the most frequent first.
pub(super) fn rules(span: Option<Span<'_>>, now: &Stat) -> Vec<RuleRate> {
    let before = span.map(|span| (span.refusals(), span.seconds));
    let rate = |cause: &str, count: u64| {
        let (before, seconds) = before.as_ref()?;
        // One that had refused nothing yet is not listed.
        let before = before.get(cause).copied().unwrap_or(0);
        Some(count.checked_sub(before)? as f64 / seconds)
    };
    let refused = now.refusals.iter().map(|rule| RuleRate {
        cause: rule.cause.clone(),
        count: rule.count,
        rate: rate(&rule.cause, rule.count),
    });
    let mut refused: Vec<_> = refused.collect();
    refused.sort_by(|a, b| {
        let rate = |rule: &RuleRate| rule.rate.unwrap_or(-1.0);
        rate(b).total_cmp(&rate(a)).then(b.count.cmp(&a.count))
    });
    refused
}

impl Span<'_> {
    /// Time that argod spent on all domains together, in seconds a second.
    pub(super) fn time(&self) -> f64 {
        let active = self.now.domains.iter().filter_map(|domain| self.activity(domain));
        active.map(|activity| activity.time).sum()
    }
}
