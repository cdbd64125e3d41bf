//! A listener under any requests: no domain has more than its share, who withdraws is forgotten, and
//! all of a share is free at the end.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use argo_core::DomainId;
use argo_fuzz::message::{CONID, Message, word};
use argo_fuzz::world::domain;
use argo_stream::wire::Flags;
use argo_stream::{Admission, Backlog, Key, Knock, Limits, Verdict};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { waiting: 2, connections: 3 };

#[derive(Arbitrary, Debug)]
enum Deed<'b> {
    Knock(Message<'b>),
    Accept,
    Close(u16),
    GiveUp(u16),
}

/// What a domain has of a listener, by plain counting.
#[derive(Default)]
struct Share {
    waiting: usize,
    connections: usize,
}

fuzz_target!(|deeds: Vec<Deed>| {
    let mut backlog = Backlog::new(LIMITS);
    let mut shares = BTreeMap::<DomainId, Share>::new();
    for deed in &deeds {
        match deed {
            Deed::Knock(message) => knock(&mut backlog, &mut shares, message),
            Deed::Accept => {
                if let Some((key, ())) = backlog.pop() {
                    shares.entry(key.peer.domain).or_default().waiting -= 1;
                }
            }
            Deed::Close(id) => {
                let share = shares.entry(domain(*id)).or_default();
                if share.connections > share.waiting {
                    backlog.closed(domain(*id));
                    share.connections -= 1;
                }
            }
            Deed::GiveUp(id) => {
                if backlog.admit(domain(*id)) == Admission::Admitted {
                    backlog.discard(domain(*id));
                }
            }
        }
        let waiting: usize = shares.values().map(|share| share.waiting).sum();
        assert_eq!(backlog.is_empty(), waiting == 0);
    }
    while let Some((key, ())) = backlog.pop() {
        shares.entry(key.peer.domain).or_default().waiting -= 1;
    }
    for (id, share) in &shares {
        (0..share.connections).for_each(|_| backlog.closed(*id));
        let free = (0..).take_while(|_| backlog.admit(*id) == Admission::Admitted).count();
        assert_eq!((share.waiting, free), (0, LIMITS.waiting), "of domain {id}");
    }
});

fn knock(backlog: &mut Backlog<()>, shares: &mut BTreeMap<DomainId, Share>, message: &Message) {
    let (source, bytes) = (message.from.endpoint(), message.bytes());
    let is_rst = word(&bytes) & Flags::RST.bits() != 0;
    let share = shares.entry(source.domain).or_default();
    match Knock::of(&message.arrival(source, &bytes)) {
        Knock::Request(request) => {
            assert!(request.key.peer == source && bytes.len() == 8 && !is_rst);
            let admitted = backlog.admit(source.domain);
            let room = share.waiting < LIMITS.waiting && share.connections < LIMITS.connections;
            assert_eq!(admitted == Admission::Admitted, room);
            if room {
                backlog.push(request.key, ());
                (share.waiting, share.connections) = (share.waiting + 1, share.connections + 1);
            }
        }
        Knock::Withdrawal(key) => {
            assert!(key.peer == source && is_rst);
            let there = backlog.contains(key);
            assert_eq!(backlog.withdraw(key, |()| true).is_some(), there);
            if there {
                (share.waiting, share.connections) = (share.waiting - 1, share.connections - 1);
            }
        }
        Knock::Other(Verdict::Stray { .. }) => assert!(!is_rst),
        Knock::Other(other) => assert_eq!(other, Verdict::Ignored),
    }
    assert_eq!(Key::all_of(source.domain).contains(&Key { peer: source, conid: CONID }), true);
}
