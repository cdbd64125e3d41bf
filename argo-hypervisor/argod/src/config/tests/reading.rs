use argo_core::DomainId;

use super::*;

#[test]
fn nothing_stated_means_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.runtime_dir, Path::new("/run/argod"));
    assert!(config.argo && !config.wildcard_rings);
    assert_eq!(config.waking, Waking::Fair);
    assert_eq!((config.lock_memory, config.cage), (LockMemory::Try, Cage::Try));
    assert_eq!(config.service.workers, 4);
    assert_eq!(config.log, Log { format: LogFormat::Human, level: LogLevel::Info });
    let path = "/run/argod/admin.sock".into();
    assert_eq!(config.admin, Socket { path, mode: 0o600, uid: None, gid: None });
    assert_eq!((config.audit, config.capture), (None, None));
    assert!(config.domains.is_empty() && config.policy.hooks.is_empty());
}

#[test]
fn in_static_mode_a_heap_is_reserved_for_the_domains_there_are() {
    let reserve = |text: &str| parse(text).unwrap().reserve.map(|reserve| reserve.heap);
    assert_eq!(reserve("static = false"), None);
    assert_eq!(reserve("static = true"), Some(32 << 20));
    assert_eq!(reserve("static = true\nstatic_heap = '1GiB'"), Some(1 << 30));
    let domain = |id| format!("[[domain]]\nid = {id}\nname = 'd{id}'\nram = '1MiB'\n");
    let text = format!("static = true\n{}{}", domain(1), domain(2));
    assert_eq!(reserve(&text), Some(44 << 20));
}

#[test]
fn metrics_are_read_nowhere_or_on_a_socket_or_at_a_loopback_address() {
    let metrics = |text: &str| parse(text).unwrap().metrics;
    assert_eq!(metrics(""), None);
    let path = "/run/argod/metrics.sock".into();
    let socket = Socket { path, mode: 0o600, uid: None, gid: None };
    assert_eq!(metrics("[metrics]"), Some(Metrics::Socket(socket.clone())));
    let given = Socket { path: "/tmp/m".into(), mode: 0o660, uid: Some(1), gid: Some(2) };
    let text = "metrics = { socket = '/tmp/m', mode = '660', uid = 1, gid = 2 }";
    assert_eq!(metrics(text), Some(Metrics::Socket(given)));
    for address in ["127.0.0.1:9464", "127.1.2.3:1", "[::1]:65535"] {
        let text = format!("[metrics]\nlisten = '{address}'");
        assert_eq!(metrics(&text), Some(Metrics::Listen(address.parse().unwrap())));
    }
}

#[test]
fn a_domain_in_full() {
    let text = "
        id = 0x10
        name = 'web-1'
        labels = ['red', 'blue']
        ram = '1MiB'
        read_only_pages = [255, 0]
        quotas.rings = 7
        quotas.ring_bytes = 4096
        quotas.waiters = 8
        quotas.entries = 9
        quotas.sessions = 2
        quotas.connections = 1
        quotas.grant_pages = 3
        quotas.shares = 2
        quotas.maps = 4
        quotas.ports = 5
        quotas.store_nodes = 6
        quotas.store_watches = 7
        quotas.store_transactions = 8
        weight = 300
        cpus = [2, 0]
        socket = '/tmp/w'
        mode = '0660'
        uid = 1000
        gid = 100
    ";
    let domain = Domain::parse("t.toml", text, &host(), Path::new("/run")).unwrap();
    assert_eq!(domain.id, DomainId::new(16).unwrap());
    assert_eq!(domain.name, "web-1");
    assert_eq!(domain.labels, ["blue", "red"]);
    assert_eq!((domain.ram, domain.pages()), (1 << 20, 256));
    assert_eq!(domain.memory_needed(), 2 << 20);
    assert_eq!(domain.read_only_pages, [0, 255]);
    let engine = argo_hypervisor::Quotas { rings: 7, ring_bytes: 4096, waiters: 8, entries: 9 };
    let services = ServiceQuotas {
        connections: 1,
        grant_pages: 3,
        shares: 2,
        maps: 4,
        ports: 5,
        store_nodes: 6,
        store_watches: 7,
        store_transactions: 8,
    };
    let quotas = Quotas { engine, sessions: 2, services };
    assert_eq!(domain.quotas, quotas);
    assert_eq!((domain.weight, domain.cpus), (300, vec![0, 2]));
    let socket = Socket { path: "/tmp/w".into(), mode: 0o660, uid: Some(1000), gid: Some(100) };
    assert_eq!(domain.socket, socket);
}

