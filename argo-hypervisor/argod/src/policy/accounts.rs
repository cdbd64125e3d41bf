//! Rate limits: how much each domain has sent of late by each rule that limits it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::config::Limit;

/// Nanoseconds since a fixed moment.
pub(super) type Nanos = u64;

/// A domain may save up what it does not use for so long.
const WINDOW: Nanos = 1_000_000_000;

/// One account a limited rule and domain.
pub(super) struct Accounts {
    /// By rule: its limit, and its place among the limited ones.
    limited: Box<[Option<(Limit, usize)>]>,
    domains: usize,
    accounts: Box<[Account]>,
}

/// What one domain sent by one rule, each told as the moment at which it will be forgotten.
#[derive(Default)]
struct Account {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Accounts {
    /// Accounts with nothing on them, for rules with these limits.
    pub(super) fn new(limits: impl Iterator<Item = Limit>, domains: usize) -> Self {
        let mut places = 0..;
        let mut number = |limit: Limit| Some((limit, places.next()?));
        let limited: Box<[_]> = limits
            .map(|limit| if limit == Limit::default() { None } else { number(limit) })
            .collect();
        let count = limited.iter().flatten().count() * domains;
        Self { limited, domains, accounts: (0..count).map(|_| Account::default()).collect() }
    }

    /// Takes over what was booked by the same rules, for domains that were at another place.
    pub(super) fn take_over(&self, old: &Self, moved: impl Fn(usize) -> Option<usize>) {
        for (place, domain) in
            (0..self.accounts.len()).map(|at| (at / self.domains, at % self.domains))
        {
            let earlier = moved(domain).and_then(|was| old.accounts.get(place * old.domains + was));
            if let (Some(earlier), Some(account)) =
                (earlier, self.accounts.get(place * self.domains + domain))
            {
                account.messages.store(earlier.messages.load(Relaxed), Relaxed);
                account.bytes.store(earlier.bytes.load(Relaxed), Relaxed);
            }
        }
    }

    /// Whether the rule has a limit.
    #[inline]
    pub(super) fn limits(&self, rule: usize) -> bool {
        !self.accounts.is_empty() && self.limited.get(rule).is_some_and(Option::is_some)
    }

    /// When the domain at this place may send by this rule; `None`: now.
    pub(super) fn due(&self, rule: usize, domain: usize, now: Nanos) -> Option<Nanos> {
        let (limit, account) = self.find(rule, domain)?;
        let messages = account.messages.load(Relaxed).saturating_add(cost(1, limit.messages));
        // How long the message is, is not known yet: it may go if anything may.
        let bytes = account.bytes.load(Relaxed).saturating_add(cost(1, limit.bytes));
        let due = messages.max(bytes).saturating_sub(WINDOW);
        (due > now).then_some(due)
    }

    /// Books a message. It may overdraw the account: what comes next waits longer then.
    pub(super) fn book(&self, rule: usize, domain: usize, now: Nanos, bytes: u32) {
        let Some((limit, account)) = self.find(rule, domain) else { return };
        account.messages.add(now, cost(1, limit.messages));
        account.bytes.add(now, cost(bytes.into(), limit.bytes));
    }

    fn find(&self, rule: usize, domain: usize) -> Option<(Limit, &Account)> {
        let (limit, place) = (*self.limited.get(rule)?)?;
        let accounts = self.accounts.get(place * self.domains..)?;
        Some((limit, accounts.get(..self.domains)?.get(domain)?))
    }
}

/// How long so many units are remembered, at most so many a second.
fn cost(units: u64, a_second: Option<u64>) -> Nanos {
    let nanos = |rate: u64| u128::from(units) * u128::from(WINDOW) / u128::from(rate.max(1));
    a_second.map_or(0, |rate| u64::try_from(nanos(rate)).unwrap_or(u64::MAX))
}

trait Remembered {
    /// Remembers more, from now on or from when what was before is forgotten.
    fn add(&self, now: Nanos, cost: Nanos);
}

impl Remembered for AtomicU64 {
    fn add(&self, now: Nanos, cost: Nanos) {
        if cost > 0 {
            let more = |until: Nanos| Some(until.max(now).saturating_add(cost));
            // The closure never refuses.
            let _ = self.fetch_update(Relaxed, Relaxed, more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = WINDOW;

    fn one(messages: Option<u64>, bytes: Option<u64>) -> Accounts {
        Accounts::new([Limit::default(), Limit { messages, bytes }].into_iter(), 2)
    }

    /// Messages of so many bytes that go at once.
    fn burst(accounts: &Accounts, domain: usize, now: Nanos, bytes: u32) -> usize {
        let go = |_: &i32| {
            let goes = accounts.due(1, domain, now).is_none();
            if goes {
                accounts.book(1, domain, now, bytes);
            }
            goes
        };
        (0..10_000).take_while(go).count()
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_then_as_much_as_time_passes() {
        let accounts = one(Some(10), None);
        assert_eq!(burst(&accounts, 0, 5, 1000), 10);
        assert_eq!(accounts.due(1, 0, 5), Some(5 + SECOND / 10));
        assert_eq!(burst(&accounts, 0, 5 + SECOND / 10 - 1, 0), 0);
        assert_eq!(burst(&accounts, 0, 5 + SECOND / 10, 0), 1);
        assert_eq!(burst(&accounts, 0, 100 * SECOND, 0), 10, "no more is saved up");
    }

    #[test]
    fn each_domain_and_rule_has_an_account_of_its_own() {
        let accounts = one(Some(3), None);
        assert_eq!((burst(&accounts, 0, 0, 0), burst(&accounts, 1, 0, 0)), (3, 3));
        assert_eq!(
            (accounts.due(0, 0, 0), accounts.due(7, 0, 0), accounts.due(1, 2, 0)),
            (None, None, None)
        );
        assert!(accounts.limits(1) && !accounts.limits(0) && !accounts.limits(2));
    }

    #[test]
    fn a_message_that_is_longer_than_a_second_s_worth_goes_and_is_paid_for() {
        let accounts = one(None, Some(1000));
        assert_eq!(burst(&accounts, 0, 0, 5000), 1);
        assert_eq!(accounts.due(1, 0, 0), Some(4 * SECOND + SECOND / 1000));
        assert_eq!(burst(&accounts, 0, 4 * SECOND + SECOND / 1000, 1), 1);
    }

    #[test]
    fn the_stricter_limit_counts() {
        assert_eq!(burst(&one(Some(5), Some(1000)), 0, 0, 10), 5);
        assert_eq!(burst(&one(Some(500), Some(1000)), 0, 0, 10), 100);
    }
}
