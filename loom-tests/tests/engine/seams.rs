//! What a host must not do at the engine's seams, and that these models would tell.

use std::sync::{Arc, OnceLock};

use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_core::{DomainId, Port};
use argo_hypervisor::{Engine, Events, Existing, Judge};
use loom_tests::{Heard, Pair, World, check_all, id, ring};

/// A judge that does something when it is asked for the source ports, with a ring table open.
#[derive(Default)]
struct Meddler(OnceLock<Box<dyn Fn(DomainId) + Send + Sync>>);

impl Judge for Meddler {
    fn hook(&self, _: Query) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Deny, rule: None }
    }

    fn ports_from_any(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from(&self, query: PortQuery, _: impl Iterator<Item = Port> + Clone) -> Decision {
        if let Some(deed) = self.0.get() {
            deed(query.from);
        }
        self.ports(query)
    }
}

/// Both domains ask after each other's rings at once.
fn both_ask(deed: fn(&Engine<World<Meddler>>, DomainId)) {
    check_all(move || {
        let pair = Pair::of(Meddler::default(), Heard::default());
        pair.sender.register(ring(Pair::PORT, None), 0, Existing::Fail).unwrap();
        let engine = Arc::downgrade(&pair.engine);
        let meddle = move |asker| deed(&engine.upgrade().unwrap(), asker);
        assert!(pair.engine.policy().0.set(Box::new(meddle)).is_ok());
        let other = pair.spawn(|pair| pair.receiver.query(id(1), Pair::PORT).unwrap());
        pair.sender.query(id(2), Pair::PORT).unwrap();
        other.join().unwrap();
    });
}

#[test]
fn two_questions_do_not_wait_for_each_other() {
    both_ask(|_, _| {});
}

#[test]
#[should_panic(expected = "crosswise")]
fn a_judge_that_calls_the_engine_is_found_out() {
    both_ask(|engine, asker| {
        let other = engine.domain(id(3 - asker.raw())).unwrap();
        engine.withdraw_rings(&other, |_| false);
    });
}

/// No deadlock, but where writers that wait hold readers up.
#[test]
#[should_panic(expected = "crosswise")]
fn locks_that_are_read_crosswise_are_found_out() {
    both_ask(|engine, asker| {
        let _ = engine.stat(id(3 - asker.raw()));
    });
}

#[test]
#[should_panic(expected = "a lock is taken twice")]
fn a_lock_that_is_taken_twice_is_found_out() {
    both_ask(|engine, asker| {
        let _ = engine.stat(asker);
    });
}

#[test]
#[should_panic(expected = "with a lock held")]
fn an_event_with_a_lock_held_is_found_out() {
    both_ask(|engine, asker| engine.events().virq(asker));
}
