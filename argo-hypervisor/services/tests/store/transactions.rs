//! Transactions: apart from each other, and all or nothing.

use argo_core::DomainId;
use argo_core::xenstore::Kind;
use xen_services::store::Access;

use super::support::*;

fn pair() -> (World, Client, Client) {
    let mut world = World::with(&[1]);
    let (first, second) = (world.connect(1), world.connect(1));
    assert_eq!(world.write(first, "data/x", "old"), ok());
    (world, first, second)
}

#[test]
fn changes_are_seen_at_the_commit() {
    let (mut world, client, other) = pair();
    world.watch_quietly(other, "data", "t");
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Write, "data/x\0new"), ok());
    assert_eq!(world.within(client, t, Kind::Mkdir, "data/y\0"), ok());
    assert_eq!(world.within(client, t, Kind::Read, "data/x\0").as_deref(), Ok("new"));
    assert_eq!(world.within(client, t, Kind::Directory, "data\0").as_deref(), Ok("x\0y\0"));
    assert_eq!(world.read(other, "data/x").unwrap(), "old");
    assert_eq!(world.events(other), [""; 0]);
    assert_eq!(world.commit(client, t), ok());
    assert_eq!(world.read(other, "data/x").unwrap(), "new");
    assert_eq!(world.events(other), ["data/x t", "data/y t"]);
    assert_eq!(world.usage(1).transactions, 0);
}

#[test]
fn what_is_dropped_has_not_happened() {
    let (mut world, client, other) = pair();
    world.watch_quietly(other, "data", "t");
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Rm, "data/x\0"), ok());
    assert_eq!(world.within(client, t, Kind::Read, "data/x\0"), refused("ENOENT"));
    assert_eq!(world.within(client, t, Kind::TransactionEnd, "F\0"), ok());
    assert_eq!(world.read(client, "data/x").unwrap(), "old");
    assert_eq!(world.events(other), [""; 0]);
    assert_eq!(world.commit(client, t), refused("ENOENT"));
}

#[test]
fn what_was_read_stays_and_its_change_is_a_conflict() {
    let (mut world, client, other) = pair();
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Read, "data/x\0").as_deref(), Ok("old"));
    assert_eq!(world.write(other, "data/x", "new"), ok());
    assert_eq!(world.within(client, t, Kind::Read, "data/x\0").as_deref(), Ok("old"));
    assert_eq!(world.within(client, t, Kind::Write, "data/y\0"), ok());
    assert_eq!(world.commit(client, t), refused("EAGAIN"));
    assert_eq!(world.list(client, "data").unwrap(), ["x"]);
}

/// What one transaction does, what happens meanwhile, and how it ends.
#[test]
fn conflicts_are_about_what_was_touched() {
    let cases: [(Kind, &str, Kind, &str, bool); 9] = [
        (Kind::Read, "data/x\0", Kind::Write, "data/y\0", true),
        (Kind::Write, "data/y\0", Kind::Write, "data/z\0", true),
        (Kind::Mkdir, "data/a/b\0", Kind::Mkdir, "data/a/c\0", false),
        (Kind::Directory, "data\0", Kind::Write, "data/x\0", true),
        (Kind::Directory, "data\0", Kind::Write, "data/y\0", false),
        (Kind::Read, "data/y\0", Kind::Write, "data/y\0", false),
        (Kind::Rm, "data/x\0", Kind::Write, "data/x/below\0", false),
        (Kind::Write, "data/x/below\0", Kind::Rm, "data/x\0", false),
        (Kind::Read, "data/x\0", Kind::SetPerms, "data/x\0r1\0", false),
    ];
    for (kind, payload, meanwhile, change, commits) in cases {
        let (mut world, client, other) = pair();
        let t = world.begin(client);
        let _ = world.within(client, t, kind, payload);
        assert_eq!(world.does(other, meanwhile, change), ok());
        let end = world.commit(client, t);
        assert_eq!(end, if commits { ok() } else { refused("EAGAIN") }, "{kind:?} {meanwhile:?}");
    }
}

#[test]
fn several_at_once_are_apart() {
    let (mut world, client, _) = pair();
    let (t, u) = (world.begin(client), world.begin(client));
    assert_ne!(t, u);
    assert_eq!(world.within(client, t, Kind::Write, "data/x\0t"), ok());
    assert_eq!(world.within(client, u, Kind::Read, "data/x\0").as_deref(), Ok("old"));
    assert_eq!(world.commit(client, t), ok());
    assert_eq!(world.commit(client, u), refused("EAGAIN"));
}

#[test]
fn a_transaction_belongs_to_its_connection() {
    let (mut world, client, other) = pair();
    let t = world.begin(client);
    assert_eq!(world.within(other, t, Kind::Read, "data/x\0"), refused("ENOENT"));
    assert_eq!(world.within(client, t + 1, Kind::Read, "data/x\0"), refused("ENOENT"));
    assert_eq!(world.within(client, t, Kind::TransactionStart, "\0"), refused("EBUSY"));
    assert_eq!(world.within(client, t, Kind::TransactionEnd, "X\0"), refused("EINVAL"));
    assert_eq!(world.does(client, Kind::TransactionEnd, "T\0"), refused("ENOENT"));
    world.store.disconnect(client.id);
    assert_eq!(world.usage(1).transactions, 0);
}

#[test]
fn removed_and_made_again_is_new() {
    let (mut world, client, _) = pair();
    assert_eq!(world.write(client, "data/x/below", "v"), ok());
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Rm, "data/x\0"), ok());
    assert_eq!(world.within(client, t, Kind::Write, "data/x/other\0"), ok());
    assert_eq!(world.within(client, t, Kind::Directory, "data/x\0").as_deref(), Ok("other\0"));
    assert_eq!(world.commit(client, t), ok());
    assert_eq!(world.list(client, "data/x").unwrap(), ["other"]);
    assert_eq!(world.usage(1).nodes, 3);
}

#[test]
fn a_refused_request_leaves_the_transaction_usable() {
    let (mut world, client, _) = pair();
    let t = world.begin(client);
    assert_eq!(world.within(client, t, Kind::Write, "name\0x"), refused("EACCES"));
    assert_eq!(world.within(client, t, Kind::Write, "data/y\0x"), ok());
    assert_eq!(world.commit(client, t), ok());
    assert_eq!(world.read(client, "data/y").unwrap(), "x");
}

#[test]
fn the_guard_is_asked_again_at_the_commit() {
    let (mut world, client, other) = pair();
    world.watch_quietly(other, "data", "t");
    let strict = |_: DomainId, path: &str, access: Access| {
        access == Access::Read && path == "/local/domain/1/data/x" || path.ends_with("/y")
    };
    for (written, end) in [("data/x", refused("EACCES")), ("data/y", ok())] {
        let t = world.begin(client);
        assert_eq!(world.within(client, t, Kind::Write, "data/y\0new"), ok());
        assert_eq!(world.within(client, t, Kind::Write, &format!("{written}\0new")), ok());
        assert_eq!(world.ask(client, &strict, t, Kind::TransactionEnd, b"T\0"), end);
        assert_eq!(world.commit(client, t), refused("ENOENT"), "it is over");
        assert_eq!(world.usage(1).transactions, 0);
        let happened = end.is_ok();
        assert_eq!(world.read(client, "data/y").is_ok(), happened);
        assert_eq!(world.events(other).is_empty(), !happened);
    }
    assert_eq!(world.read(client, "data/x").unwrap(), "old");
}
