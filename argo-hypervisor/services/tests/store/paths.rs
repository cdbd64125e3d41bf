//! Which paths are names of nodes.

use argo_core::xenstore::{ABSOLUTE_PATH_MAX, Kind, RELATIVE_PATH_MAX};
use xen_services::store::{DEPTH_MAX, NAME_MAX};

use super::support::*;

#[test]
fn a_relative_path_begins_at_home() {
    let mut world = World::with(&[3]);
    let client = world.connect(3);
    assert_eq!(world.write(client, "data/x", "1"), ok());
    assert_eq!(world.read(client, "/local/domain/3/data/x").unwrap(), "1");
}

#[test]
fn bad_paths_are_invalid() {
    let mut world = World::with(&[]);
    let control = world.connect(0);
    let bad =
        ["", "/a/", "//", "/a//b", "/a b", "/a.b", "/\u{e4}", "@releaseDomain", "@other", "a/"];
    for path in bad {
        assert_eq!(world.read(control, path), refused("EINVAL"), "{path}");
        assert_eq!(world.write(control, path, ""), refused("EINVAL"), "{path}");
    }
    for path in ["/a", "/A-b_c@9", "/-", "/0/1"] {
        assert_eq!(world.write(control, path, ""), ok(), "{path}");
    }
}

#[test]
fn names_and_depth_have_limits() {
    let mut world = World::with(&[]);
    let control = world.connect(0);
    assert_eq!(world.write(control, &format!("/{}", "n".repeat(NAME_MAX)), ""), ok());
    let long = format!("/{}", "n".repeat(NAME_MAX + 1));
    assert_eq!(world.write(control, &long, ""), refused("EINVAL"));
    assert_eq!(world.write(control, &"/d".repeat(DEPTH_MAX), ""), ok());
    assert_eq!(world.write(control, &"/d".repeat(DEPTH_MAX + 1), ""), refused("EINVAL"));
}

#[test]
fn a_path_has_a_limit() {
    let mut world = World::with(&[]);
    let control = world.connect(0);
    let mut path = format!("/{}", "p".repeat(255)).repeat(ABSOLUTE_PATH_MAX / 256);
    assert_eq!(path.len(), ABSOLUTE_PATH_MAX);
    assert_eq!(world.write(control, &path, ""), ok());
    path.push('p');
    assert_eq!(world.write(control, &path, ""), refused("EINVAL"));
}

#[test]
fn a_relative_path_has_its_own_limit() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let mut path = format!("{}/", "p".repeat(255)).repeat(8);
    assert_eq!(path.len(), RELATIVE_PATH_MAX);
    path.replace_range(2047.., "p");
    assert_eq!(world.read(client, &path), refused("ENOENT"));
    path.push('p');
    assert_eq!(world.read(client, &path), refused("EINVAL"));
}

#[test]
fn a_domain_s_path_is_told() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let path = world.does(client, Kind::GetDomainPath, "9\0");
    assert_eq!(path.unwrap(), "/local/domain/9\0");
    for bad in ["", "\0", "x\0", "32752\0", "-1\0", "99999999999\0", "1\0\0"] {
        assert_eq!(world.does(client, Kind::GetDomainPath, bad), refused("EINVAL"), "{bad}");
    }
}
