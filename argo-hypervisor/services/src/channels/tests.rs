use alloc::sync::Arc;
use alloc::vec;
use std::collections::BTreeMap as Model;

use argo_core::Errno;
use proptest::prelude::*;

use super::*;

extern crate std;

type End = Arc<&'static str>;
type Ports = Channels<End>;

const LIMIT: u32 = 3;

fn domain(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

fn holder(id: u16, connection: u64) -> Holder {
    Holder { domain: domain(id), connection }
}

fn ends() -> Ends<End> {
    Ends { allocator: Arc::new("allocator"), binder: Arc::new("binder") }
}

fn alloc(ports: &mut Ports, who: Holder, remote: u16) -> Result<u32, ChannelError> {
    ports.alloc_unbound(who, domain(remote), LIMIT, ends())
}

fn bind(ports: &mut Ports, who: Holder, remote: u16, port: u32) -> Result<u32, ChannelError> {
    ports.bind(who, domain(remote), port, LIMIT).map(|bound| bound.port)
}

#[test]
fn a_port_is_bound_by_the_domain_it_is_for_once_at_a_time() {
    let mut ports = Ports::default();
    let (server, client) = (holder(1, 0), holder(2, 0));
    let port = alloc(&mut ports, server, 2).unwrap();
    assert_eq!(port, 1);
    let refused = |error: ChannelError| error.errno();
    let others = bind(&mut ports, holder(3, 0), 1, port);
    assert_eq!(others.map_err(refused), Err(Errno::EINVAL));
    let bound = bind(&mut ports, client, 1, port).unwrap();
    let twice = bind(&mut ports, holder(2, 1), 1, port).unwrap_err();
    assert_eq!(twice, ChannelError::Taken { remote: domain(1), port });
    assert_eq!(twice.errno(), Errno::EBUSY);
    assert!(ports.is_allocated(domain(1), port) && !ports.is_allocated(domain(2), bound));
    let binders = bind(&mut ports, server, 2, bound).unwrap_err();
    assert_eq!(binders, ChannelError::NotUnbound { remote: domain(2), port: bound });
    let none = bind(&mut ports, client, 1, port + 1).unwrap_err();
    assert_eq!(none, ChannelError::NoRemotePort { remote: domain(1), port: port + 1 });
}

#[test]
fn after_one_client_another_binds_to_the_same_port() {
    let mut ports = Ports::default();
    let port = alloc(&mut ports, holder(1, 0), 2).unwrap();
    let bound = bind(&mut ports, holder(2, 0), 1, port).unwrap();
    assert_eq!(*ports.close(holder(2, 0), bound).unwrap()[0], "binder");
    bind(&mut ports, holder(2, 7), 1, port).unwrap();
    assert_eq!(ports.end_connection(holder(2, 7)).len(), 1);
    bind(&mut ports, holder(2, 8), 1, port).unwrap();
}

#[test]
fn the_binders_port_is_dead_once_the_allocators_is_closed() {
    let mut ports = Ports::default();
    let port = alloc(&mut ports, holder(1, 0), 2).unwrap();
    let bound = bind(&mut ports, holder(2, 0), 1, port).unwrap();
    // A promise to send an event keeps the end.
    let kept = ports.end(domain(2), bound).unwrap();
    drop(ports.close(holder(1, 0), port).unwrap());
    assert_eq!(Arc::strong_count(&kept), 1);
    assert!(ports.end(domain(2), bound).is_none());
    // The number may be another channel's by now: the dead port has nothing to do with it.
    for _ in 0..RESTING {
        let other = alloc(&mut ports, holder(1, 0), 2).unwrap();
        assert_ne!(other, port);
        ports.close(holder(1, 0), other).unwrap();
    }
    let again = alloc(&mut ports, holder(1, 0), 2).unwrap();
    assert_eq!(again, port);
    let rebound = bind(&mut ports, holder(2, 0), 1, again).unwrap();
    assert!(ports.close(holder(2, 0), bound).unwrap().is_empty());
    let taken = bind(&mut ports, holder(2, 0), 1, again).unwrap_err();
    assert_eq!(taken, ChannelError::Taken { remote: domain(1), port });
    assert!(ports.end(domain(2), rebound).is_some());
}

#[test]
fn a_domain_has_as_many_ports_as_it_may_and_no_more() {
    let mut ports = Ports::default();
    let numbers: Vec<u32> =
        (0..LIMIT).map(|_| alloc(&mut ports, holder(1, 0), 2).unwrap()).collect();
    assert_eq!(numbers, vec![1, 2, 3]);
    assert_eq!(alloc(&mut ports, holder(1, 1), 2), Err(ChannelError::Full { limit: LIMIT }));
    assert!(ports.close(holder(1, 1), 2).is_err(), "another connection's port");
    ports.close(holder(1, 0), 2).unwrap();
    assert_eq!(alloc(&mut ports, holder(1, 1), 2), Ok(4));
}

#[test]
fn what_a_policy_forbids_is_dead_on_both_sides() {
    let mut ports = Ports::default();
    let port = alloc(&mut ports, holder(1, 0), 2).unwrap();
    let bound = bind(&mut ports, holder(2, 0), 1, port).unwrap();
    let other = alloc(&mut ports, holder(1, 0), 3).unwrap();
    let severed = ports.sever(|from, to| from == domain(2) && to == domain(1));
    assert_eq!(severed.len(), 1);
    assert_eq!((*severed[0].allocator, *severed[0].binder), ("allocator", "binder"));
    assert_eq!(Arc::strong_count(&severed[0].binder), 1, "nothing else holds it");
    assert!(ports.end(domain(1), port).is_none() && ports.end(domain(2), bound).is_none());
    assert!(bind(&mut ports, holder(2, 0), 1, port).is_err());
    bind(&mut ports, holder(3, 0), 1, other).unwrap();
    ports.close(holder(1, 0), port).unwrap();
    ports.close(holder(2, 0), bound).unwrap();
}

#[test]
fn a_later_domain_of_the_same_id_binds_to_nothing_of_the_earlier_one() {
    let mut ports = Ports::default();
    let port = alloc(&mut ports, holder(1, 0), 2).unwrap();
    bind(&mut ports, holder(2, 0), 1, port).unwrap();
    ports.end_domain(domain(2));
    assert_eq!((ports.ports(domain(1)), ports.ports(domain(2))), (1, 0));
    assert!(bind(&mut ports, holder(2, 0), 1, port).is_err());
}

#[derive(Clone, Debug)]
enum Step {
    Alloc { who: Holder, remote: u16 },
    Bind { who: Holder, remote: u16, port: u32 },
    Close { who: Holder, port: u32 },
    EndConnection(Holder),
}

fn any_holder() -> impl Strategy<Value = Holder> {
    (1..4u16, 0..2u64).prop_map(|(id, connection)| holder(id, connection))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any_holder(), 1..4u16).prop_map(|(who, remote)| Step::Alloc { who, remote }),
        (any_holder(), 1..4u16, 0..5u32).prop_map(|(who, remote, port)| Step::Bind {
            who,
            remote,
            port
        }),
        (any_holder(), 0..5u32).prop_map(|(who, port)| Step::Close { who, port }),
        any_holder().prop_map(Step::EndConnection),
    ]
}

