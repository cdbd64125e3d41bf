//! The event channel ends though the other side lives: who waits in C is told.

use argod::admin::{Reloaded, Request};

use crate::common::Argod;
use crate::libraries::{Built, Library};
use crate::party::Party;
use crate::{argod, domains};

const PATH: &str = "/local/domain/1/data/vchan/2/1";

/// A server that waits for data, and its client.
fn waiting(argod: &Argod, built: &Built, library: Library) -> (Party, Party) {
    let mut server = Party::start(built, library, &argod.socket("server"));
    let mut client = Party::start(built, library, &argod.socket("client"));
    assert_eq!(server.call("listen 2 data/vchan/2/1 1000 1000"), "listen -> a channel");
    assert_eq!(client.call(&format!("connect 1 {PATH}")), "connect -> a channel");
    server.call("blocking 1");
    client.call("blocking 1");
    client.call("send 1");
    assert_eq!(server.call("recv 1"), "recv 1 -> 1 right");
    server.begin("recv 1");
    (server, client)
}

/// Neither side waits for ever, nor has it to.
fn are_told(server: &mut Party, client: &mut Party) {
    assert_eq!(server.end("recv 1"), "recv 1 -> -1 right");
    assert_eq!(client.call("recv 1"), "recv 1 -> -1 right");
    for side in [&mut *server, &mut *client] {
        assert_eq!(side.call("why"), "why: ENODEV");
        assert_eq!(side.call("open"), "open -> 1");
        assert_eq!(side.call("poll 0"), "poll -> 1");
        assert_eq!(side.call("wait"), "wait -> -1");
    }
    assert_eq!(server.call("close"), "closed");
    assert_eq!(client.call("close"), "closed");
}

#[test]
fn by_a_changed_policy() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let (mut server, mut client) = waiting(&argod, built, library);
        let header = format!("runtime_dir = {:?}\n", argod.dir.path());
        std::fs::write(argod.path("argod.toml"), header + &domains()).unwrap();
        let reloaded: Reloaded = argod.admin().request(&Request::Reload).unwrap();
        assert_eq!(reloaded.channels_cut, 1);
        are_told(&mut server, &mut client);
    }
}
