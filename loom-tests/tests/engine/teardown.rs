//! Calls of domains against the end of a domain: no deadlock, and nothing of the dead is left.

use argo_core::Errno;
use argo_hypervisor::{CreateError, Existing, Quotas, Start};
use loom_tests::{Guest, Pair, Tally, check, check_all, id, ring};

/// How a domain ends.
type End = fn(&Guest);

fn destroyed(domain: &Guest) {
    domain.engine.destroy_domain(domain.id()).unwrap();
}

fn deactivated(domain: &Guest) {
    domain.engine.deactivate(&domain.caller.domain);
}

fn reset(domain: &Guest) {
    domain.engine.soft_reset(domain.id()).unwrap();
}

/// Known to be wrong: calls of the domain go on, and begin.
fn stripped_of_its_rings(domain: &Guest) {
    domain.engine.withdraw_rings(&domain.caller.domain, |_| true);
}

/// Known to be wrong: nobody waits for what is under way.
fn forgotten(_: &Guest) {}

fn send_against_end_of_receiver(end: End) -> [usize; 2] {
    let (sent, refused) = (Tally::default(), Tally::default());
    let tallies = [sent.clone(), refused.clone()];
    check_all(move || {
        let pair = Pair::new();
        let end = pair.spawn(move |pair| {
            end(&pair.receiver);
            pair.receiver.caller.memory.contents()
        });
        match pair.sender.send(id(2), Pair::PORT, 1) {
            Ok(_) => sent.note(),
            Err(Errno::ESRCH | Errno::ECONNREFUSED) => refused.note(),
            Err(other) => panic!("{other:?}"),
        }
        let contents = end.join().unwrap();
        assert!(contents == pair.receiver.caller.memory.contents(), "written after the end");
    });
    tallies.map(|tally| tally.count())
}

#[test]
fn a_ring_is_not_written_after_its_owners_end() {
    for end in [destroyed, deactivated, reset, stripped_of_its_rings] {
        let [sent, refused] = send_against_end_of_receiver(end);
        assert!(sent > 0 && refused > 0);
    }
}

#[test]
#[should_panic(expected = "written after the end")]
fn an_end_that_waits_for_no_send_is_found_out() {
    send_against_end_of_receiver(forgotten);
}

fn registration_against_end_of_owner(end: End) {
    check_all(move || {
        let pair = Pair::new();
        let call = pair.spawn(|pair| pair.receiver.register(ring(8, None), 1, Existing::Fail));
        end(&pair.receiver);
        assert_eq!(pair.receiver.caller.memory.rings(), 0, "a ring is held after its owner's end");
        let result = call.join().unwrap();
        assert!(matches!(result, Ok(()) | Err(Errno::ENODEV)), "{result:?}");
        assert_eq!(pair.receiver.caller.memory.rings(), 0, "a ring is held after its owner's end");
    });
}

#[test]
fn no_ring_outlives_its_owner() {
    registration_against_end_of_owner(destroyed);
    registration_against_end_of_owner(deactivated);
}

#[test]
#[should_panic(expected = "held after its owner's end")]
fn an_end_beside_the_gate_is_found_out() {
    registration_against_end_of_owner(stripped_of_its_rings);
}

