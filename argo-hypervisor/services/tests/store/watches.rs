//! Watches: what they see, and what they do not.

use argo_core::DomainId;
use argo_core::xenstore::Kind;
use xen_services::store::Access;

use super::support::*;

#[test]
fn a_watch_fires_once_when_it_is_made() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.watch(client, "/local/domain/1/none", "t"), ok());
    assert_eq!(world.woken(), [client.id].into());
    assert_eq!(world.events(client), ["/local/domain/1/none t"]);
    assert_eq!(world.watch(client, "none", "u"), ok());
    assert_eq!(world.events(client), ["none u"]);
}

#[test]
fn it_fires_at_its_node_and_below() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    world.watch_quietly(client, "data/a", "t");
    for (path, seen) in
        [("data", 0), ("data/a", 1), ("data/a/b/c", 1), ("data/ab", 0), ("data/a", 1)]
    {
        assert_eq!(world.write(client, path, ""), ok());
        assert_eq!(world.events(client).len(), seen, "{path}");
    }
    assert_eq!(world.does(client, Kind::Mkdir, "data/a/d\0"), ok());
    assert_eq!(world.events(client), ["data/a/d t"]);
    assert_eq!(world.does(client, Kind::Mkdir, "data/a/d\0"), ok());
    assert_eq!(world.set(client, "data/a/d", "r1"), ok());
    assert_eq!(world.events(client), ["data/a/d t"]);
}

#[test]
fn a_removal_is_told_above_and_at_each_node_removed() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.write(client, "data/a/b/c", ""), ok());
    for path in ["data", "data/a", "data/a/b/c", "data/a/b/none"] {
        world.watch_quietly(client, path, path);
    }
    assert_eq!(world.rm(client, "data/a"), ok());
    let events = world.events(client);
    assert_eq!(events, ["data/a data/a", "data/a data", "data/a/b/c data/a/b/c"]);
    assert_eq!(world.rm(client, "data/a"), ok());
    assert_eq!(world.events(client), [""; 0]);
}

#[test]
fn paths_are_told_as_they_were_given() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    world.watch_quietly(client, "data", "relative");
    world.watch_quietly(client, "/local/domain/1", "absolute");
    assert_eq!(world.write(client, "data/x", ""), ok());
    let mut events = world.events(client);
    events.sort();
    assert_eq!(events, ["/local/domain/1/data/x absolute", "data/x relative"]);
}

#[test]
fn a_watch_is_there_once() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let second = world.connect(1);
    assert_eq!(world.watch(client, "data", "t"), ok());
    assert_eq!(world.watch(client, "/local/domain/1/data", "t"), refused("EEXIST"));
    assert_eq!(world.watch(client, "data", "u"), ok());
    assert_eq!(world.watch(second, "data", "t"), ok());
    assert_eq!(world.does(client, Kind::Unwatch, "data\0t\0"), ok());
    assert_eq!(world.does(client, Kind::Unwatch, "data\0t\0"), refused("ENOENT"));
    assert_eq!(world.does(client, Kind::Unwatch, "data/x\0u\0"), refused("ENOENT"));
    assert_eq!(world.usage(1).watches, 2);
}

#[test]
fn after_unwatch_nothing_fires() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    world.watch_quietly(client, "data", "t");
    world.watch_quietly(client, "data", "u");
    assert_eq!(world.does(client, Kind::Unwatch, "data\0t\0"), ok());
    assert_eq!(world.write(client, "data/x", ""), ok());
    assert_eq!(world.events(client), ["data/x u"]);
    assert_eq!(world.does(client, Kind::ResetWatches, "\0"), ok());
    assert_eq!(world.write(client, "data/x", ""), ok());
    assert_eq!(world.events(client), [""; 0]);
    assert_eq!(world.usage(1).watches, 0);
}

#[test]
fn with_a_watch_go_its_events_that_wait() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    world.watch_quietly(client, "data", "t");
    world.watch_quietly(client, "data/x", "t");
    world.watch_quietly(client, "data", "u");
    assert_eq!(world.write(client, "data/x", ""), ok());
    assert_eq!(world.does(client, Kind::Unwatch, "data\0t\0"), ok());
    let mut events = world.events(client);
    events.sort();
    assert_eq!(events, ["data/x t", "data/x u"]);
}

#[test]
fn equal_events_wait_once() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    world.watch_quietly(client, "data", "t");
    for path in ["data/a", "data/b", "data/a", "data/a"] {
        assert_eq!(world.write(client, path, ""), ok());
    }
    assert_eq!(world.events(client), ["data/a t", "data/b t"]);
    assert_eq!(world.write(client, "data/a", ""), ok());
    assert_eq!(world.events(client), ["data/a t"]);
}

