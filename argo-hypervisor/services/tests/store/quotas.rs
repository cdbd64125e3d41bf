//! Each limit, at it and past it.

use argo_core::xenstore::Kind;
use xen_services::store::{Quota, TOKEN_MAX, Usage};

use super::support::*;

const SMALL: Quota = Quota {
    nodes: 4,
    value: 8,
    watches: 2,
    transactions: 2,
    transaction_nodes: 3,
    permissions: 2,
    pending_events: 3,
};

fn small() -> (World, Client) {
    let mut world = World::limited(&[1], SMALL);
    let client = world.connect(1);
    (world, client)
}

#[test]
fn nodes_are_limited() {
    let (mut world, client) = small();
    assert_eq!(world.write(client, "data/a/b/c", ""), ok());
    assert_eq!(world.usage(1).nodes, 4);
    assert_eq!(world.write(client, "data/d", ""), refused("ENOSPC"));
    assert_eq!(world.write(client, "data/a", "still fine"[..8].as_ref()), ok());
    assert_eq!(world.rm(client, "data/a/b"), ok());
    assert_eq!(world.write(client, "data/d/e/f", ""), refused("ENOSPC"));
    assert_eq!(world.read(client, "data/d"), refused("ENOENT"));
    assert_eq!(world.usage(1), Usage { nodes: 2, refused: 2, ..Usage::default() });
}

#[test]
fn nodes_are_limited_at_a_commit() {
    let (mut world, client) = small();
    let transaction = world.begin(client);
    assert_eq!(world.within(client, transaction, Kind::Mkdir, "data/a\0"), ok());
    assert_eq!(world.within(client, transaction, Kind::Mkdir, "data/b\0"), ok());
    assert_eq!(world.write(client, "data/c/d", ""), ok());
    assert_eq!(world.commit(client, transaction), refused("ENOSPC"));
    assert_eq!(world.list(client, "data").unwrap(), ["c"]);
}

#[test]
fn domain_0_may_fill_the_store_to_its_own_limit() {
    let mut world = World::with(&[]);
    let mut store = xen_services::store::Store::new(Quota { nodes: 7, ..Quota::CONTROL });
    std::mem::swap(&mut world.store, &mut store);
    let control = world.connect(0);
    assert_eq!(world.write(control, "/a/b", ""), ok());
    assert_eq!(world.write(control, "/c", ""), refused("ENOSPC"));
    world.introduce(1, SMALL);
    assert_eq!(world.usage(1).nodes, 1);
}

#[test]
fn values_and_permissions_are_limited() {
    let (mut world, client) = small();
    assert_eq!(world.write(client, "data", "12345678"), ok());
    assert_eq!(world.write(client, "data", "123456789"), refused("ENOSPC"));
    assert_eq!(world.set(client, "data", "n1 r0"), ok());
    assert_eq!(world.set(client, "data", "n1 r0 r1"), refused("ENOSPC"));
}

#[test]
fn watches_are_limited_over_all_connections() {
    let (mut world, client) = small();
    let second = world.connect(1);
    assert_eq!(world.watch(client, "data", "a"), ok());
    assert_eq!(world.watch(second, "data", "a"), ok());
    assert_eq!(world.watch(client, "data", "b"), refused("E2BIG"));
    world.store.disconnect(second.id);
    assert_eq!(world.watch(client, "data", "b"), ok());
    assert_eq!(world.usage(1).watches, 2);
}

#[test]
fn a_token_fits_in_each_event() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.watch(client, "data", &"t".repeat(TOKEN_MAX)), ok());
    assert_eq!(world.watch(client, "data", &"t".repeat(TOKEN_MAX + 1)), refused("EINVAL"));
}

#[test]
fn transactions_are_limited_over_all_connections() {
    let (mut world, client) = small();
    let second = world.connect(1);
    let first = world.begin(client);
    world.begin(second);
    assert_eq!(world.does(client, Kind::TransactionStart, "\0"), refused("ENOSPC"));
    assert_eq!(world.within(client, first, Kind::TransactionEnd, "F\0"), ok());
    world.begin(client);
    assert_eq!(world.usage(1).transactions, 2);
}

#[test]
fn a_transaction_s_nodes_are_limited() {
    let (mut world, client) = small();
    let transaction = world.begin(client);
    assert_eq!(world.within(client, transaction, Kind::Mkdir, "data/a\0"), ok());
    assert_eq!(world.within(client, transaction, Kind::Mkdir, "data/b/c\0"), refused("ENOSPC"));
    assert_eq!(world.within(client, transaction, Kind::Read, "data/a\0").as_deref(), Ok(""));
    assert_eq!(world.commit(client, transaction), ok());
    assert_eq!(world.list(client, "data").unwrap(), ["a"]);
}

#[test]
fn a_connection_that_fetches_no_events_is_given_up() {
    let (mut world, client) = small();
    let control = world.connect(0);
    assert_eq!(world.watch(client, "data", "t"), ok());
    for name in ["a", "b", "a"] {
        assert_eq!(world.write(control, &format!("/local/domain/1/data/{name}"), ""), ok());
        assert!(world.signals.overrun.is_empty());
    }
    assert_eq!(world.write(control, "/local/domain/1/data/c", ""), ok());
    assert_eq!(world.signals.overrun, [client.id].into());
    assert!(world.woken().is_empty());
    assert_eq!(world.write(control, "/local/domain/1/data/d", ""), ok());
    assert!(world.signals.overrun.is_empty());
    assert_eq!(world.events(client), [""; 0]);
}

#[test]
fn all_is_zero_again_when_a_domain_has_gone() {
    let mut world = World::with(&[1, 2]);
    let (client, other) = (world.connect(1), world.connect(2));
    let before: Vec<_> = world.store.usages().collect();
    assert_eq!(world.set(client, "data", "b1"), ok());
    assert_eq!(world.write(other, "/local/domain/1/data/theirs/x", ""), ok());
    assert_eq!(world.watch(client, "/", "t"), ok());
    world.begin(client);
    world.forget(1);
    assert!(world.store.usage(domain(1)).is_none());
    assert_eq!(world.usage(2).nodes, 1);
    world.introduce(1, Quota::XEN);
    assert_eq!(world.store.usages().collect::<Vec<_>>(), before);
}
