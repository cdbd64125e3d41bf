//! A domain's threads change its rings at the same time, and others send into them.

use argo_core::Errno;
use argo_hypervisor::Existing;
use loom_tests::{Pair, Tally, check_all, id, ring};

/// The sender has no ring yet; two of its threads register one each, on these ports.
fn both_register(ports: [u32; 2]) -> (Result<(), Errno>, Result<(), Errno>, usize) {
    let pair = Pair::new();
    let [first, second] = ports;
    let other = pair.spawn(move |pair| pair.sender.register(ring(first, None), 0, Existing::Fail));
    let one = pair.sender.register(ring(second, None), 1, Existing::Fail);
    (one, other.join().unwrap(), pair.sender.caller.memory.rings())
}

#[test]
fn of_two_registrations_of_a_name_one_is_refused() {
    check_all(|| {
        let answers = both_register([8, 8]);
        let right = [(Ok(()), Err(Errno::EEXIST), 1), (Err(Errno::EEXIST), Ok(()), 1)];
        assert!(right.contains(&answers), "{answers:?}");
    });
}

#[test]
fn a_quota_holds_for_two_registrations_at_once() {
    check_all(|| {
        let pair = Pair::new();
        pair.sender.register(ring(8, None), 0, Existing::Fail).unwrap();
        let other = pair.spawn(|pair| pair.sender.register(ring(9, None), 1, Existing::Fail));
        let one = pair.sender.register(ring(10, None), 1, Existing::Fail);
        let answers = (one, other.join().unwrap());
        let right = [(Ok(()), Err(Errno::ENOSPC)), (Err(Errno::ENOSPC), Ok(()))];
        assert!(right.contains(&answers), "{answers:?}");
        assert_eq!(pair.sender.caller.memory.rings(), 2);
    });
}

#[test]
fn a_message_is_in_the_old_memory_of_a_ring_or_in_the_new() {
    let (old, new) = (Tally::default(), Tally::default());
    let tallies = [old.clone(), new.clone()];
    check_all(move || {
        let pair = Pair::new();
        let moved = pair.spawn(|pair| {
            pair.receiver.register(ring(Pair::PORT, None), 1, Existing::Replace).unwrap();
            // From now on the old memory is the owner's alone.
            pair.receiver.receive(0)
        });
        pair.sender.send(id(2), Pair::PORT, 5).unwrap();
        let pages = [moved.join().unwrap(), pair.receiver.receive(1)];
        match pages {
            [Some((1, 5)), None] => old.note(),
            [None, Some((1, 5))] => new.note(),
            other => panic!("{other:?}"),
        }
        assert_eq!(pair.receiver.receive(0), None, "a message came after the move");
        assert_eq!(pair.receiver.caller.memory.rings(), 1);
    });
    assert!(tallies.iter().all(|tally| tally.count() > 0));
}
