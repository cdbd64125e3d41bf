//! What may happen in a history: mostly sense, and whatever a hostile guest can think of.

use argo_core::policy::{Action, PortRange, PortRule, Query, Rings, Subject};
use argo_core::{DomainId, Port};
use argo_hypervisor::{Argo, Config, Quotas, Start, Waking, WildcardRings};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::forms::{Call, call, flooding, opening, telling};
use super::memory::PAGE;
use super::table::Table;

/// Domains of a history at most: 1 to this.
pub const DOMAINS: u16 = 6;
/// Sessions of each; only those of domain 1 that are not the first make calls.
pub const SESSIONS: usize = 2;

#[derive(Clone, Debug)]
pub struct History {
    pub config: Config,
    pub waking: Waking,
    /// The limits of each domain.
    pub quotas: Vec<Quotas>,
    pub steps: Vec<Step>,
}

/// A domain is given by a number, to be taken modulo how many there are.
#[derive(Clone, Debug)]
pub enum Step {
    /// A hypercall, by a session of a domain.
    Call(u16, usize, Call),
    /// A guest writes into its own memory.
    Scribble(u16, u64, Vec<u8>),
    /// A guest says that it has read so many slots, or all, in the ring that begins on this page.
    Read(u16, u64, u32),
    /// The host lends the room that is kept in the rings of a domain.
    Lend(u16),
    Policy(Table),
    Enforce,
    Create(u16, Quotas, Start),
    Destroy(u16),
    Activate(u16),
    Deactivate(u16),
    SoftReset(u16),
    /// A session ends: its rings go.
    Withdraw(u16, usize),
}

pub fn history() -> impl Strategy<Value = History> {
    let argo = prop_oneof![60 => Just(Argo::On), 1 => Just(Argo::Off)];
    let wildcard_rings =
        prop_oneof![9 => Just(WildcardRings::Allowed), 1 => Just(WildcardRings::Refused)];
    let config =
        (argo, wildcard_rings).prop_map(|(argo, wildcard_rings)| Config { argo, wildcard_rings });
    let quotas = vec(quotas(), 2..=usize::from(DOMAINS));
    let owner = prop_oneof![2 => 0..2u16, 1 => who()];
    let opening = vec((owner, opening()).prop_map(|(by, call)| Step::Call(by, 0, call)), 1..8);
    let waking = select(vec![Waking::Fair, Waking::All]);
    (config, waking, quotas, opening, vec(step(), 1..80)).prop_map(
        |(config, waking, quotas, opening, steps)| History {
            config,
            waking,
            quotas,
            steps: [opening, steps].concat(),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        150 => (who(), prop_oneof![3 => Just(0), 1 => Just(1usize)], call())
            .prop_map(|(by, session, call)| Step::Call(by, session, call)),
        80 => (who(), flooding()).prop_map(|(by, call)| Step::Call(by, 0, call)),
        20 => telling().prop_map(|call| Step::Call(0, 0, call)),
        8 => (who(), header_word(), index()).prop_map(|(who, at, index)| {
            Step::Scribble(who, at, index.to_le_bytes().to_vec())
        }),
        1 => (who(), 0..8 * PAGE, vec(any::<u8>(), 1..40))
            .prop_map(|(who, at, bytes)| Step::Scribble(who, at, bytes)),
        25 => (who(), 3..=5u64, prop_oneof![1 => Just(u32::MAX), 1 => 1..6u32])
            .prop_map(|(who, page, slots)| Step::Read(who, page, slots)),
        8 => who().prop_map(Step::Lend),
        2 => table().prop_map(Step::Policy),
        1 => Just(Step::Enforce),
        2 => (who(), quotas(), select(vec![Start::Active, Start::Active, Start::Dormant]))
            .prop_map(|(who, quotas, start)| Step::Create(who, quotas, start)),
        1 => who().prop_map(Step::Destroy),
        3 => who().prop_map(Step::Activate),
        1 => who().prop_map(Step::Deactivate),
        1 => who().prop_map(Step::SoftReset),
        1 => (who(), 0..SESSIONS).prop_map(|(who, session)| Step::Withdraw(who, session)),
    ]
}

fn who() -> impl Strategy<Value = u16> {
    0..12u16
}

/// Of a ring that begins on one of the pages for rings.
fn header_word() -> impl Strategy<Value = u64> {
    (3..=5u64, select(vec![0, 4])).prop_map(|(page, word)| page * PAGE + word)
}

fn index() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => (0..8u32).prop_map(|slot| slot * 16),
        1 => 0..120u32,
        1 => select(vec![4000, 4016, 8112, 0xFFFF_FFF0, 0xFFFF_FFF1, 0xFFFF_FFF5, u32::MAX]),
    ]
}

