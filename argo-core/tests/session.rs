//! A session's control area: queues to their limit, wake-ups, texts.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering;

use argo_core::host::attach::{TEXT_MAX, Text};
use argo_core::host::layout::{ARMED, QUEUE_ENTRIES, QueueLayout, SEQUENCE, VIRQS, control_bytes};
use argo_core::host::queue::{BadIndex, Completion, GuestQueue, HostQueue, LINK, Slot};
use argo_core::host::wake::{self, Event, Signal};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Link};
use argo_mem::{HeapRam, Memory};

const QUEUES: u32 = 2;
const CALL: Call = Call { cmd: 3, args: [1, 2, 3, 4], link: Link::Next };

fn control() -> HeapRam {
    HeapRam::zeroed(control_bytes(QUEUES) as usize)
}

#[test]
fn as_many_calls_are_in_flight_as_there_are_entries_again_and_again() {
    let ram = control();
    let words = ram.view();
    let (mut guest, mut host) = (GuestQueue::new(1), HostQueue::new(1));
    for round in 0..3u32 {
        let first = u64::from(round) << 32;
        let tags = first..first + u64::from(QUEUE_ENTRIES);
        assert!(tags.clone().all(|tag| guest.submit(&words, &CALL, tag)));
        assert!(!guest.submit(&words, &CALL, 0), "one too many");
        assert_eq!(host.pending(&words), Ok(QUEUE_ENTRIES));
        for tag in tags.clone() {
            let slot = host.take(&words);
            assert_eq!((slot.call(), slot.tag), (Some(CALL), tag));
            host.complete(&words, Completion { tag, ret: -1 });
        }
        assert!(!guest.submit(&words, &CALL, 0), "in flight until it is reaped");
        for tag in tags {
            assert_eq!(guest.reap(&words), Some(Completion { tag, ret: -1 }));
        }
        assert_eq!((guest.reap(&words), guest.in_flight()), (None, 0));
    }
    assert_eq!(HostQueue::new(0).pending(&words), Ok(0), "queues do not overlap");
}

#[test]
fn an_index_that_lies_is_found_out() {
    let ram = control();
    let host = HostQueue::new(0);
    for lie in [QUEUE_ENTRIES + 1, 1 << 31, u32::MAX] {
        ram.view().store(QueueLayout::new(0).submitted(), lie, Ordering::Release);
        let bad = BadIndex { submitted: lie, taken: 0, pending: lie };
        assert_eq!(host.pending(&ram.view()), Err(bad));
    }
}

#[test]
fn slots_of_another_version_are_no_calls() {
    let good = Slot::new(&CALL, 7);
    assert_eq!((good.flags, good.call()), (LINK, Some(CALL)));
    assert_eq!(Slot { flags: 2, ..good }.call(), None);
    assert_eq!(Slot { flags: LINK | 1 << 31, ..good }.call(), None);
    assert_eq!(Slot { reserved: [0, 1], ..good }.call(), None);
}

#[test]
fn who_sleeps_is_signalled_once() {
    let ram = control();
    let words = ram.view();
    assert_eq!(wake::raise(&words, Event::Virq), Signal::Unneeded);
    assert!(!wake::arm(&words, 0), "there is news");
    assert_eq!(words.load(ARMED, Ordering::Relaxed), 0);
    assert!(wake::arm(&words, 1));
    assert_eq!(wake::raise(&words, Event::Virq), Signal::Needed);
    assert_eq!(wake::raise(&words, Event::Completion), Signal::Unneeded, "signalled already");
    let counts = [SEQUENCE, VIRQS].map(|word| words.load(word, Ordering::Relaxed));
    assert_eq!(counts, [3, 2]);

    assert!(wake::rest(&words, &[0; QUEUES as usize]));
    assert_eq!(wake::doorbell(&words), Signal::Needed);
    assert_eq!(wake::doorbell(&words), Signal::Unneeded);
    assert!(GuestQueue::new(1).submit(&words, &CALL, 0));
    assert!(!wake::rest(&words, &[0; QUEUES as usize]), "a call in any queue counts");
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(Text::EMPTY.as_str(), "");
    let whole = "x".repeat(TEXT_MAX);
    assert_eq!(Text::new(&whole).as_str(), whole);
    let long = "x".repeat(TEXT_MAX - 1) + "é";
    assert_eq!(Text::new(&long).as_str(), &whole[1..]);
}
