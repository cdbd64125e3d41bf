//! Metrics as Prometheus reads them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use common::*;

/// As many connections as argod serves at a time.
const CONNECTIONS: usize = 4;
const REQUEST: &str = "GET /metrics HTTP/1.1\r\nHost: argod\r\n\r\n";

/// `client` and `server`, with this at the end.
fn start(metrics: &str) -> Argod {
    Argod::start(&(open_system(&[(1, "client"), (2, "server")]) + metrics))
}

fn connect(argod: &Argod) -> UnixStream {
    let stream = UnixStream::connect(argod.path("metrics.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and reads the answer to its end.
fn ask(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(argod: &Argod) -> String {
    ask(connect(argod), REQUEST)
}

#[test]
fn what_happens_is_counted() {
    let argod = start("[metrics]\n");
    let (client, server) = (argod.attach("client"), argod.attach("server"));
    assert_eq!(register(&server, 7, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (2, 7), &[1; 100]), 100);
    assert_eq!(send(&client, 9, (2, 8), b"x"), Errno::ECONNREFUSED.ret());
    argod
        .admin()
        .request::<serde_json::Value>(&argod::admin::Request::Policy {
            file: "a\"b\\.toml".into(),
            text: String::new(),
            standing: argod::admin::Standing::Kept,
        })
        .unwrap();
    assert_eq!(send(&client, 9, (2, 7), b"x"), Errno::EACCES.ret());
    let metrics = scrape(&argod);
    let (head, body) = metrics.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    let version = env!("CARGO_PKG_VERSION");
    for expected in [
        &format!("argo_build_info{{version=\"{version}\"}} 1\n"),
        "argo_domains 2\n",
        "argo_domains_limit 1024\n",
        "argo_admin_connections_limit 16\n",
        "argo_domain_active{domain=\"server\"} 1\n",
        "argo_domain_rings{domain=\"server\"} 1\n",
        "argo_domain_rings_limit{domain=\"server\"} 128\n",
        "argo_domain_rings_size_bytes{domain=\"server\"} 4096\n",
        "argo_domain_ram_bytes{domain=\"client\"} 1048576\n",
        "argo_domain_fullest_ring_filled_bytes{domain=\"server\"} 128\n",
        "argo_domain_messages_total{domain=\"client\"} 1\n",
        "argo_domain_sent_bytes_total{domain=\"client\"} 100\n",
        "argo_domain_refused_calls_total{domain=\"client\",errno=\"ECONNREFUSED\"} 1\n",
        "argo_domain_refused_calls_total{domain=\"client\",errno=\"EACCES\"} 1\n",
        "argo_domain_denied_total{domain=\"client\",hook=\"enable\"} 1\n",
        "argo_policy_refusals_total{rule=\"no rule\"} 1\n",
        "argo_domain_attachments_total{domain=\"client\"} 1\n",
        "# TYPE argo_domain_service_seconds counter\n",
    ] {
        assert!(body.contains(expected), "{expected:?} in\n{body}");
    }
    let service = value(body, "argo_domain_service_seconds_total{domain=\"client\"} ");
    assert!(service > 0.0 && service < 10.0, "{service}");
    assert!(body.ends_with("# EOF\n"), "{body}");
}

fn value(body: &str, sample: &str) -> f64 {
    body.lines().find_map(|line| line.strip_prefix(sample)).unwrap().parse().unwrap()
}

/// Both ways: what argod tells is documented, and what is documented is told.
#[test]
fn the_documentation_lists_every_metric_as_argod_tells_it() {
    const DOCUMENTATION: &str = include_str!("../../../docs/metrics.md");
    let documented: BTreeSet<String> = DOCUMENTATION
        .lines()
        .filter(|line| line.starts_with("| `argo_"))
        .map(str::to_owned)
        .collect();
    let body = scrape(&start("[metrics]\n"));
    let described = |what: &'static str| {
        let mut lines = body.lines();
        std::iter::from_fn(move || lines.find_map(|line| line.strip_prefix(what)?.split_once(' ')))
    };
    let told = described("# TYPE ").zip(described("# HELP ")).map(|((name, kind), (_, help))| {
        let total = if kind == "counter" { "_total" } else { "" };
        format!("| `{name}{total}` | {kind} | {help} |")
    });
    let told: BTreeSet<String> = told.collect();
    assert!(told.len() > 30, "{told:?}");
    let missing: Vec<_> = told.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&told).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not there: {missing:#?}, too much: {surplus:#?}"
    );
}

#[test]
fn a_loopback_port_serves_too() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let argod = start(&format!("[metrics]\nlisten = \"{free}\"\n"));
    let stream = TcpStream::connect(free).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(ask(stream, REQUEST).ends_with("# EOF\n"));
    assert!(!exists(&argod.path("metrics.sock")));
}

#[test]
fn the_socket_is_for_whom_it_is_configured_and_goes_with_argod() {
    let mut argod = start("[metrics]\nmode = \"0660\"\n");
    let mode = argod.path("metrics.sock").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    argod.signal("TERM");
    assert!(argod.process.wait().unwrap().success());
    assert!(!exists(&argod.path("metrics.sock")));
}

#[test]
fn other_requests_are_refused_in_http() {
    let argod = start("[metrics]\n");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("\r\n\r\n", "400 Bad Request"),
        (&long, "431 Request Header Fields Too Large"),
    ] {
        let answer = ask(connect(&argod), request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
}

#[test]
fn slow_readers_hold_nobody_up_and_are_few() {
    let argod = start("[metrics]\n");
    let mut slow: Vec<_> = (0..CONNECTIONS).map(|_| connect(&argod)).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"GET /met").unwrap());
    let served = || argod.threads().iter().filter(|(_, name)| name == "metrics").count();
    wait_until("all slow ones are being served", || served() == CONNECTIONS);
    let mut next = connect(&argod);
    next.write_all(REQUEST.as_bytes()).unwrap();
    let begun = Instant::now();
    let client = argod.attach("client");
    assert_eq!(register(&client, 7, DOMID_ANY, 4096), 0);
    assert_eq!(argod.stat().domains.len(), 2);
    assert!(begun.elapsed() < PATIENCE / 4, "argod waits for the slow");
    assert_eq!(served(), CONNECTIONS, "one too many was accepted");
    drop(slow);
    let mut answer = String::new();
    next.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("# EOF\n"), "its turn came: {answer}");
}

#[test]
fn who_says_nothing_is_sent_away() {
    let argod = start("[metrics]\n");
    let begun = Instant::now();
    assert_eq!(connect(&argod).read(&mut [0; 1]).unwrap(), 0);
    assert!(begun.elapsed().as_secs() >= 4, "it had time");
}
