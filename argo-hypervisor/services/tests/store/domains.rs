//! Domains come and go.

use argo_core::xenstore::Kind;
use xen_services::store::Quota;

use super::support::*;

#[test]
fn a_domain_that_is_not_there_cannot_connect() {
    let mut world = World::with(&[1]);
    assert!(world.store.connect(domain(2)).is_none());
    assert!(world.store.connect(domain(0)).is_some());
    let client = world.connect(1);
    for (id, is) in [("0\0", "T\0"), ("1\0", "T\0"), ("2\0", "F\0"), ("32752\0", "T\0")] {
        assert_eq!(world.does(client, Kind::IsDomainIntroduced, id).unwrap(), is);
    }
}

#[test]
fn with_a_domain_go_its_home_and_what_it_owns() {
    let mut world = World::with(&[1, 2]);
    let [control, client, other] = [0, 1, 2].map(|id| world.connect(id));
    assert_eq!(world.set(other, "data", "n2 b1"), ok());
    assert_eq!(world.write(client, "/local/domain/2/data/mine/deep", ""), ok());
    assert_eq!(world.write(other, "data/own", ""), ok());
    world.watch_quietly(other, "data", "t");
    world.forget(1);
    assert_eq!(world.list(control, "/local/domain").unwrap(), ["2"]);
    assert_eq!(world.list(other, "data").unwrap(), ["own"]);
    assert_eq!(world.permissions(other, "data").unwrap(), "n2");
    assert_eq!(world.events(other), ["data/mine t"]);
    assert_eq!(world.does(client, Kind::Read, "domid\0"), refused("EIO"));
}

#[test]
fn a_domain_with_an_old_number_is_a_new_one() {
    let mut world = World::with(&[1, 2]);
    let owner = world.connect(2);
    assert_eq!(world.set(owner, "data", "n2 r1 r7"), ok());
    assert_eq!(world.permissions(owner, "data").unwrap(), "n2 r1");
    world.forget(1);
    world.introduce(1, Quota::XEN);
    world.introduce(7, Quota::XEN);
    for id in [1, 7] {
        let newcomer = world.connect(id);
        assert_eq!(world.read(newcomer, "/local/domain/2/data"), refused("EACCES"));
    }
    assert_eq!(world.write(owner, "data/x", ""), ok());
    assert_eq!(world.permissions(owner, "data/x").unwrap(), "n2");
}

#[test]
fn the_root_and_the_special_nodes_outlive_their_owner() {
    let mut world = World::with(&[1, 2]);
    let control = world.connect(0);
    for path in ["/", "@releaseDomain"] {
        assert_eq!(world.set(control, path, "r1"), ok());
    }
    world.watch_quietly(control, "@releaseDomain", "t");
    world.forget(1);
    assert_eq!(world.events(control), ["@releaseDomain t"]);
    assert_eq!(world.permissions(control, "/").unwrap(), "n0");
    assert_eq!(world.list(control, "/local/domain").unwrap(), ["2"]);
}

#[test]
fn a_node_is_not_given_to_a_domain_that_went() {
    let mut world = World::with(&[1, 2]);
    let control = world.connect(0);
    let path = "/local/domain/2/data";
    let t = world.begin(control);
    assert_eq!(world.within(control, t, Kind::SetPerms, &format!("{path}\0n1\0")), ok());
    world.forget(1);
    world.introduce(1, Quota::XEN);
    assert_eq!(world.commit(control, t), refused("EAGAIN"));
    assert_eq!(world.permissions(control, path).unwrap(), "n2");
}

#[test]
fn introducing_again_changes_the_quota_only() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    assert_eq!(world.write(client, "data/x", "v"), ok());
    world.introduce(1, Quota { nodes: 2, ..Quota::XEN });
    assert!(world.woken().is_empty());
    assert_eq!(world.read(client, "data/x").unwrap(), "v");
    assert_eq!(world.write(client, "data/y", ""), refused("ENOSPC"));
}

#[test]
fn domain_0_has_a_home_too() {
    let mut world = World::with(&[0, 1]);
    let control = world.connect(0);
    assert_eq!(world.read(control, "domid").unwrap(), "0");
    world.forget(0);
    assert_eq!(world.list(control, "/local/domain"), refused("EIO"));
    let control = world.connect(0);
    assert_eq!(world.list(control, "/local/domain").unwrap(), ["1"]);
}

#[test]
fn tools_calls_are_refused() {
    let mut world = World::with(&[1]);
    let (control, client) = (world.connect(0), world.connect(1));
    for kind in [Kind::Control, Kind::Introduce, Kind::Release, Kind::Resume, Kind::SetTarget] {
        assert_eq!(world.does(client, kind, "1\0"), refused("EACCES"), "{kind:?}");
        assert_eq!(world.does(control, kind, "1\0"), refused("ENOSYS"), "{kind:?}");
    }
}