type Name = (u16, u32);

/// The same by a list: a port's connection, its remote domain, whether it was allocated, its peer.
#[derive(Default)]
struct Simple(Model<Name, (u64, u16, bool, Option<Name>)>);

impl Simple {
    fn count(&self, domain: u16) -> usize {
        self.0.keys().filter(|(of, _)| *of == domain).count()
    }

    fn close(&mut self, name: Name) {
        let Some((.., Some(peer))) = self.0.remove(&name) else { return };
        if let Some((.., bound)) = self.0.get_mut(&peer) {
            *bound = None;
        }
    }

    fn step(&mut self, ports: &mut Ports, step: Step) {
        match step {
            Step::Alloc { who, remote } => {
                let raw = who.domain.raw();
                let fits = self.count(raw) < LIMIT as usize;
                let port = alloc(ports, who, remote);
                assert_eq!(port.is_ok(), fits);
                if let Ok(port) = port {
                    let new = (who.connection, remote, true, None);
                    assert_eq!(self.0.insert((raw, port), new), None);
                }
            }
            Step::Bind { who, remote, port } => {
                let raw = who.domain.raw();
                let found = self.0.get(&(remote, port));
                let unbound =
                    found.is_some_and(|(_, of, own, peer)| *of == raw && *own && peer.is_none());
                let bound = bind(ports, who, remote, port);
                assert_eq!(bound.is_ok(), unbound && self.count(raw) < LIMIT as usize);
                if let Ok(bound) = bound {
                    self.0.get_mut(&(remote, port)).unwrap().3 = Some((raw, bound));
                    let new = (who.connection, remote, false, Some((remote, port)));
                    assert_eq!(self.0.insert((raw, bound), new), None);
                }
            }
            Step::Close { who, port } => {
                let name = (who.domain.raw(), port);
                let own = self.0.get(&name).is_some_and(|(by, ..)| *by == who.connection);
                assert_eq!(ports.close(who, port).is_ok(), own);
                if own {
                    self.close(name);
                }
            }
            Step::EndConnection(who) => {
                ports.end_connection(who);
                let own = self
                    .0
                    .iter()
                    .filter(|((of, _), (by, ..))| *of == who.domain.raw() && *by == who.connection);
                let own: Vec<Name> = own.map(|(name, _)| *name).collect();
                own.into_iter().for_each(|name| self.close(name));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_history_is_as_in_a_list(steps in prop::collection::vec(any_step(), 1..80)) {
        let (mut ports, mut model) = (Ports::default(), Simple::default());
        for step in steps {
            model.step(&mut ports, step);
            for id in 1..4u16 {
                prop_assert_eq!(ports.ports(domain(id)), model.count(id));
            }
            for (name, (_, _, own, peer)) in &model.0 {
                let alive = *own || peer.is_some();
                prop_assert_eq!(ports.end(domain(name.0), name.1).is_some(), alive);
            }
        }
    }
}