#[test]
fn only_what_may_be_read_is_seen() {
    let mut world = World::with(&[1, 2]);
    let (client, spy) = (world.connect(1), world.connect(2));
    world.watch_quietly(spy, "/", "t");
    assert_eq!(world.write(client, "data/x/y", "secret"), ok());
    assert_eq!(world.events(spy), [""; 0]);
    assert_eq!(world.set(client, "data/x/y", "n1 r2"), ok());
    assert_eq!(world.events(spy), ["/local/domain/1/data/x/y t"]);
    assert_eq!(world.write(client, "data/x/y", "open"), ok());
    assert_eq!(world.events(spy), ["/local/domain/1/data/x/y t"]);
    assert_eq!(world.set(client, "data/x/y", "n1"), ok());
    assert_eq!(world.events(spy), ["/local/domain/1/data/x/y t"]);
    assert_eq!(world.rm(client, "data/x/y"), ok());
    assert_eq!(world.events(spy), [""; 0]);
}

#[test]
fn who_may_list_the_parent_is_told_of_the_child() {
    let mut world = World::with(&[1, 2]);
    let (client, other) = (world.connect(1), world.connect(2));
    world.watch_quietly(other, "/local/domain/1/data", "t");
    assert_eq!(world.set(client, "data", "n1 r2"), ok());
    assert_eq!(world.write(client, "data/x", ""), ok());
    assert_eq!(world.set(client, "data/x", "n1"), ok());
    world.events(other);
    assert_eq!(world.write(client, "data/x", ""), ok());
    assert_eq!(world.events(other), ["/local/domain/1/data/x t"]);
}

#[test]
fn the_guard_decides_over_events_too() {
    let mut world = World::with(&[1]);
    let (control, client) = (world.connect(0), world.connect(1));
    world.watch_quietly(client, "/local/domain/1", "t");
    let blind =
        |domain: DomainId, path: &str, _: Access| domain.raw() == 0 || !path.contains("data");
    for (path, seen) in [("name", 1), ("data", 0)] {
        let payload = format!("/local/domain/1/{path}\0");
        assert_eq!(world.ask(control, &blind, 0, Kind::Write, payload.as_bytes()), ok());
        assert_eq!(world.events(client).len(), seen);
    }
}

#[test]
fn the_guard_is_asked_once_for_a_domain_and_a_path() {
    let mut world = World::with(&[1, 2]);
    let client = world.connect(1);
    assert_eq!(world.set(client, "data", "b1"), ok());
    for watcher in [1, 1, 2, 2, 2].map(|id| world.connect(id)) {
        for path in ["/", "/local/domain/1/data", "/local/domain/1/data/x"] {
            world.watch_quietly(watcher, path, "t");
            world.watch_quietly(watcher, path, "u");
        }
    }
    let asked = std::cell::RefCell::new(vec![]);
    let counting = |domain: DomainId, path: &str, access: Access| {
        asked.borrow_mut().push((domain.raw(), path.to_owned(), access));
        true
    };
    assert_eq!(world.ask(client, &counting, 0, Kind::Write, b"data/x\0v"), ok());
    assert_eq!(world.woken().len(), 5);
    let mut reads = asked.into_inner();
    reads.retain(|(.., access)| *access == Access::Read);
    let path = "/local/domain/1/data/x".to_owned();
    assert_eq!(reads, [(1, path.clone(), Access::Read), (2, path, Access::Read)]);
}

#[test]
fn special_nodes_tell_of_domains() {
    let mut world = World::with(&[1, 2]);
    let (control, client) = (world.connect(0), world.connect(2));
    let nothing = |_: DomainId, _: &str, _: Access| false;
    for watcher in [control, client] {
        let come = b"@introduceDomain\0come\0";
        assert_eq!(world.ask(watcher, &nothing, 0, Kind::Watch, come), ok());
        assert_eq!(world.events(watcher).len(), 1);
        world.watch_quietly(watcher, "@releaseDomain", "gone");
    }
    world.introduce(5, Default::default());
    assert_eq!(world.woken(), [control.id].into());
    assert_eq!(world.events(control), ["@introduceDomain come"]);
    assert_eq!(world.set(client, "@releaseDomain", "n0 r2"), refused("EACCES"));
    assert_eq!(world.set(control, "@releaseDomain", "n0 r2"), ok());
    world.events(client);
    world.events(control);
    world.forget(5);
    assert_eq!(world.events(control), ["@releaseDomain gone"]);
    assert_eq!(world.events(client), ["@releaseDomain gone"]);
}

#[test]
fn a_connection_that_has_ended_is_told_nothing() {
    let mut world = World::with(&[1]);
    let (client, second) = (world.connect(1), world.connect(1));
    world.watch_quietly(client, "data", "t");
    world.watch_quietly(second, "data", "t");
    world.store.disconnect(client.id);
    assert_eq!(world.write(second, "data/x", ""), ok());
    assert_eq!(world.woken(), [second.id].into());
    assert_eq!(world.usage(1).watches, 1);
    assert_eq!(world.read(client, "data"), refused("EIO"));
}