#[test]
fn the_services_quotas_have_defaults_and_bounds() {
    let quotas = |text: &str| {
        let text = format!("id = 1\nname = 'a'\nram = 8192\n{text}");
        let domain = Domain::parse("t.toml", &text, &host(), Path::new("/run"));
        domain.map(|domain| domain.quotas.services)
    };
    assert_eq!(quotas("").unwrap(), ServiceQuotas::default());
    assert_eq!(quotas("quotas.connections = 1024").unwrap().connections, 1024);
    let problems = quotas("quotas.connections = 1025").unwrap_err();
    assert_eq!(problems.told[0].message, "found 1025, expected an integer from 0 to 1024");
    assert!(quotas("quotas.store_watches = -1").is_err());
}

#[test]
fn a_domain_alone_is_refused_like_one_in_a_file() {
    let text = "id = 1\nname = \"a\"\nram = \"8KiB\"\nsize = 3\n";
    let problems = Domain::parse("t.toml", text, &host(), Path::new("/run")).unwrap_err();
    assert_eq!((problems.told[0].line, problems.told[0].column), (4, 1));
    assert!(problems.told[0].message.starts_with("found unknown key `size`, expected one of: id,"));
}

#[test]
fn a_default_socket_is_named_after_its_domain() {
    let text = "runtime_dir = '/tmp/x'\n[[domain]]\nid = 1\nname = 'a'\nram = 8192\nmode = '666'";
    let config = parse(text).unwrap();
    assert_eq!(config.domains[0].socket.path, Path::new("/tmp/x/a.sock"));
    assert_eq!(config.domains[0].socket.mode, 0o666);
    assert_eq!(config.admin.path, Path::new("/tmp/x/admin.sock"));
}

#[test]
fn what_is_told_has_sockets_of_its_own() {
    let socket = |path: &str| Socket { path: path.into(), mode: 0o600, uid: None, gid: None };
    let config = parse("runtime_dir = '/r'\n[audit]\n[capture]").unwrap();
    let audit = Audit { socket: socket("/r/audit.sock"), history: 1024 };
    assert_eq!(config.audit, Some(audit));
    assert_eq!(config.capture, Some(socket("/r/capture.sock")));
    let config = parse("[audit]\nsocket = '/a'\nmode = '0660'\ngid = 7\nhistory = 65536").unwrap();
    let mode = Socket { mode: 0o660, gid: Some(7), ..socket("/a") };
    assert_eq!(config.audit, Some(Audit { socket: mode, history: HISTORY_MAX }));
    assert!(said("[audit]\nhistory = 65537").contains("an integer from 0 to 65536"));
    assert!(said("[capture]\nhistory = 1").contains("unknown key `history`"));
    assert!(
        said("[audit]\nsocket = '/a'\n[capture]\nsocket = '/a'").contains("socket \"/a\" again")
    );
}

#[test]
fn the_example_in_the_documentation_is_right() {
    let config = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.domains.len(), 3);
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("argod.toml");
    std::fs::write(&path, uncommented).unwrap();
    std::fs::create_dir(folder.path().join("policy.d")).unwrap();
    let config = Config::examine(&host(), &Texts::load(&path).unwrap());
    config.unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("argod.toml");
    let said = |path: &Path| Config::load(path).unwrap_err().to_string();
    assert!(said(&path).starts_with(&format!("{}: No such file", path.display())));
    std::fs::write(&path, "argo = 1").unwrap();
    assert!(said(&path).starts_with(&format!("{}:1:8: found 1,", path.display())));
    std::fs::write(&path, [0xff]).unwrap();
    assert!(said(&path).contains("valid UTF-8"), "{}", said(&path));
    std::fs::write(&path, " ".repeat(FILE_MAX as usize + 1)).unwrap();
    assert_eq!(said(&path), format!("{}: more than 4MiB", path.display()));
    std::fs::write(&path, " ".repeat(FILE_MAX as usize)).unwrap();
    assert!(Config::load(&path).unwrap().domains.is_empty());
}
