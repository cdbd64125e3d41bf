use super::one::one;
use super::render::tables;
use crate::admin::{DomainStat, Reserved, RingStat, RuleStat, ServicesStat, SessionStat, Stat};
use crate::config::ServiceQuotas;

pub(in crate::ctl) fn domain(id: u16, name: &str) -> DomainStat {
    DomainStat {
        id,
        name: name.into(),
        socket: format!("/run/argod/{name}.sock").into(),
        active: true,
        ram: 16 << 20,
        machine: None,
        sessions: vec![SessionStat { pid: 4_194_304, uid: 1001, gid: 1001 }],
        sessions_allowed: 1,
        sessions_held: 0,
        rings: Vec::new(),
        rings_total: 0,
        rings_allowed: 128,
        ring_bytes: 0,
        ring_bytes_allowed: 2 << 30,
        fullest: None,
        waiting: 0,
        waiting_allowed: 32,
        entries_allowed: 256,
        messages: 123_456_789,
        bytes: 7 << 30,
        refused: [("EACCES".into(), 7), ("EAGAIN".into(), 12_345)].into(),
        denied: [("send".into(), 7)].into(),
        service_ns: 0,
        doorbell_ns: 0,
        attachment_ns: 0,
        services_ns: 0,
        ending_ns: 0,
        guest_ns: 0,
        interrupt_ns: 0,
        mutes: 0,
        attachments: 1,
        refused_attachments: 0,
        services: ServicesStat::default(),
        services_allowed: ServiceQuotas::default(),
    }
}

pub(in crate::ctl) fn ring(partner: Option<u16>) -> RingStat {
    let (port, len, filled) = (2_147_483_650, 131_072, 65_536);
    RingStat { port, partner, len, filled, waiting: 3, messages: 9, bytes: 90 }
}

pub(in crate::ctl) fn stat(domains: Vec<DomainStat>, refusals: Vec<RuleStat>) -> Stat {
    Stat {
        version: "1.2.3".into(),
        started: 0,
        uptime: 3_660,
        workers: 2,
        admins: 1,
        admins_allowed: 16,
        domains_allowed: 1024,
        reserved: None,
        domains,
        processor_ns: 0,
        gone_ns: 0,
        refusals,
    }
}

#[test]
fn everything_is_shown_aligned_and_fits_a_terminal() {
    let mut server = domain(2, "server");
    server.rings = vec![ring(Some(1)), ring(Some(9)), ring(None)];
    server.rings_total = 3;
    let rule = RuleStat { cause: "policy rule 4 (demo.toml:31)".into(), count: 7 };
    let domains = vec![domain(1, "client"), server];
    let reserved = Some(Reserved { ram: 32 << 20, heap: 44 << 20 });
    let text = tables(&Stat { reserved, ..stat(domains, vec![rule]) });
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(
        text.contains("\nreserved: 32.0 MiB of RAM for sessions, 44.0 MiB of heap\n"),
        "{text}"
    );
    let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start));
    let shown = |start: &str| line(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    assert_eq!(shown("ID").find("NAME"), shown("1  ").find("client"));
    assert!(shown("1  ").contains("16.0 MiB       1/1  0/128  123 456 789  7.0 GiB   12 352"));
    assert!(text.contains("server  2147483650  client  128.0 KiB    50 %        3          9"));
    assert!(text.contains("server  2147483650  9       128.0 KiB"));
    assert!(text.contains("server  2147483650  any     128.0 KiB"));
    assert!(text.contains("  client  4194304  1001  1001\n"));
    assert!(text.contains("  server  EACCES       7\n  server  EAGAIN  12 345\n"));
    assert!(text.contains("  server  send      7\n"));
    assert!(text.contains("      7  policy rule 4 (demo.toml:31)\n"));
}

#[test]
fn rings_that_are_not_listed_are_counted() {
    let mut server = domain(2, "server");
    (server.rings, server.rings_allowed) = (vec![ring(None); 2], 4096);
    let shown = |total| {
        let domains =
            vec![domain(1, "client"), DomainStat { rings_total: total, ..server.clone() }];
        tables(&stat(domains, Vec::new()))
    };
    let text = shown(1002);
    assert!(text.contains("1002/4096"), "{text}");
    assert!(text.contains("\nrings\n  (server: 1000 more are not shown)\n  DOMAIN"), "{text}");
    assert!(shown(2).contains("\nrings\n  DOMAIN"));
}

