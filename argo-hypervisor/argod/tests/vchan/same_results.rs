//! The same calls over Debian's library and over ours, in all pairs of the two: each returns the
//! same, in every state of a channel.

use crate::argod;
use crate::common::Argod;
use crate::libraries::{Built, Library};
use crate::party::Party;

/// Xen's `DOMID_SELF`.
const DOMID_SELF: u32 = 0x7FF0;

/// Lines of a script: "s: call" for the server, "c: call" for the client. A call that waits for the
/// other side is "s< call", and its result is taken at "s>".
fn play(
    argod: &Argod,
    built: &Built,
    server: Library,
    client: Library,
    script: &str,
) -> Vec<String> {
    let server_socket = argod.socket("server");
    // The domain that C calls its own is that of the server, then.
    let is_own = script.contains(&format!("connect {DOMID_SELF} "));
    let client_socket = if is_own { server_socket.clone() } else { argod.socket("client") };
    let mut server = Party::start(built, server, &server_socket);
    let mut client = Party::start(built, client, &client_socket);
    let mut said = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (mark, call) = line.split_at(2);
        let call = call.trim();
        let party = if mark.starts_with('s') { &mut server } else { &mut client };
        match &mark[1..] {
            ":" => said.push(format!("{mark} {}", party.call(call))),
            "<" => party.begin(call),
            ">" => said.push(format!("{mark} {}", party.end(call))),
            _ => panic!("no such mark: {line}"),
        }
    }
    said
}

/// Debian's results, after all other pairs have given the same.
fn same(script: &str) -> Option<Vec<String>> {
    let built = Built::once()?;
    let argod = argod();
    let debians = play(&argod, built, Library::Debian, Library::Debian, script);
    let pairs = [
        (Library::Ours, Library::Debian),
        (Library::Debian, Library::Ours),
        (Library::Ours, Library::Ours),
    ];
    for (server, client) in pairs {
        let ours = play(&argod, built, server, client, script);
        assert_eq!(ours, debians, "server: {server:?}, client: {client:?}");
    }
    Some(debians)
}

/// Whether Debian's library itself does what the script is about.
fn has(results: &[String], line: &str) {
    assert!(results.iter().any(|result| result == line), "no \"{line}\" in {results:#?}");
}

#[test]
fn a_channel_within_the_page() {
    let Some(results) = same(
        "s: listen 2 data/vchan/2/1 1024 2048
         s: fields
         s: open
         s: ready
         s: space
         s: recv 1
         s: read 1
         s: read 0
         s: recv 0
         s: send 0
         s: write 0
         s: trywait
         s: send 100
         s: write 5000
         s: write 1
         s: send 1
         s: send 2049
         s: space
         c: connect 1 /local/domain/1/data/vchan/2/1
         c: fields
         c: open
         s: until_open 1
         s: quiet
         c: quiet
         c: trywait
         c: poll 0
         c: ready
         c: recv 3000
         c: recv 100
         c: read 5000
         c: read 5000
         c: read 0
         c: recv 0
         s: poll 10000
         s: wait
         s: poll 0
         s: space
         c: space
         c: send 1024
         c: send 1
         c: write 1
         c: send 1025
         c: space
         s: ready
         s: recv 1025
         s: recv 1000
         s: recv 25
         s: recv 24
         s: recv 1
         c: space
         c: close
         s: until_open 0
         s: ready
         s: send 1
         s: send 5000
         s: write 1
         s: write 0
         s: send 0
         s: recv 1
         s: recv 5000
         s: recv 0
         s: read 1
         s: read 0
         s: open
         s: close",
    ) else {
        return;
    };
    has(&results, "s: listen -> a channel");
    has(&results, "s: open -> 2");
    has(&results, "s: send 2049 -> 0");
    has(&results, "c: read 5000 -> 1948 right");
    has(&results, "s: recv 24 -> 24 right");
    has(&results, "s: send 1 -> -1");
}

