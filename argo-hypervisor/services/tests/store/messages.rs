//! Messages that are not as they should be.

use argo_core::xenstore::{Kind, PAYLOAD_MAX};

use super::support::*;

fn answer(world: &mut World, client: Client, bytes: &[u8]) -> Result<Vec<u8>, String> {
    said(&world.store.request(client.id, &anything, bytes).reply)
}

#[test]
fn lengths_are_checked() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let whole = message(Kind::Read as u32, 0, b"domid\0");
    assert_eq!(answer(&mut world, client, &whole), Ok(b"1".to_vec()));
    for len in 0..whole.len() {
        assert_eq!(answer(&mut world, client, &whole[..len]), Err("EINVAL".into()), "{len}");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    assert_eq!(answer(&mut world, client, &longer), Err("EINVAL".into()));
    let long = message(Kind::Read as u32, 0, &[b'a'; PAYLOAD_MAX + 1]);
    assert_eq!(answer(&mut world, client, &long), Err("E2BIG".into()));
}

#[test]
fn unknown_kinds_are_unknown() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    for kind in [Kind::WatchEvent as u32, Kind::Error as u32, 20, 23, u32::MAX] {
        let message = message(kind, 0, b"domid\0");
        assert_eq!(answer(&mut world, client, &message), Err("ENOSYS".into()), "{kind}");
    }
}

#[test]
fn strings_end_with_a_zero() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    for kind in [Kind::Read, Kind::Directory, Kind::GetPerms, Kind::Mkdir, Kind::Rm] {
        for payload in ["", "data", "data\0x", "data\0x\0"] {
            assert_eq!(world.does(client, kind, payload), refused("EINVAL"), "{kind:?} {payload}");
        }
    }
    for payload in ["", "data", "data\0", "data\0a\0b\0"] {
        assert_eq!(world.does(client, Kind::Watch, payload), refused("EINVAL"), "{payload}");
    }
    assert_eq!(world.does(client, Kind::Write, "data"), refused("EINVAL"));
}
