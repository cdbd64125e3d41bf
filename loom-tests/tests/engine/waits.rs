//! A wait for room against what ends it: who waits is told, or finds that there is nothing to wait for.

use argo_core::{DomainId, Errno};
use argo_hypervisor::Events;
use argo_hypervisor::inprocess::AllowAll;
use loom_tests::{Guest, Heard, Pair, Tally, check_all, id, ring};

/// Events of a host that a model can ask.
trait Told: Events + Default + 'static {
    fn heard(&self) -> &Heard;
}

impl Told for Heard {
    fn heard(&self) -> &Heard {
        self
    }
}

/// A host that keeps to Xen's silence: known to be wrong.
#[derive(Default)]
struct Silent(Heard);

impl Events for Silent {
    fn virq(&self, domain: DomainId) {
        self.0.virq(domain);
    }
}

impl Told for Silent {
    fn heard(&self) -> &Heard {
        &self.0
    }
}

/// The receiver's ring is full; the sender tries to send, while the receiver does something.
fn wait_against<E: Told>(what: fn(&Guest<AllowAll, E>)) -> [usize; 2] {
    let (waited, did_not) = (Tally::default(), Tally::default());
    let tallies = [waited.clone(), did_not.clone()];
    check_all(move || {
        let pair = Pair::of(AllowAll, E::default());
        pair.sender.send(id(2), Pair::PORT, 1).unwrap();
        let receiver = pair.spawn(move |pair| what(&pair.receiver));
        let result = pair.sender.send(id(2), Pair::PORT, 2);
        receiver.join().unwrap();
        match result {
            Ok(_) | Err(Errno::ESRCH | Errno::ECONNREFUSED) => did_not.note(),
            Err(Errno::EAGAIN) => {
                waited.note();
                let answers = pair.engine.events().heard().answers(id(1));
                assert_ne!(answers, 0, "who waits is forgotten");
                assert_eq!(pair.receiver.waiting(), 0);
            }
            Err(other) => panic!("{other:?}"),
        }
    });
    tallies.map(|tally| tally.count())
}

fn unregister<E: Told>(owner: &Guest<AllowAll, E>) {
    owner.engine.unregister_ring(&owner.caller, ring(Pair::PORT, None)).unwrap();
}

fn destroy<E: Told>(owner: &Guest<AllowAll, E>) {
    owner.engine.destroy_domain(owner.id()).unwrap();
}

fn deactivate<E: Told>(owner: &Guest<AllowAll, E>) {
    owner.engine.deactivate(&owner.caller.domain);
}

fn reset<E: Told>(owner: &Guest<AllowAll, E>) {
    owner.engine.soft_reset(owner.id()).unwrap();
}

fn read_and_notify<E: Told>(owner: &Guest<AllowAll, E>) {
    assert_eq!(owner.receive(0), Some((1, 1)));
    owner.engine.notify_owned(&owner.caller).unwrap();
}

/// Known to be wrong.
fn notify_and_read<E: Told>(owner: &Guest<AllowAll, E>) {
    owner.engine.notify_owned(&owner.caller).unwrap();
    assert_eq!(owner.receive(0), Some((1, 1)));
}

#[test]
fn who_waits_for_a_ring_hears_of_its_end() {
    for end in [unregister::<Heard>, destroy, deactivate, reset] {
        let [waited, did_not] = wait_against(end);
        assert!(waited > 0 && did_not > 0);
    }
}

#[test]
#[should_panic(expected = "forgotten")]
fn a_host_that_tells_no_wait_its_end_is_found_out() {
    wait_against(unregister::<Silent>);
}

#[test]
fn who_waits_for_room_hears_of_it() {
    let [waited, did_not] = wait_against(read_and_notify::<Heard>);
    assert!(waited > 0 && did_not > 0);
}

#[test]
#[should_panic(expected = "forgotten")]
fn a_receiver_that_notifies_too_early_is_found_out() {
    wait_against(notify_and_read::<Heard>);
}

