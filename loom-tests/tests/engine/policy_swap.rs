//! A new policy while calls are judged by the earlier one: once it is enforced, nothing is left that it
//! forbids, and nothing more comes of the earlier one.
//!
//! The engine's part is real: one judge a call, kept to its end, and `enforce`. The policy here does
//! what argod's does: it swaps one pointer, and waits until nobody else counts a reference to the
//! earlier one. argod has that pointer in an `ArcSwap`, which knows nothing of loom; here it lies
//! under a lock. So what is shown is the protocol, and that a swapped-out `ArcSwap` has as many
//! references as there are guards of it is trusted.

use std::ops::Deref;

use argo_core::Errno;
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_hypervisor::{Existing, Judge, Policy};
use loom_tests::checker::sync::{Arc, Mutex};
use loom_tests::checker::thread;
use loom_tests::{Heard, Tally, check_all, id, ring};

type Pair = loom_tests::Pair<Live, Heard>;

const PORT: u32 = loom_tests::Pair::PORT;

/// Whether domain 1 may send, and be a partner. Everything else may be.
struct Rules(Action);

/// The policy in force.
struct Live(Mutex<Arc<Rules>>);

impl Live {
    fn new() -> Self {
        Self(Mutex::new(Arc::new(Rules(Action::Allow))))
    }

    fn swap(&self, action: Action) -> Arc<Rules> {
        std::mem::replace(&mut self.0.lock().unwrap(), Arc::new(Rules(action)))
    }
}

/// Until no call is judged by it.
fn grace(mut old: Arc<Rules>) {
    while Arc::get_mut(&mut old).is_none() {
        thread::yield_now();
    }
}

struct Judging(Arc<Rules>);

impl Policy for Live {
    type Judge<'p> = Judging;

    fn judge(&self) -> Judging {
        Judging(Arc::clone(self.0.lock().unwrap().deref()))
    }
}

impl Judge for Judging {
    fn hook(&self, query: Query) -> Decision {
        let action = match query {
            Query::Send { from: partner, .. } | Query::RegisterSingleSource { partner, .. }
                if partner == id(1) =>
            {
                self.0.0
            }
            _ => Action::Allow,
        };
        Decision { action, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }

    fn minds_source(&self, _: argo_core::Port) -> bool {
        false
    }
}

/// How a policy that lets domain 1 send no more comes into force.
type Reload = fn(&Pair);

fn reload(pair: &Pair) {
    grace(pair.engine.policy().swap(Action::Deny));
    pair.engine.enforce();
}

/// Known to be wrong.
fn reload_without_grace(pair: &Pair) {
    let _old = pair.engine.policy().swap(Action::Deny);
    pair.engine.enforce();
}

/// Known to be wrong.
fn enforce_before_the_swap(pair: &Pair) {
    pair.engine.enforce();
    grace(pair.engine.policy().swap(Action::Deny));
}

/// Runs a call of a domain against a reload, and says how often it was allowed and forbidden.
fn against(
    reload: Reload,
    prepare: fn(&Pair),
    call: fn(&Pair) -> Result<(), Errno>,
    afterwards: fn(&Pair),
) -> [usize; 2] {
    let (allowed, forbidden) = (Tally::default(), Tally::default());
    let tallies = [allowed.clone(), forbidden.clone()];
    check_all(move || {
        let pair = Pair::of(Live::new(), Heard::default());
        prepare(&pair);
        let call = pair.spawn(call);
        reload(&pair);
        let contents = pair.receiver.caller.memory.contents();
        afterwards(&pair);
        match call.join().unwrap() {
            Err(Errno::EACCES) => forbidden.note(),
            Ok(()) | Err(Errno::EAGAIN) => allowed.note(),
            Err(other) => panic!("{other:?}"),
        }
        afterwards(&pair);
        assert!(contents == pair.receiver.caller.memory.contents(), "sent by rules that are gone");
    });
    tallies.map(|tally| tally.count())
}

fn register(pair: &Pair) -> Result<(), Errno> {
    pair.receiver.register(ring(8, Some(id(1))), 1, Existing::Fail)
}

fn one_ring_is_left(pair: &Pair) {
    assert_eq!(pair.receiver.caller.memory.rings(), 1, "a ring is left that may not be");
}

fn send(pair: &Pair) -> Result<(), Errno> {
    pair.sender.send(id(2), PORT, 2).map(drop)
}

/// So that the next send waits.
fn fill(pair: &Pair) {
    send(pair).unwrap();
}

fn nobody_waits(pair: &Pair) {
    assert_eq!(pair.receiver.waiting(), 0, "who may not send waits");
}

#[test]
fn nothing_is_left_that_a_new_policy_forbids() {
    for [allowed, forbidden] in [
        against(reload, |_| {}, register, one_ring_is_left),
        against(reload, fill, send, nobody_waits),
        against(reload, |_| {}, send, nobody_waits),
    ] {
        assert!(allowed > 0 && forbidden > 0);
    }
}

#[test]
#[should_panic(expected = "who may not send waits")]
fn enforcing_without_grace_is_found_out() {
    against(reload_without_grace, fill, send, nobody_waits);
}

#[test]
#[should_panic(expected = "by rules that are gone")]
fn a_message_that_passes_for_want_of_grace_is_found_out() {
    against(reload_without_grace, |_| {}, send, |_| {});
}

#[test]
#[should_panic(expected = "a ring is left")]
fn enforcing_before_the_swap_is_found_out() {
    against(enforce_before_the_swap, |_| {}, register, one_ring_is_left);
}
