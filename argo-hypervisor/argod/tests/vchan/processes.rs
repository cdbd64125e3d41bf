//! What a C process does beside its channel: it gets signals, and forks.

use crate::argod;
use crate::common::Argod;
use crate::libraries::{Built, Library};
use crate::party::Party;

/// A server and its client, of which both wait.
fn pair(argod: &Argod, built: &Built, library: Library) -> (Party, Party) {
    let mut server = Party::start(built, library, &argod.socket("server"));
    let mut client = Party::start(built, library, &argod.socket("client"));
    assert_eq!(server.call("listen 2 data/vchan/2/1 1000 1000"), "listen -> a channel");
    let connect = "connect 1 /local/domain/1/data/vchan/2/1";
    assert_eq!(client.call(connect), "connect -> a channel");
    server.call("blocking 1");
    client.call("blocking 1");
    (server, client)
}

#[test]
fn a_handler_that_lets_calls_restart_does_not_end_them() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let (mut server, mut client) = pair(&argod, built, library);
        server.begin("recv_under_alarms 1 1");
        assert_eq!(server.end("the alarms"), "rang");
        client.call("send 1");
        assert_eq!(server.end("recv"), "recv -> 1", "{library:?}");
    }
}

#[test]
fn a_handler_that_does_not_let_them_restart_ends_them() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let (mut server, _client) = pair(&argod, built, library);
        assert_eq!(server.call("recv_under_alarms 1 0"), "recv -> -1", "{library:?}");
        assert_eq!(server.call("why"), "why: EINTR");
    }
}

#[test]
fn a_child_that_closes_the_channel_leaves_it_to_its_parent() {
    let Some(built) = Built::once() else { return };
    let argod = argod();
    let (mut server, mut client) = pair(&argod, built, Library::Ours);
    survives_a_child(&mut server, &mut client);
    survives_a_child(&mut client, &mut server);
    let again = "connect 1 /local/domain/1/data/vchan/2/1";
    client.call("close");
    assert_eq!(client.call(again), "connect -> a channel", "the keys are there");
}

/// A child of `side` closes the channel, and then the two talk on.
fn survives_a_child(side: &mut Party, other: &mut Party) {
    assert_eq!(side.call("fork"), "fork -> 0");
    assert_eq!(side.call("open"), "open -> 1");
    assert_eq!(side.call("send 100"), "send 100 -> 100");
    assert_eq!(other.call("recv 100"), "recv 100 -> 100 right");
    assert_eq!(other.call("send 100"), "send 100 -> 100");
    assert_eq!(side.call("recv 100"), "recv 100 -> 100 right");
}