/// The sender ends while it sends: afterwards it neither waits nor writes.
fn sender_ends(end: fn(&Guest)) {
    check_all(move || {
        let pair = Pair::new();
        let full = pair.sender.send(id(2), Pair::PORT, 1).is_ok();
        let call = pair.spawn(|pair| pair.sender.send(id(2), Pair::PORT, 2));
        end(&pair.sender);
        assert_eq!(pair.receiver.waiting(), 0, "the dead waits");
        let result = call.join().unwrap();
        assert!(matches!(result, Err(Errno::EAGAIN | Errno::ENODEV)), "{result:?}");
        assert_eq!((full, pair.receiver.waiting()), (true, 0), "the dead waits");
    });
}

#[test]
fn nobody_waits_beyond_its_end() {
    sender_ends(|sender| sender.engine.destroy_domain(sender.id()).unwrap());
    sender_ends(|sender| sender.engine.deactivate(&sender.caller.domain));
}

#[test]
#[should_panic(expected = "the dead waits")]
fn an_end_that_ends_no_waits_is_found_out() {
    sender_ends(|sender| sender.engine.withdraw_rings(&sender.caller.domain, |_| true));
}

/// Two wait for the same ring, one of which ends: the other is told of the room all the same.
#[test]
fn the_end_of_one_who_waits_leaves_the_other_waiting() {
    let waited = Tally::default();
    let tally = waited.clone();
    check_all(move || {
        let pair = Pair::new();
        let third = Guest::new(&pair.engine, id(3), 1, 1);
        pair.sender.send(id(2), Pair::PORT, 1).unwrap();
        assert_eq!(third.send(id(2), Pair::PORT, 2), Err(Errno::EAGAIN));
        let end = pair.spawn(move |_| third.engine.destroy_domain(third.id()).unwrap());
        let receiver = pair.spawn(|pair| read_and_notify(&pair.receiver));
        if pair.sender.send(id(2), Pair::PORT, 3) == Err(Errno::EAGAIN) {
            waited.note();
            receiver.join().unwrap();
            assert_eq!(pair.engine.events().virqs(id(1)), 1, "who waits is forgotten");
        }
        end.join().unwrap();
        assert_eq!(pair.receiver.waiting(), 0);
    });
    assert_ne!(tally.count(), 0);
}

/// One waits already in a ring where who waits goes in turn, and the host lets who waits have the room: the
/// other, who may only wait behind it, is told all the same.
#[test]
fn who_waits_behind_another_hears_of_room_too() {
    let waited = Tally::default();
    let tally = waited.clone();
    check_all(move || {
        let pair = Pair::fair();
        let third = Guest::new(&pair.engine, id(3), 1, 1);
        pair.sender.send(id(2), Pair::PORT, 1).unwrap();
        assert_eq!(third.send(id(2), Pair::PORT, 2), Err(Errno::EAGAIN));
        let lender = pair.spawn(|pair| {
            assert_eq!(pair.receiver.receive(0), Some((1, 1)));
            pair.engine.lend_room(id(2)).unwrap();
        });
        let result = pair.sender.send(id(2), Pair::PORT, 3);
        lender.join().unwrap();
        if pair.receiver.waiting() > 0 {
            // One was called first and does not come: the host was asked to look again.
            assert_ne!(pair.engine.events().rooms_kept(id(2)), 0, "who waits is forgotten");
            pair.engine.lend_room(id(2)).unwrap();
            pair.engine.lend_room(id(2)).unwrap();
        }
        if result == Err(Errno::EAGAIN) {
            waited.note();
            assert_eq!(pair.engine.events().virqs(id(1)), 1, "who waits is forgotten");
        }
        assert_eq!(pair.engine.events().virqs(id(3)), 1, "who waits is forgotten");
        assert_eq!(pair.receiver.waiting(), 0);
    });
    assert_ne!(tally.count(), 0);
}
