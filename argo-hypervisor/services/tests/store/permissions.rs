//! Who may read, write and give away nodes.

use argo_core::DomainId;
use argo_core::xenstore::Kind;
use xen_services::store::Access;

use super::support::*;

#[test]
fn a_domain_reads_its_home_and_writes_its_data() {
    let mut world = World::with(&[3, 4]);
    let (client, other) = (world.connect(3), world.connect(4));
    assert_eq!(world.read(client, "domid").unwrap(), "3");
    assert_eq!(world.read(client, "name").unwrap(), "dom3");
    assert_eq!(world.write(client, "name", "me"), refused("EACCES"));
    assert_eq!(world.write(client, "new", ""), refused("EACCES"));
    assert_eq!(world.permissions(client, "domid").unwrap(), "n0 r3");
    assert_eq!(world.permissions(client, "data").unwrap(), "n3");
    assert_eq!(world.read(other, "/local/domain/3/domid"), refused("EACCES"));
    assert_eq!(world.list(client, "/local/domain"), refused("EACCES"));
}

#[test]
fn rights_are_of_all_others_or_of_single_ones() {
    let mut world = World::with(&[1, 2, 3]);
    let [owner, two, three] = [1, 2, 3].map(|id| world.connect(id));
    let path = "/local/domain/1/data/x";
    assert_eq!(world.write(owner, path, "v"), ok());
    let cases = [
        ("n1", false, false, false),
        ("r1 b2", true, true, false),
        ("n1 w2 r3", false, true, true),
    ];
    for (entries, two_reads, two_writes, three_reads) in cases {
        assert_eq!(world.set(owner, path, entries), ok());
        assert_eq!(world.read(two, path).is_ok(), two_reads, "{entries}");
        assert_eq!(world.write(two, path, "v").is_ok(), two_writes, "{entries}");
        assert_eq!(world.read(three, path).is_ok(), three_reads || entries == "r1 b2", "{entries}");
        assert_eq!(world.write(three, path, "v"), refused("EACCES"));
        assert_eq!(world.permissions(owner, path).unwrap(), entries);
    }
}

#[test]
fn only_the_owner_and_domain_0_set_them() {
    let mut world = World::with(&[1, 2]);
    let [control, owner, other] = [0, 1, 2].map(|id| world.connect(id));
    let path = "/local/domain/1/data/x";
    assert_eq!(world.write(owner, path, ""), ok());
    assert_eq!(world.set(owner, path, "b1"), ok());
    assert_eq!(world.set(other, path, "n2"), refused("EACCES"));
    assert_eq!(world.set(owner, path, "n2"), refused("EPERM"));
    assert_eq!(world.set(control, path, "n2 r1"), ok());
    assert_eq!(world.permissions(other, path).unwrap(), "n2 r1");
    assert_eq!((world.usage(1).nodes, world.usage(2).nodes), (1, 2));
}

#[test]
fn bad_permissions_are_invalid() {
    let mut world = World::with(&[1]);
    let (control, client) = (world.connect(0), world.connect(1));
    for entries in ["", "x1", "1", "r", "r1x", "r32752", "r-1", "n1 ", "r1 q0"] {
        assert_eq!(world.set(client, "data", entries), refused("EINVAL"), "{entries}");
    }
    assert_eq!(world.set(control, "/local/domain/1/data", "n9"), refused("EINVAL"));
    assert_eq!(world.does(client, Kind::SetPerms, "data\0"), refused("EINVAL"));
    assert_eq!(world.does(client, Kind::SetPerms, "data\0n1"), refused("EINVAL"));
}

#[test]
fn a_new_node_has_its_parent_s_rights_and_its_maker_as_owner() {
    let mut world = World::with(&[1, 2]);
    let [control, owner, other] = [0, 1, 2].map(|id| world.connect(id));
    assert_eq!(world.set(owner, "data", "r1 b2"), ok());
    assert_eq!(world.write(other, "/local/domain/1/data/a/b", ""), ok());
    assert_eq!(world.permissions(owner, "data/a").unwrap(), "r2 b2");
    assert_eq!(world.permissions(owner, "data/a/b").unwrap(), "r2 b2");
    assert_eq!(world.write(control, "/local/domain/1/data/c", ""), ok());
    assert_eq!(world.permissions(owner, "data/c").unwrap(), "r1 b2");
}

#[test]
fn whether_a_node_is_there_is_known_to_those_who_may() {
    let mut world = World::with(&[1, 2]);
    let (client, other) = (world.connect(1), world.connect(2));
    assert_eq!(world.read(client, "data/x/y"), refused("ENOENT"));
    assert_eq!(world.read(other, "/local/domain/1/data/x/y"), refused("EACCES"));
    assert_eq!(world.rm(other, "/local/domain/1/data/x"), refused("EACCES"));
    assert_eq!(world.does(client, Kind::GetPerms, "/none\0"), refused("EACCES"));
}

#[test]
fn the_guard_is_asked_first_of_each_path() {
    let mut world = World::with(&[1]);
    let (control, client) = (world.connect(0), world.connect(1));
    let guard = |domain: DomainId, path: &str, access: Access| {
        domain.raw() != 1
            || !path.contains("secret")
            || access == Access::Read && path.ends_with('r')
    };
    let mut ask = |kind, payload: &str| world.ask(client, &guard, 0, kind, payload.as_bytes());
    assert_eq!(ask(Kind::Write, "data/secret\0"), refused("EACCES"));
    assert_eq!(ask(Kind::Write, "data/secret/below\0"), refused("EACCES"));
    assert_eq!(ask(Kind::Read, "data/secret\0"), refused("EACCES"));
    assert_eq!(ask(Kind::Read, "data/secret/r\0"), refused("ENOENT"));
    assert_eq!(ask(Kind::Watch, "data/secret\0token\0"), refused("EACCES"));
    assert_eq!(ask(Kind::Directory, "data\0").as_deref(), Ok(""));
    assert_eq!(world.write(control, "/local/domain/1/data/a/secret", ""), ok());
    let removed = world.ask(client, &guard, 0, Kind::Rm, b"data/a\0");
    assert_eq!(removed, refused("EACCES"));
    assert_eq!(world.list(client, "data/a").unwrap(), ["secret"]);
}
