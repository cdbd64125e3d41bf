//! Domains that are virtual machines.

use super::*;

#[cfg(not(feature = "kvm"))]
#[test]
fn there_are_none_where_argod_was_built_without_them() {
    let machine = "[[domain]]\nid = 1\nname = 'm'\nkind = 'kvm'\nram = '2MiB'\nimage = '/k'\n";
    let expected = saying(
        4,
        "kind = 'kvm'",
        "       ^^^^^",
        "found \"kvm\", expected \"process\": this argod was built without the feature kvm",
    );
    assert_eq!(said(machine), expected);
}

#[test]
fn what_only_a_machine_has_is_unknown_of_others() {
    for key in ["image = '/k'", "vcpus = 1", "restart = 'never'", "command = ''"] {
        let said = said(&format!("[[domain]]\nid = 1\nname = 'p'\nram = '2MiB'\n{key}\n"));
        let name = key.split(' ').next().unwrap();
        assert!(said.contains(&format!("5:1: found unknown key `{name}`")), "{said}");
    }
}

#[cfg(feature = "kvm")]
mod with_kvm {
    use super::*;

    fn text(more: &str) -> String {
        format!("[[domain]]\nid = 1\nname = 'm'\nkind = 'kvm'\n{more}\n")
    }

    #[test]
    fn a_machine() {
        let quotas = "quotas = { rings = 3, ring_bytes = 4096, waiters = 2, entries = 1 }";
        let keys = "image = '/k'\nram = '4MiB'\nvcpus = 8\nrestart = 'on-failure'\ncommand = 'a=b'";
        let config = parse(&text(&format!("{keys}\n{quotas}"))).unwrap();
        let [domain] = &config.domains[..] else { unreachable!("{config:?}") };
        let machine = domain.machine.as_ref().unwrap();
        assert_eq!((&*machine.image, &*machine.command), (Path::new("/k"), "a=b"));
        assert_eq!((machine.vcpus, machine.restart), (8, Restart::OnFailure));
        assert_eq!((domain.ram, domain.memory_needed()), (4 << 20, 4 << 20));
        assert_eq!((domain.quotas.sessions, domain.quotas.services), (0, ServiceQuotas::NONE));
        assert_eq!(domain.quotas.engine.rings, 3);
    }

    #[test]
    fn what_is_not_said_is_as_little_as_can_be() {
        let config = parse(&text("image = '/k'\nram = '2MiB'")).unwrap();
        let machine = config.domains[0].machine.as_ref().unwrap();
        assert_eq!((machine.vcpus, machine.restart, &*machine.command), (1, Restart::Never, ""));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let long = format!("command = '{}'", "x".repeat(2048));
        let cases = [
            ("ram = '2MiB'", "found no key `image`, expected image = an absolute path of a file"),
            ("image = 'k'", "found \"k\", expected an absolute path of a file"),
            ("ram = '1MiB'", "expected a multiple of 2MiB from 2MiB to 3GiB"),
            ("ram = '4GiB'", "expected a multiple of 2MiB from 2MiB to 3GiB"),
            ("vcpus = 0", "found 0, expected an integer from 1 to 8"),
            ("vcpus = 9", "found 9, expected an integer from 1 to 8"),
            ("restart = 'no'", "expected one of \"never\", \"on-failure\", \"always\""),
            ("quotas.sessions = 1", "found unknown key `sessions`"),
            ("quotas.ports = 1", "found unknown key `ports`"),
            ("command = \"a\\u0000b\"", "expected at most 2047 bytes, none of them zero"),
            (&long, "expected at most 2047 bytes, none of them zero"),
        ];
        for (line, expected) in cases {
            let said = said(&text(line));
            assert!(said.contains(expected), "{said}");
        }
    }
}
