//! The listener's queue against a model: places are counted for each domain alone, and come back.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use std::collections::VecDeque;

use argo_core::DomainId;
use argo_stream::{Admission, Backlog, Key, Limits};
use proptest::prelude::*;

use support::{endpoint, held, seeded};

const DOMAINS: usize = 3;

fn key(domain: usize, conid: u32) -> Key {
    Key { peer: endpoint(u16::try_from(domain).unwrap(), 0x6001), conid }
}

fn id(domain: usize) -> DomainId {
    key(domain, 0).peer.domain
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Request { domain: usize, conid: u32 },
    GiveUp { domain: usize },
    Accept,
    Withdraw { domain: usize, conid: u32 },
    Close { domain: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (domain, conid) = (0..DOMAINS, 0..4_u32);
    prop_oneof![
        6 => (domain.clone(), conid.clone()).prop_map(|(domain, conid)| Step::Request { domain, conid }),
        1 => domain.clone().prop_map(|domain| Step::GiveUp { domain }),
        3 => Just(Step::Accept),
        1 => (domain.clone(), conid).prop_map(|(domain, conid)| Step::Withdraw { domain, conid }),
        2 => domain.prop_map(|domain| Step::Close { domain }),
    ]
}

/// What a listener does, counted the simple way.
struct Model {
    limits: Limits,
    queue: VecDeque<Key>,
    accepted: [usize; DOMAINS],
}

impl Model {
    fn waiting(&self, domain: usize) -> usize {
        self.queue.iter().filter(|key| key.peer.domain == id(domain)).count()
    }

    fn admission(&self, domain: usize) -> Admission {
        let Limits { waiting, connections } = self.limits;
        if self.waiting(domain) >= waiting {
            Admission::BacklogFull { waiting }
        } else if self.waiting(domain) + self.accepted[domain] >= connections {
            Admission::TooManyConnections { connections }
        } else {
            Admission::Admitted
        }
    }

    fn apply(&mut self, backlog: &mut Backlog<u32>, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Request { domain, conid } => {
                let admission = backlog.admit(id(domain));
                prop_assert_eq!(admission, self.admission(domain));
                if admission == Admission::Admitted {
                    backlog.push(key(domain, conid), conid);
                    self.queue.push_back(key(domain, conid));
                }
            }
            Step::GiveUp { domain } => {
                let admission = backlog.admit(id(domain));
                prop_assert_eq!(admission, self.admission(domain));
                if admission == Admission::Admitted {
                    backlog.discard(id(domain));
                }
            }
            Step::Accept => {
                let next = backlog.pop().map(|(key, _)| key);
                prop_assert_eq!(next, self.queue.pop_front());
                if let Some(key) = next {
                    self.accepted[usize::from(key.peer.domain.raw())] += 1;
                }
            }
            Step::Withdraw { domain, conid } => {
                let at = self.queue.iter().position(|other| *other == key(domain, conid));
                prop_assert_eq!(backlog.contains(key(domain, conid)), at.is_some());
                let withdrawn = backlog.withdraw(key(domain, conid), |_| true);
                prop_assert_eq!(withdrawn.is_some(), at.is_some());
                at.and_then(|at| self.queue.remove(at));
            }
            Step::Close { domain } if self.accepted[domain] > 0 => {
                backlog.closed(id(domain));
                self.accepted[domain] -= 1;
            }
            Step::Close { .. } => {}
        }
        Ok(())
    }

    /// Accepts and closes everything.
    fn end(&mut self, backlog: &mut Backlog<u32>) -> Result<(), TestCaseError> {
        while !backlog.is_empty() {
            self.apply(backlog, Step::Accept)?;
        }
        for domain in 0..DOMAINS {
            for _ in 0..self.accepted[domain] {
                self.apply(backlog, Step::Close { domain })?;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(seeded())]

    fn places_are_counted(
        (waiting, connections) in (0..4_usize, 0..6_usize),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let limits = Limits { waiting, connections };
        let mut backlog = Backlog::new(limits);
        let mut model = Model { limits, queue: VecDeque::new(), accepted: [0; DOMAINS] };
        for step in steps {
            model.apply(&mut backlog, step)?;
        }
        model.end(&mut backlog)?;
        let fresh = Backlog::<u32>::new(limits);
        prop_assert_eq!(format!("{backlog:?}"), format!("{fresh:?}"), "something is left");
    }
}

#[test]
fn places_are_counted_by_domain_and_come_back() {
    places_are_counted();
    held("histories of a listener's queue");
}

#[test]
fn a_flood_of_one_domain_leaves_the_others_their_places() {
    let limits = Limits { waiting: 3, connections: 5 };
    let mut backlog = Backlog::new(limits);
    let mut admitted = |domain: usize| {
        let granted = (0..1000).filter(|conid| {
            let admitted = backlog.admit(id(domain)) == Admission::Admitted;
            if admitted {
                backlog.push(key(domain, *conid), ());
            }
            admitted
        });
        granted.count()
    };
    assert_eq!([admitted(0), admitted(1), admitted(2)], [3; 3]);
}

/// [b3] lets another port do it; [b4] keeps duplicates.
#[test]
fn only_its_sender_withdraws_a_request() {
    let mut backlog = Backlog::new(Limits { waiting: 9, connections: 9 });
    assert_eq!(backlog.admit(id(1)), Admission::Admitted);
    backlog.push(key(1, 7), 'a');
    let elsewhere = Key { peer: endpoint(1, 0x6002), conid: 7 };
    for other in [elsewhere, key(1, 8), key(2, 7)] {
        assert!(!backlog.contains(other));
        assert_eq!(backlog.withdraw(other, |_| true), None);
    }
    assert_eq!(backlog.withdraw(key(1, 7), |item| *item != 'a'), None);
    assert_eq!(backlog.withdraw(key(1, 7), |item| *item == 'a'), Some('a'));
    assert!(backlog.is_empty());
}
