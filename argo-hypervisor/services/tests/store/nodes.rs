//! Values: written, read, listed, removed.

use argo_core::xenstore::Kind;

use super::support::*;

#[test]
fn writing_makes_what_is_missing() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.write(client, "data/a/b/c", "v"), ok());
    assert_eq!(world.read(client, "data/a/b/c").unwrap(), "v");
    assert_eq!(world.read(client, "data/a/b").unwrap(), "");
    assert_eq!(world.list(client, "data/a").unwrap(), ["b"]);
    assert_eq!(world.write(client, "data/a/b/c", "w"), ok());
    assert_eq!(world.read(client, "data/a/b/c").unwrap(), "w");
}

#[test]
fn a_value_is_any_bytes() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let written = world.ask(client, &anything, 0, Kind::Write, b"data/x\0a\0b\0");
    assert_eq!(written, ok());
    assert_eq!(world.read(client, "data/x").unwrap(), "a\0b\0");
}

#[test]
fn making_a_node_that_is_there_leaves_it() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.write(client, "data/x", "v"), ok());
    assert_eq!(world.does(client, Kind::Mkdir, "data/x\0"), ok());
    assert_eq!(world.read(client, "data/x").unwrap(), "v");
    assert_eq!(world.does(client, Kind::Mkdir, "data/y/z\0"), ok());
    assert_eq!(world.read(client, "data/y/z").unwrap(), "");
}

#[test]
fn removing_takes_all_below() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    for path in ["data/a/b/c", "data/a/d", "data/a-b", "data/ab"] {
        assert_eq!(world.write(client, path, ""), ok());
    }
    assert_eq!(world.rm(client, "data/a"), ok());
    assert_eq!(world.list(client, "data").unwrap(), ["a-b", "ab"]);
    assert_eq!(world.read(client, "data/a/b/c"), refused("ENOENT"));
}

#[test]
fn removing_nothing_is_fine_if_its_parent_is_there() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.rm(client, "data/a"), ok());
    assert_eq!(world.rm(client, "data/a/b"), refused("ENOENT"));
}

#[test]
fn the_root_stays() {
    let mut world = World::with(&[1]);
    let (control, client) = (world.connect(0), world.connect(1));
    assert_eq!(world.rm(control, "/"), refused("EINVAL"));
    assert_eq!(world.rm(client, "/"), refused("EACCES"));
    assert_eq!(world.list(control, "/").unwrap(), ["local"]);
}

#[test]
fn children_are_listed_in_order_and_alone() {
    let mut world = World::with(&[]);
    let control = world.connect(0);
    for path in ["/t/b", "/t/a/x", "/t-/no", "/t/c", "/t0/no"] {
        assert_eq!(world.write(control, path, ""), ok());
    }
    assert_eq!(world.list(control, "/t").unwrap(), ["a", "b", "c"]);
    assert_eq!(world.list(control, "/t/b").unwrap(), [""; 0]);
    assert_eq!(world.list(control, "/t/d"), refused("ENOENT"));
}
