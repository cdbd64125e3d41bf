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
    event_bytes: 1 << 16,
    transaction_bytes: 1 << 16,
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
fn bytes_of_events_are_limited_over_all_connections() {
    let mut world = World::limited(&[1], Quota { event_bytes: 8000, ..Quota::XEN });
    let (control, deaf, busy) = (world.connect(0), world.connect(1), world.connect(1));
    world.watch_quietly(deaf, "data", "t");
    world.watch_quietly(busy, "data/late", "t");
    let mut ended = vec![];
    let name = "n".repeat(250);
    for n in 0..100 {
        let path = format!("/local/domain/1/data/{name}{n}");
        assert_eq!(world.write(control, &path, ""), ok());
        assert!(world.usage(1).event_bytes <= 8000);
        ended.extend(world.signals.overrun.iter().copied());
    }
    assert_eq!(ended, [deaf.id], "once, long before 100 events");
    assert_eq!(world.usage(1).event_bytes, 0);
    for n in 0..5 {
        assert_eq!(world.watch(busy, &format!("data/late/{n}/{name}"), "t"), ok());
    }
    let before = world.usage(1).event_bytes;
    assert!(before > 5 * 250);
    assert_eq!(world.does(busy, Kind::Unwatch, &format!("data/late/0/{name}\0t\0")), ok());
    assert!(world.usage(1).event_bytes < before);
    assert_eq!(world.events(busy).len(), 4);
    assert_eq!(world.usage(1).event_bytes, 0);
    assert_eq!(world.write(control, "/local/domain/1/data/late", ""), ok());
    assert_eq!(world.events(busy), ["data/late t"], "the other's fault is not this one's");
}

#[test]
fn who_holds_most_is_given_up_and_not_who_gets_the_last() {
    let mut world = World::limited(&[1], Quota { event_bytes: 4000, ..Quota::XEN });
    let (hoarder, other) = (world.connect(1), world.connect(1));
    let name = "n".repeat(200);
    for n in 0..7 {
        assert_eq!(world.watch(hoarder, &format!("data/{name}{n}"), "t"), ok());
    }
    assert!(world.signals.overrun.is_empty());
    let last = (0..3).find(|n| {
        assert_eq!(world.watch(other, &format!("data/{name}{n}"), "t"), ok());
        !world.signals.overrun.is_empty()
    });
    assert!(last.is_some());
    assert_eq!(world.signals.overrun, [hoarder.id].into());
    assert_eq!(world.events(other).len(), last.unwrap() + 1);
}

#[test]
fn bytes_of_transactions_are_limited_over_all_connections() {
    let quota = Quota { transaction_bytes: 6000, ..Quota::XEN };
    let mut world = World::limited(&[1], quota);
    let (client, second) = (world.connect(1), world.connect(1));
    let value = "v".repeat(1000);
    let (t, u) = (world.begin(client), world.begin(second));
    let write = |name: &str| format!("data/{name}\0{value}");
    assert_eq!(world.within(client, t, Kind::Write, &write("a")), ok());
    assert_eq!(world.within(client, t, Kind::Write, &write("b")), ok());
    assert_eq!(world.within(second, u, Kind::Write, &write("c")), ok());
    let used = world.usage(1).transaction_bytes;
    assert!((3000..=6000).contains(&used), "{used}");
    for (who, transaction) in [(client, t), (second, u)] {
        assert_eq!(world.within(who, transaction, Kind::Write, &write("d")), refused("ENOSPC"));
    }
    assert!(world.usage(1).transaction_bytes <= 6000);
    assert_eq!(world.commit(client, t), ok());
    assert_eq!(world.within(second, u, Kind::Write, &write("e")), ok());
    world.store.disconnect(second.id);
    assert_eq!(world.usage(1).transaction_bytes, 0);
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Read, "data/a\0"), Ok(value));
    assert!(world.usage(1).transaction_bytes > 1000, "what was read is held on to");
    assert_eq!(world.does(client, Kind::ResetWatches, "\0"), ok());
    assert_eq!(world.usage(1).transaction_bytes, 0);
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
