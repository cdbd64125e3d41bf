//! Reload of a running argod, by command and by signal.

use std::fs;
use std::process::Command;
use std::time::Instant;

use argo_core::Errno;
use argo_core::abi::Op;
use argo_core::platform::Platform;
use argod::admin::{AdminError, Reloaded, Request};

use crate::common::tool::{failure, plain, run, text};
use crate::common::{ARGS, Argod, PATIENCE, call, register, send, wait_until};

const DOMAINS: &str = "wildcard_rings = true
policy_dir = \"policy.d\"
[[domain]]\nid = 1\nname = \"client\"\nram = \"1MiB\"
[[domain]]\nid = 2\nname = \"server\"\nram = \"1MiB\"
[[domain]]\nid = 3\nname = \"other\"\nram = \"1MiB\"
[[policy]]\nhook = \"any\"\nfrom = \"any\"\nto = \"any\"
";
const OPEN: &str = "[[port]]\nfrom = \"any\"\nto = \"any\"\nto_port = \"any\"\n";
const NO_CLIENT: &str = "[[port]]\nfrom = \"client\"\nto = \"server\"\nto_port = \"any\"\n\
                         action = \"deny\"\ncomment = \"dismissed\"\n";

const EPERM: i64 = Errno::EPERM.ret();

/// An argod whose policy is in a folder: everything is allowed.
fn start() -> Argod {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("policy.d")).unwrap();
    fs::write(dir.path().join("policy.d/50-open.toml"), OPEN).unwrap();
    Argod::start_in(dir, DOMAINS)
}

fn reload(argod: &Argod) -> Result<Reloaded, String> {
    argod.admin().request(&Request::Reload).map_err(|error| match error {
        AdminError::Refused(text) => text,
        other => panic!("{other}"),
    })
}

#[test]
fn a_reload_cuts_what_it_forbids_and_the_others_never_notice() {
    let argod = start();
    let [client, server, other] = ["client", "server", "other"].map(|name| argod.attach(name));
    assert_eq!(register(&server, 7, 1, 4096), 0, "for the client alone");
    assert_eq!(register(&other, 7, 2, 4096), 0);
    assert_eq!(send(&client, 1, (2, 7), b"before"), 6);
    assert_eq!(send(&server, 1, (3, 7), b"before"), 6);
    let before = [&client, &server, &other].map(|guest| guest.events());

    fs::write(argod.path("policy.d/10-client.toml"), NO_CLIENT).unwrap();
    let expected = Reloaded {
        policy_rules: 1,
        port_rules: 2,
        store_rules: 0,
        rings_cut: 1,
        waits_ended: 0,
        channels_cut: 0,
        restart_needed: false,
    };
    assert_eq!(reload(&argod), Ok(expected));

    let after = [&client, &server, &other].map(|guest| guest.events());
    assert_eq!(after[0].peers_gone, before[0].peers_gone.map(|count| count + 1));
    assert_eq!(after[1].rings_cut, before[1].rings_cut.map(|count| count + 1));
    assert_eq!(after[2], before[2]);
    assert_eq!(argod.domain("server").rings, []);
    assert_eq!(argod.domain("other").rings.len(), 1);
    assert_eq!(send(&client, 1, (2, 7), b"after"), EPERM);
    assert_eq!(send(&server, 1, (3, 7), b"after"), 5);
    let refusals = argod.stat().refusals;
    let cause = format!("port rule 1 ({}:1)", argod.path("policy.d/10-client.toml").display());
    assert_eq!((refusals.len(), &refusals[0].cause, refusals[0].count), (1, &cause, 1));
}

#[test]
fn a_bad_policy_changes_nothing_and_says_where_it_is_bad() {
    let argod = start();
    let client = argod.attach("client");
    let send = || send(&client, 1, (2, 7), b"");
    let refused = Errno::ECONNREFUSED.ret();
    assert_eq!(send(), refused);
    for (text, place) in [
        ("[[port]]\nfrom = \"cleint\"\nto = \"any\"\nto_port = 1\n", ":2:8: found unknown domain"),
        ("[[port]\n", ":1:"),
        ("[[domain]]\nid = 9\n", ":1:3: found unknown key `domain`"),
    ] {
        fs::write(argod.path("policy.d/10-bad.toml"), text).unwrap();
        let said = reload(&argod).unwrap_err();
        let file = argod.path("policy.d/10-bad.toml");
        assert!(said.starts_with(&format!("{}{place}", file.display())), "{said}");
        assert!(said.contains('^'), "{said}");
        assert_eq!(send(), refused);
    }
    fs::remove_file(argod.path("policy.d/10-bad.toml")).unwrap();
    let pipe = argod.path("policy.d/20-pipe.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(reload(&argod).unwrap_err().contains("20-pipe.toml: not a regular file"));
    assert_eq!(send(), refused);
    fs::remove_dir_all(argod.path("policy.d")).unwrap();
    assert!(reload(&argod).unwrap_err().contains("policy.d"));
    assert_eq!(send(), refused);
}

#[test]
fn the_tool_reloads_and_says_what_was_cut() {
    let argod = start();
    let reload = || {
        let mut command = plain(&["policy", "reload"]);
        command.arg("--admin").arg(argod.path("admin.sock"));
        run(command, b"")
    };
    let (_client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, 1, 4096), 0);
    fs::write(argod.path("policy.d/10-client.toml"), NO_CLIENT).unwrap();
    let done = reload();
    let said = "in force: 1 policy rule(s), 2 port rule(s), 0 store rule(s); \
                cut: 1 ring(s), 0 wait(s) for room, 0 event channel(s)\n";
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(0), said));
    let config = fs::read_to_string(argod.path("argod.toml")).unwrap();
    fs::write(argod.path("argod.toml"), config + "[log]\nlevel = 'debug'\n").unwrap();
    assert!(
        text(&reload().stdout).ends_with("other changes (or faults), which only a restart meets\n")
    );
    fs::write(argod.path("policy.d/10-client.toml"), "x").unwrap();
    let (code, said) = failure(&reload());
    assert_eq!(code, Some(1));
    assert!(said.contains("policy.d/10-client.toml:1:2: "), "{said}");
}