#[test]
fn blocking_calls() {
    let Some(results) = same(
        "s: listen 2 data/vchan/2/2 2048 1024
         s: fields
         s: blocking 1
         s: send 1025
         s< recv 2049
         s> recv 2049
         s< recv 1500
         c: connect 1 /local/domain/1/data/vchan/2/2
         c: blocking 1
         c: write 700
         c: write 800
         s> recv 1500
         c< write 10000
         s: reads 10000 300
         c> write 10000
         s< send 1024
         s> send 1024
         s< send 1024
         c: recv 1
         c: recv 1023
         s> send 1024
         c: recvs 1024 64
         c< read 10
         s: write 4
         c> read 10
         c< read 10
         s: close
         c> read 10
         c: write 1
         c: send 1
         c: recv 1
         c: recv 0
         c: open
         c: close",
    ) else {
        return;
    };
    has(&results, "s: send 1025 -> -1");
    has(&results, "c> write 10000 -> 10000");
    has(&results, "c> read 10 -> 4 right");
    has(&results, "c> read 10 -> -1 right");
}

#[test]
fn rings_of_pages() {
    let sizes = [
        (4096, 4096),
        (1, 4096),
        (4096, 1),
        (2048, 2048),
        (1024, 1024),
        (1025, 1025),
        (0, 0),
        (65536, 1_048_576),
        (1_048_576, 2049),
    ];
    for (read, write) in sizes {
        let Some(results) = same(&format!(
            "s: listen 2 data/vchan/2/3 {read} {write}
             s: fields
             c: connect 1 /local/domain/1/data/vchan/2/3
             c: fields
             c: space
             s: space
             s: blocking 1
             c: blocking 1
             s< writes 3000000 65000
             c: reads 3000000 33333
             s> writes
             c< writes 3000000 65000
             s: reads 3000000 33333
             c> writes
             s< sends 300000 1000
             c: recvs 300000 1000
             s> sends
             s: close
             c: open
             c: close"
        )) else {
            return;
        };
        has(&results, "c: reads 3000000 moved right");
        has(&results, "s: reads 3000000 moved right");
        has(&results, "c: recvs 300000 moved right");
    }
}

#[test]
fn clients_of_a_persistent_server() {
    let Some(results) = same(
        "s: listen 2 data/vchan/2/4 1024 2048
         s: open
         s: persist 1
         s: open
         s: fields
         c: connect 1 /local/domain/1/data/vchan/2/4
         c: send 10
         c: send 20
         s: until_ready 30
         s: recv 10
         s: send 7
         c: close
         s: open
         s: recv 20
         s: recv 1
         s: send 5
         s: write 3000
         c: at 0 30
         c: connect 1 /local/domain/1/data/vchan/2/4
         c: open
         c: ready
         c: read 4000
         c: send 40
         s: until_ready 40
         s: recv 40
         s: persist 0
         s: open
         c: close
         s: until_open 0
         s: recv 1
         s: close
         c: connect 1 /local/domain/1/data/vchan/2/4",
    ) else {
        return;
    };
    has(&results, "c: read 4000 -> 2048 right");
    has(&results, "c: connect -> NULL");
}

#[test]
fn channels_that_cannot_be() {
    let Some(results) = same(
        "s: listen 2 data/vchan/2/5 1048577 1
         s: listen 2 data/vchan/2/5 1 1048577
         s: listen 40000 data/vchan/2/5 1 1
         s: listen 77 data/vchan/2/5 1 1
         s: why
         s: listen 2 /local/domain/2/data/not-mine 1 1
         s: why
         c: connect 1 /local/domain/1/data/vchan/2/5
         c: why
         c: connect 77 /local/domain/1/data/vchan/2/5
         c: why
         s: listen 2 data/vchan/2/a-name-so-long-that-the-keys-in-the-store-are-cut 1 1
         c: connect 1 /local/domain/1/data/vchan/2/a-name-so-long-that-the-keys-in-the-store-are-cut",
    ) else {
        return;
    };
    has(&results, "s: listen -> NULL");
    has(&results, "c: why: EACCES");
}

#[test]
fn a_domain_with_itself_by_the_id_that_says_so() {
    let Some(results) = same(&format!(
        "s: listen 1 data/vchan/1/1 4096 4096
         c: connect {DOMID_SELF} data/vchan/1/1
         c: send 4000
         s: until_ready 4000
         s: recv 4000
         c: close
         s: close"
    )) else {
        return;
    };
    has(&results, "s: recv 4000 -> 4000 right");
}
