//! Each message is judged by one policy, seen closely in one process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use argo_core::abi::Iov;
use argo_core::claim::RingLen;
use argo_core::platform::Platform;
use argo_core::policy::{Action, Hook, PortRange};
use argo_core::{DomainId, Errno, Gfn, Partner, Port, RingName};
use argo_hypervisor::inprocess::{InProcess, LocalDomain};
use argo_hypervisor::{Argo, Config, Existing, RegisterRequest, SendRequest, WildcardRings};
use argod::config::{Domain, Host, Limit, Mode, Place, PortRule, Rule, Rules, Subject};
use argod::policy::{Directory, LivePolicy};

const PORT: Port = Port(7);
const RING_PAGE: u64 = 8;
const REPLACEMENTS: usize = 1000;

type Guest = LocalDomain<LivePolicy>;

fn directory() -> Directory {
    let host = Host { cpus: vec![0] };
    let domain = |(id, name)| {
        let text = format!("id = {id}\nname = '{name}'\nram = 8192");
        Domain::parse("domain", &text, &host, Path::new("/run")).unwrap()
    };
    Directory::new(&[(1, "client"), (2, "server")].map(domain)).unwrap()
}

/// Everything is allowed but the hook `send` or every port, or both or none.
fn rules(hooks: Action, ports: Action) -> Rules {
    let place = || Place { file: "t.toml".into(), line: 1 };
    let any = || vec![Subject::Any];
    let hook = Rule {
        place: place(),
        hooks: vec![Hook::Send],
        from: any(),
        to: any(),
        action: hooks,
        comment: None,
        log: false,
    };
    let port = PortRule {
        place: place(),
        from: any(),
        from_port: Vec::new(),
        to: any(),
        to_port: vec![PortRange::ALL],
        action: ports,
        reply: false,
        limit: Limit::default(),
        comment: None,
        log: false,
    };
    Rules { mode: Mode::All, hooks: vec![hook], ports: vec![port], store: Vec::new() }
}

fn replace(policy: &LivePolicy, rules: Rules) {
    policy.replace_rules(|_| Ok::<_, ()>(rules)).unwrap();
}

fn system() -> (InProcess<LivePolicy>, [Guest; 2]) {
    let policy = LivePolicy::new(rules(Action::Allow, Action::Allow), directory());
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, policy);
    let guests = [1, 2].map(|id| system.domain(DomainId::new(id).unwrap(), 16).unwrap());
    let name = RingName { port: PORT, partner: Partner::Any };
    let len = RingLen::check(4096).unwrap();
    let request = RegisterRequest { name, len, existing: Existing::Fail };
    let pages = (RING_PAGE..RING_PAGE + u64::from(len.pages())).map(|page| Ok(Gfn(page)));
    let pages = pages.collect::<Vec<_>>().into_iter();
    system.engine().register_ring(guests[1].caller(), &request, pages).unwrap();
    (system, guests)
}

fn send(system: &InProcess<LivePolicy>, client: &Guest) -> Result<u32, Errno> {
    let iovs = [Iov { iov_hnd: 4096, iov_len: 0, pad: 0 }];
    let receiver = DomainId::new(2).unwrap();
    let source = Port(1);
    let message = SendRequest { source, receiver, port: PORT, iovs: &iovs, message_type: 0 };
    system.engine().sendv(client.caller(), &message)
}

/// The server has read everything.
fn drain(server: &Guest) {
    let (ram, mut tx) = (server.ram(), [0; 4]);
    ram.read(RING_PAGE as usize * 4096 + 4, &mut tx).unwrap();
    ram.write(RING_PAGE as usize * 4096, &tx).unwrap();
}

/// Either policy refuses every message, each by another check: only a mix of the two would let one
/// through.
#[test]
fn no_message_is_judged_by_a_mix_of_two_policies() {
    let (system, [client, _server]) = system();
    let policy = system.engine().policy();
    let by_hook = || rules(Action::Deny, Action::Allow);
    let by_port = || rules(Action::Allow, Action::Deny);
    replace(policy, by_hook());
    let (done, eacces, eperm) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    match send(&system, &client) {
                        Err(Errno::EACCES) => eacces.fetch_add(1, Ordering::Relaxed),
                        Err(Errno::EPERM) => eperm.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other:?}"),
                    };
                }
            });
        }
        for _ in 0..REPLACEMENTS / 2 {
            replace(policy, by_port());
            assert_eq!(send(&system, &client), Err(Errno::EPERM), "the new rules are in force");
            replace(policy, by_hook());
            assert_eq!(send(&system, &client), Err(Errno::EACCES));
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(eacces.into_inner() > 0 && eperm.into_inner() > 0);
}

/// Once rules are replaced, not even a message that was under way is delivered by the old ones.
#[test]
fn nothing_is_delivered_by_rules_that_were_replaced() {
    let (system, [client, server]) = system();
    let policy = system.engine().policy();
    let delivered = || system.engine().stat(DomainId::new(1).unwrap()).unwrap().counters.messages;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let _ = send(&system, &client);
                drain(&server);
            }
        });
        for _ in 0..REPLACEMENTS / 2 {
            replace(policy, rules(Action::Allow, Action::Deny));
            let before = delivered();
            for _ in 0..3 {
                assert_eq!(send(&system, &client), Err(Errno::EPERM));
            }
            assert_eq!(delivered(), before);
            replace(policy, rules(Action::Allow, Action::Allow));
            while delivered() == before {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}
