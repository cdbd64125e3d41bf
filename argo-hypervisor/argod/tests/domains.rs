//! `argoctl domain` as an administrator runs it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use argo_core::platform::Platform;
use argod::admin::{DomainStat, RINGS_LISTED, Request};
use common::tool::{failure, plain, run, text};
use common::{Argod, PATIENCE, exists, open_system, register, send};

const GUEST: &str = "id = 7\nname = \"guest\"\nram = \"1MiB\"\nquotas = { sessions = 2 }\n";

/// Runs `argoctl domain` with these arguments and this input: exit status, output, error.
fn domain(argod: &Argod, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = plain(&["domain"]);
    command.args(arguments).env("ARGO_ADMIN", argod.path("admin.sock"));
    let output = run(command, input.as_bytes());
    let (status, said) = failure(&output);
    (status, text(&output.stdout), said)
}

/// The same of what has to be done without a word of complaint.
fn done(argod: &Argod, arguments: &[&str], input: &str) -> String {
    let (status, out, said) = domain(argod, arguments, input);
    assert_eq!((status, said), (Some(0), String::new()), "{arguments:?}");
    out
}

fn start() -> Argod {
    Argod::start(&open_system(&[(1, "client"), (2, "server")]))
}

#[test]
fn a_domain_comes_is_used_and_goes() {
    let argod = start();
    let file = argod.path("guest.toml");
    std::fs::write(&file, GUEST).unwrap();
    let said = done(&argod, &["create", file.to_str().unwrap()], "");
    let socket = argod.socket("guest").display().to_string();
    assert_eq!(said, format!("created 7 (guest): processes attach at {socket}\n"));

    let (client, guest) = (argod.attach("client"), argod.attach("guest"));
    let _second = argod.attach("guest");
    assert_eq!(register(&guest, 7, DOMID_ANY, 4096), 0);
    let listed = done(&argod, &["list"], "");
    assert!(listed.contains("   7  guest   on    1.0 MiB       2/2  1/128"), "{listed}");

    assert_eq!(
        done(&argod, &["reset", "7"], ""),
        "reset 7 (guest): 1 ring removed, its sessions stay\n"
    );
    assert_eq!(send(&client, 9, (7, 7), b"x"), Errno::ECONNREFUSED.ret());
    assert_eq!(done(&argod, &["destroy", "guest"], ""), "destroyed 7 (guest): 2 sessions ended\n");
    assert!(guest.wait(guest.sequence(), Some(PATIENCE)).is_err());
    assert!(!exists(&argod.socket("guest")));

    assert!(done(&argod, &["create", "-"], GUEST).starts_with("created 7 (guest)"));
    assert_eq!(done(&argod, &["destroy", "7"], ""), "destroyed 7 (guest): 0 sessions ended\n");
}

#[test]
fn detached_processes_lose_their_sessions_and_may_come_back() {
    let argod = start();
    done(&argod, &["create", "-"], GUEST);
    let (one, other) = (argod.attach("guest"), argod.attach("guest"));
    let client = argod.attach("client");
    assert_eq!(register(&one, 7, DOMID_ANY, 4096), 0);

    let (status, out, said) = domain(&argod, &["detach", "guest", "--pid", "1"], "");
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert_eq!(said, "argoctl: process 1 is not attached to domain guest\n");
    assert_eq!(argod.domain("guest").sessions.len(), 2);

    let pid = std::process::id().to_string();
    let said = done(&argod, &["detach", "guest", "--pid", &pid], "");
    assert_eq!(said, "detached 7 (guest): 2 sessions ended\n");
    for session in [&one, &other] {
        assert!(session.wait(session.sequence(), Some(PATIENCE)).is_err());
    }
    drop((one, other));
    argod.wait_for("guest", "its RAM is let go", |guest| guest.sessions_held == 0);
    let again = argod.attach("guest");
    assert_eq!(register(&again, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (7, 7), b"x"), 1, "others noticed nothing");
    assert_eq!(done(&argod, &["detach", "guest"], ""), "detached 7 (guest): 1 session ended\n");
    assert_eq!(done(&argod, &["detach", "guest"], ""), "detached 7 (guest): 0 sessions ended\n");
}