/// Rules about a domain that an administrator destroyed are not wrong because of that.
#[test]
fn a_policy_may_name_a_domain_of_its_file_that_was_destroyed() {
    let argod = start();
    let destroy = Request::Destroy { domain: "client".into() };
    argod.admin().request::<serde_json::Value>(&destroy).unwrap();
    fs::write(argod.path("policy.d/10-client.toml"), NO_CLIENT).unwrap();
    assert_eq!(reload(&argod).map(|done| done.port_rules), Ok(2));
}

/// Who waits for its time under a limit does not wait on when the limit is gone.
#[test]
fn a_limit_that_is_lifted_holds_nobody_back() {
    let argod = start();
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    let limited = "[[port]]\nfrom = \"client\"\nto = \"server\"\nto_port = 7\n\
                   bytes_per_second = 1\n";
    fs::write(argod.path("policy.d/10-limit.toml"), limited).unwrap();
    reload(&argod).unwrap();
    assert_eq!(register(&server, 7, 1, 4096), 0);
    assert_eq!(send(&client, 1, (2, 7), &[0; 1000]), 1000);
    let virqs = client.events().virq;
    assert_eq!(send(&client, 1, (2, 7), b"x"), Errno::EAGAIN.ret());
    fs::remove_file(argod.path("policy.d/10-limit.toml")).unwrap();
    reload(&argod).unwrap();
    wait_until("the interrupt", || client.events().virq != virqs);
    assert_eq!(send(&client, 1, (2, 7), b"x"), 1);
}

#[test]
fn a_hang_up_signal_reloads() {
    let argod = start();
    let client = argod.attach("client");
    let refused = || send(&client, 1, (2, 7), b"") == EPERM;
    assert!(!refused());
    fs::write(argod.path("policy.d/10-client.toml"), NO_CLIENT).unwrap();
    argod.signal("HUP");
    wait_until("the new policy to be in force", refused);
    fs::remove_file(argod.path("policy.d/10-client.toml")).unwrap();
    argod.signal("HUP");
    wait_until("the old policy to be in force", || !refused());
}

/// What a limit holds back is told to wait, and woken when it may go.
#[test]
fn a_sender_over_its_limit_waits_and_is_interrupted() {
    let argod = start();
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    let limited = "[[port]]\nfrom = \"client\"\nto = \"server\"\nto_port = 7\n\
                   messages_per_second = 5\n";
    fs::write(argod.path("policy.d/10-limit.toml"), limited).unwrap();
    reload(&argod).unwrap();
    assert_eq!(register(&server, 7, 1, 4096), 0);
    let mut sent = 0;
    let begun = Instant::now();
    while sent < 8 {
        let seen = client.sequence();
        match send(&client, 1, (2, 7), b"x") {
            1 => sent += 1,
            ret => {
                assert_eq!(ret, Errno::EAGAIN.ret());
                assert!(sent >= 5, "a second's worth goes at once");
                let virqs = client.events().virq;
                while client.events().virq == virqs {
                    client.wait(seen, Some(PATIENCE)).unwrap();
                    assert!(begun.elapsed() < PATIENCE, "no interrupt after {sent} messages");
                }
            }
        }
    }
    assert_eq!(argod.domain("server").rings[0].messages, 8);
    assert!(argod.domain("client").denied["limit"] >= 3);
}

/// A notify answers about a barred port as about a ring that is not there.
#[test]
fn a_barred_port_is_not_there_for_who_asks() {
    use argo_core::abi::{RingData, RingDataEnt};
    use zerocopy::{FromZeros, IntoBytes};

    let argod = start();
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, 1, 4096), 0);
    let flags = || {
        let mut entry = RingDataEnt::new_zeroed();
        (entry.ring.domain_id, entry.ring.aport) = (2, 7);
        let at = ARGS as usize;
        client.ram().write(at, RingData { nent: 1, pad: 0 }.as_bytes()).unwrap();
        client.ram().write(at + 8, entry.as_bytes()).unwrap();
        assert_eq!(client.call(&call(Op::Notify as u32, [ARGS, 0, 0, 0])).unwrap(), 0);
        client.ram().read(at + 8, entry.as_mut_bytes()).unwrap();
        entry.flags
    };
    assert_ne!(flags(), 0);
    fs::write(argod.path("policy.d/10-client.toml"), NO_CLIENT).unwrap();
    reload(&argod).unwrap();
    assert_eq!(register(&server, 7, 1, 4096), 0, "again: registering is not forbidden");
    assert_eq!(flags(), 0);
}