fn quotas() -> impl Strategy<Value = Quotas> {
    let bytes = prop_oneof![4 => Just(40_000u64), 1 => 48..400u64];
    let waiters = prop_oneof![20 => 0..=3u32, 1 => Just(Quotas::WAITERS_MAX + 1)];
    (1..=4u32, bytes, waiters, prop_oneof![4 => Just(4u32), 1 => 0..=3u32]).prop_map(
        |(rings, ring_bytes, waiters, entries)| Quotas { rings, ring_bytes, waiters, entries },
    )
}

/// Nothing more is refused.
const OPEN: PortRule = PortRule {
    from: Subject::Any,
    from_port: None,
    to: Subject::Any,
    to_port: PortRange::ALL,
    rings: Rings::Any,
    action: Action::Allow,
};

fn table() -> impl Strategy<Value = Table> {
    let denied = prop_oneof![2 => Just(vec![]), 1 => vec(query(), 1..6)];
    let last = prop_oneof![2 => Just(vec![OPEN]), 1 => Just(vec![])];
    let ports = (vec(port_rule(), 0..5), last).prop_map(|(rules, last)| [rules, last].concat());
    let ports = weighted(0.5, ports);
    (denied, ports, weighted(0.1, Just(()))).prop_map(|(denied, ports, throttled)| Table {
        denied: denied.into_iter().collect(),
        ports,
        throttled: throttled.is_some(),
    })
}

fn domain() -> impl Strategy<Value = DomainId> {
    (1..=DOMAINS).prop_map(|id| DomainId::new(id).unwrap())
}

fn query() -> impl Strategy<Value = Query> {
    let two = || (domain(), domain());
    prop_oneof![
        1 => domain().prop_map(|domain| Query::Enable { domain }),
        1 => domain().prop_map(|domain| Query::RegisterAnySource { domain }),
        2 => two()
            .prop_map(|(domain, partner)| Query::RegisterSingleSource { domain, partner }),
        4 => two().prop_map(|(from, to)| Query::Send { from, to }),
    ]
}

fn port_rule() -> impl Strategy<Value = PortRule> {
    let subject = || prop_oneof![2 => Just(Subject::Any), 1 => domain().prop_map(Subject::Domain)];
    let range = || {
        prop_oneof![
            2 => Just(PortRange::ALL),
            1 => Just(PortRange::DYNAMIC),
            3 => (1..=3u32, 0..2u32)
                .prop_map(|(first, more)| PortRange::new(Port(first), Port(first + more)).unwrap()),
        ]
    };
    let rings = prop_oneof![2 => Just(Rings::Any), 1 => Just(Rings::ForSender)];
    let action = prop_oneof![3 => Just(Action::Allow), 1 => Just(Action::Deny)];
    let from = (subject(), weighted(0.4, range()));
    (from, subject(), range(), rings, action).prop_map(
        |((from, from_port), to, to_port, rings, action)| PortRule {
            from,
            from_port,
            to,
            to_port,
            rings,
            action,
        },
    )
}
