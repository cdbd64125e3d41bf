//! What argod's policy does for a message allocates nothing: hook, ports, source port, limit. (In a
//! binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

#[path = "../../tests/counting/mod.rs"]
mod counting;

use std::path::Path;

use argo_core::policy::{Action, PortQuery, Query, Rings};
use argo_core::{DomainId, Port};
use argo_hypervisor::{Judge, Passage, Policy};
use argod::config::{Domain, Host, Rules};
use argod::policy::{Directory, LivePolicy};
use counting::allocations;

const RULES: &str = "
[[policy]]
hook = 'enable'
from = 'any'

[[policy]]
hook = 'send'
from = 'client'
to = 'server'

[[port]]
from = 'client'
to = 'server'
to_port = 9
action = 'deny'

[[port]]
from = 'client'
from_port = '100-200'
to = 'server'
to_port = 8

[[port]]
from = 'client'
to = 'server'
to_port = 7
messages_per_second = 10
";

fn policy() -> LivePolicy {
    let host = Host { cpus: vec![0] };
    let domain = |(id, name)| {
        let text = format!("id = {id}\nname = '{name}'\nram = 8192");
        Domain::parse("domain", &text, &host, Path::new("/run")).unwrap()
    };
    let directory = Directory::new(&[(1, "client"), (2, "server")].map(domain)).unwrap();
    LivePolicy::new(Rules::parse("t.toml", RULES, |_| true).unwrap(), directory)
}

/// Judges a message to each of three ports as a send does; what is allowed is delivered. Returns how
/// many were allowed, refused, and held back.
fn judge_messages(policy: &LivePolicy) -> [u32; 3] {
    let [client, server] = [1, 2].map(|id| DomainId::new(id).unwrap());
    let judge = policy.judge();
    let mut counts = [0; 3];
    for to_port in [7, 8, 9].map(Port) {
        let hooks = [Query::Enable { domain: client }, Query::Send { from: client, to: server }];
        assert!(hooks.iter().all(|query| judge.hook(*query).action == Action::Allow));
        let claimed = Some(Port(150));
        let from_port = claimed.filter(|port| judge.minds_source(*port));
        let query = PortQuery { from: client, from_port, to: server, to_port, rings: Rings::Any };
        let decision = judge.ports(query);
        let passage = Passage { query, claimed, rule: decision.rule };
        match decision.action {
            Action::Deny => counts[1] += 1,
            Action::Allow if judge.throttles(&passage) => counts[2] += 1,
            Action::Allow => {
                judge.delivered(&passage, 64);
                counts[0] += 1;
            }
        }
    }
    counts
}

#[test]
fn a_decision_allocates_nothing() {
    let mut policy = None;
    assert!(allocations(|| policy = Some(self::policy())) > 0, "the counter counts");
    let policy = policy.unwrap();
    // A thread's first look at the policy makes its place among the readers.
    assert_eq!(judge_messages(&policy), [2, 1, 0]);
    let mut sums = [0; 3];
    let count = allocations(|| {
        for _ in 0..1000 {
            let counts = judge_messages(&policy);
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    });
    let [allowed, refused, held_back] = sums;
    assert_eq!((count, refused, allowed + held_back), (0, 1000, 2000));
    assert!(allowed >= 1000 && held_back > 0, "{sums:?}");
}