#[test]
fn the_services_of_those_who_use_them_are_shown() {
    let services = ServicesStat {
        connections: 2,
        shares: 3,
        pages: 513,
        maps: 1,
        ports: 4,
        store_nodes: 7,
        store_watches: 8,
        store_transactions: 0,
        requests: 12_345,
        refused: 6,
    };
    let server = DomainStat { services, ..domain(2, "server") };
    let text = tables(&stat(vec![domain(1, "client"), server.clone()], Vec::new()));
    let title = "\ngrants, event channels and the store\n";
    let (_, table) = text.split_once(title).unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty());
    let rows: Vec<Vec<_>> = rows.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["DOMAIN", "CONNECTIONS", "SHARES", "PAGES"]);
    assert_eq!(rows[1..], [["server", "2", "3", "513", "1", "4", "7", "8", "12", "345", "6"]]);
    let text = one(&stat(Vec::new(), Vec::new()), &server);
    let limit = text.lines().find(|line| line.trim_start().starts_with("pages in shares")).unwrap();
    assert!(limit.ends_with(" 513     16384"), "{text}");
}

#[test]
fn tables_without_rows_are_left_out() {
    let text = tables(&stat(Vec::new(), Vec::new()));
    let expected = "argod 1.2.3, up 1 h 1 min: 0/1024 domains, 2 workers, 1/16 administrators\n";
    assert_eq!(text, expected);
}

#[test]
fn of_one_domain_each_limit_is_shown_with_its_use() {
    let mut server = domain(2, "server");
    server.rings = vec![ring(Some(1)), ring(None)];
    (server.rings_total, server.ring_bytes, server.sessions_held) = (2, 262_144, 2);
    (server.fullest, server.waiting) = (Some(ring(None)), 3);
    let text = one(&stat(vec![domain(1, "client")], Vec::new()), &server);
    for expected in [
        "domain 2 (server), Argo on, at /run/argod/server.sock\n",
        "sessions                                                 1         1\n",
        "RAM of ended sessions that is held                32.0 MiB\n",
        "rings                                                    2       128\n",
        "bytes of all rings                               256.0 KiB   2.0 GiB\n",
        "fullest ring                        50 % (port 2147483650)\n",
        "waiting for one ring                                     3        32\n",
        "entries of one notify                                            256\n",
        "  server  2147483650  client  128.0 KiB",
        "  server  EAGAIN  12 345\n",
    ] {
        assert!(text.contains(expected), "{expected:?} in\n{text}");
    }
}

#[test]
fn times_are_told_in_two_units() {
    let up = |uptime| tables(&Stat { uptime, ..stat(Vec::new(), Vec::new()) });
    for (seconds, shown) in
        [(59, "59 s"), (61, "1 min 1 s"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")]
    {
        assert!(up(seconds).contains(&format!(" up {shown}: ")));
    }
}

#[test]
fn argods_time_is_shown_by_whom_it_was_spent_on() {
    let busy = DomainStat {
        service_ns: 1_000_000_000,
        doorbell_ns: 200_000_000,
        interrupt_ns: 30_000_000,
        attachment_ns: 4_000_000,
        services_ns: 500_000,
        ending_ns: 600_000_000,
        ..domain(2, "busy")
    };
    let mut all = stat(vec![domain(1, "idle"), busy.clone()], Vec::new());
    (all.processor_ns, all.gone_ns) = (2_000_000_000, 100_000_000);
    let text = tables(&all);
    let (_, table) = text.split_once("\nwhat argod's processor time was spent on\n").unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty());
    let rows: Vec<Vec<_>> = rows.map(|line| line.split_whitespace().collect()).collect();
    let busy_row =
        ["busy", "1.835", "91.7", "%", "1.000", "0.200", "0.030", "0.004", "0.001", "0.600"];
    assert_eq!(rows[1], busy_row, "idle costs nothing: no line");
    assert_eq!(rows[2], ["(gone)", "0.100", "5.0", "%"]);
    assert_eq!(rows[3..], [vec!["(argod", "itself)", "0.066", "3.3", "%"]]);
    assert!(one(&all, &busy).contains("  busy      1.835  91.7 %  1.000"));
}

#[test]
fn a_virtual_machine_has_a_line_and_a_console() {
    use crate::admin::{MachineStat, MachineState};
    let machine = MachineStat {
        state: MachineState::Ended,
        vcpus: 2,
        exits: 12_345,
        restarts: 3,
        failures: 4,
        delayed_ns: 1_500_000_000,
        last_end: Some("exit code 7".into()),
        console: "first\nhostile \u{1b}[2J\n".into(),
    };
    let guest = DomainStat { machine: Some(machine), guest_ns: 250_000_000, ..domain(7, "guest") };
    let stat = stat(vec![domain(1, "client"), guest.clone()], Vec::new());
    let row = "  guest   ended      2  12 345  0.250    1.500         3         4  exit code 7\n";
    let said = tables(&stat);
    assert!(said.contains(row), "{said}");
    let said = one(&stat, &guest);
    assert!(said.contains(row), "{said}");
    let console = "\nconsole, the last of it\n  first\n  hostile \\u{1b}[2J\n";
    assert!(said.ends_with(console), "{said}");
    assert!(!one(&stat, &stat.domains[0]).contains("virtual machine"));
}