#[test]
fn one_domain_is_shown_with_all_its_rings_and_limits() {
    let rings = RINGS_LISTED + 2;
    let argod = Argod::start(&format!(
        "{}[[domain]]\nid = 2\nname = \"server\"\nram = \"1MiB\"\nquotas = {{ rings = 200, ring_bytes = \
         \"1MiB\", waiters = 1 }}\n",
        open_system(&[(1, "client")])
    ));
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    for port in 0..rings as u32 {
        assert_eq!(register(&server, port, DOMID_ANY, 4096), 0);
    }
    while send(&client, 9, (2, 5), &[1; 1000]) > 0 {}
    let json = done(&argod, &["show", "server", "--format", "json"], "");
    let shown: DomainStat = serde_json::from_str(&json).unwrap();
    assert_eq!((shown.rings.len(), shown.rings_total, shown.rings_allowed), (rings, rings, 200));
    assert!(shown.rings.iter().map(|ring| ring.port).eq(0..rings as u32));
    assert_eq!((shown.ring_bytes, shown.ring_bytes_allowed), (rings as u64 * 4096, 1 << 20));
    assert_eq!((shown.waiting, shown.waiting_allowed, shown.entries_allowed), (1, 1, 256));
    let fullest = shown.fullest.unwrap();
    assert_eq!((fullest.port, fullest.waiting), (5, 1));
    assert!(fullest.filled > 3000, "{fullest:?}");

    let cut = argod.domain("server");
    assert_eq!((cut.rings.len(), cut.rings_total), (RINGS_LISTED, rings));
    let table = done(&argod, &["show", "2"], "");
    assert!(table.starts_with("domain 2 (server), Argo on, at "), "{table}");
    assert!(table.contains(&format!("  server   {}  any", rings - 1)), "{table}");
}

#[test]
fn what_is_wrong_is_told_as_the_user_called_it() {
    let argod = start();
    let file = argod.path("guest.toml");
    std::fs::write(&file, "id = 7\nname = \"guest\"\nram = \"lots\"\n").unwrap();
    let file = file.to_str().unwrap();
    let (status, _, said) = domain(&argod, &["create", file], "");
    assert_eq!(status, Some(1));
    let place = format!("argoctl: {file}:3:7: found \"lots\", expected a multiple of 4KiB");
    assert!(
        said.starts_with(&place) && said.ends_with("| ram = \"lots\"\n  |       ^^^^^^\n"),
        "{said}"
    );
    let (status, _, said) = domain(&argod, &["create", "-"], "id = 7\n");
    assert!(
        status == Some(1) && said.starts_with("argoctl: standard input:1:1: found no key"),
        "{said}"
    );
    let (status, _, said) = domain(&argod, &["create", "/nowhere.toml"], "");
    assert!(
        status == Some(1) && said.starts_with("argoctl: /nowhere.toml: No such file"),
        "{said}"
    );
    let taken = "id = 1\nname = \"new\"\nram = \"1MiB\"\n";
    let (status, _, said) = domain(&argod, &["create", "-"], taken);
    assert_eq!((status, &*said), (Some(1), "argoctl: there is a domain 1 already: client\n"));
    for action in ["show", "destroy", "reset", "detach"] {
        let (status, out, said) = domain(&argod, &[action, "nobody"], "");
        let expected = "argoctl: there is no domain \"nobody\"\n";
        assert_eq!((status, &*out, &*said), (Some(1), "", expected), "{action}");
    }
    assert_eq!(domain(&argod, &["detach", "client", "--pid", "0"], "").0, Some(2));
    assert_eq!(argod.stat().domains.len(), 2);
}

#[test]
fn the_use_of_the_admin_socket_is_told() {
    let argod = start();
    let mut admins = [argod.admin(), argod.admin()];
    for admin in &mut admins {
        admin.request::<DomainStat>(&Request::Domain { domain: "client".into() }).unwrap();
    }
    let stat = argod.stat();
    assert_eq!((stat.admins, stat.admins_allowed, stat.domains_allowed), (3, 16, 1024));
    assert_eq!(stat.version, env!("CARGO_PKG_VERSION"));
}