/// The sender registers a ring for the receiver, which ends.
fn registration_against_end_of_partner(end: End) -> [usize; 2] {
    let (registered, refused) = (Tally::default(), Tally::default());
    let tallies = [registered.clone(), refused.clone()];
    check_all(move || {
        let pair = Pair::new();
        let call = pair.spawn(|pair| pair.sender.register(ring(8, Some(id(2))), 0, Existing::Fail));
        end(&pair.receiver);
        let stat = pair.engine.stat(id(1)).unwrap();
        assert!(stat.rings.is_empty(), "a ring is for who has gone");
        match call.join().unwrap() {
            Ok(()) => registered.note(),
            Err(Errno::ESRCH | Errno::ECONNREFUSED) => refused.note(),
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(pair.sender.caller.memory.rings(), 0, "a ring is for who has gone");
    });
    tallies.map(|tally| tally.count())
}

#[test]
fn no_ring_names_a_partner_that_has_gone() {
    let [registered, refused] = registration_against_end_of_partner(destroyed);
    assert!(registered > 0 && refused > 0);
}

#[test]
#[should_panic(expected = "for who has gone")]
fn an_end_that_others_do_not_see_is_found_out() {
    registration_against_end_of_partner(|partner| {
        let owner = partner.engine.domain(id(1)).unwrap();
        partner.engine.withdraw_rings(&owner, |_| true);
    });
}

/// A domain that comes while the walk over all domains is under way has no ring for the dead either.
#[test]
fn no_ring_of_a_newcomer_names_a_partner_that_has_gone() {
    check_all(|| {
        let pair = Pair::new();
        let newcomer = pair.spawn(|pair| {
            let newcomer = Guest::new(&pair.engine, id(3), 1, 1);
            let _ = newcomer.register(ring(8, Some(id(2))), 0, Existing::Fail);
            newcomer
        });
        destroyed(&pair.receiver);
        let newcomer = newcomer.join().unwrap();
        assert_eq!(newcomer.caller.memory.rings(), 0, "a ring is for who has gone");
    });
}

/// After a reset the domain is there as before, and so may be the ring; or its owner was told.
#[test]
fn a_ring_that_a_reset_takes_is_not_missed() {
    check_all(|| {
        let pair = Pair::new();
        let call = pair.spawn(|pair| pair.sender.register(ring(8, Some(id(2))), 0, Existing::Fail));
        reset(&pair.receiver);
        let registered = match call.join().unwrap() {
            Ok(()) => true,
            Err(Errno::ECONNREFUSED) => false,
            Err(other) => panic!("{other:?}"),
        };
        let told = pair.engine.events().rings_cut(id(1));
        assert_eq!(pair.sender.caller.memory.rings() + told, usize::from(registered));
    });
}

#[test]
fn two_domains_that_name_each_other_end_at_once() {
    check_all(|| {
        let pair = Pair::new();
        pair.sender.register(ring(8, Some(id(2))), 0, Existing::Fail).unwrap();
        pair.receiver.register(ring(8, Some(id(1))), 1, Existing::Fail).unwrap();
        let other = pair.spawn(|pair| destroyed(&pair.receiver));
        destroyed(&pair.sender);
        other.join().unwrap();
        assert_eq!(
            [pair.sender.caller.memory.rings(), pair.receiver.caller.memory.rings()],
            [0, 0]
        );
        assert!(pair.engine.domains().is_empty());
    });
}

#[test]
fn a_domain_is_destroyed_once_and_its_successor_stays() {
    let (succeeded, refused) = (Tally::default(), Tally::default());
    let tallies = [succeeded.clone(), refused.clone()];
    check_all(move || {
        let pair = Pair::new();
        let create =
            pair.spawn(|pair| pair.engine.create_domain(id(2), Quotas::default(), Start::Active));
        destroyed(&pair.receiver);
        match create.join().unwrap() {
            Ok(successor) => {
                succeeded.note();
                let found = pair.engine.domain(id(2)).unwrap();
                assert!(std::sync::Arc::ptr_eq(&found, &successor) && found.is_active());
            }
            Err(error) => {
                refused.note();
                assert_eq!(error, CreateError::Exists(id(2)));
                assert!(pair.engine.domain(id(2)).is_none());
            }
        }
    });
    assert!(tallies.iter().all(|tally| tally.count() > 0));
}

/// Sends both ways, rings that come and go, and an end: all the orders of locks at once.
#[test]
fn everything_at_once_does_not_deadlock() {
    check(|| {
        let pair = Pair::new();
        let back = pair.spawn(|pair| {
            let _ = pair.receiver.register(ring(8, Some(id(1))), 1, Existing::Replace);
            let _ = pair.engine.notify_owned(&pair.receiver.caller);
            let _ = pair.engine.unregister_ring(&pair.receiver.caller, ring(Pair::PORT, None));
        });
        let end = pair.spawn(|pair| destroyed(&pair.receiver));
        let _ = pair.sender.query(id(2), Pair::PORT);
        let _ = pair.sender.send(id(2), 8, 1);
        back.join().unwrap();
        end.join().unwrap();
        assert_eq!(pair.receiver.caller.memory.rings(), 0);
    });
}
