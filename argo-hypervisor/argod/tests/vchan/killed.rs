//! A side that is killed: what it wrote can be read, then the channel is closed.

use std::time::Duration;

use argo_core::DomainId;
use vchan::host::Host;
use vchan::{Client, Presence, Server};

use crate::argod;
use crate::common::wait_until;
use crate::libraries::{Built, Library};
use crate::party::Party;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

#[test]
fn a_c_server_that_is_killed_leaves_its_data() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let mut server = Party::start(built, library, &argod.socket("server"));
        assert_eq!(server.call("listen 2 data/vchan/2/1 1000 1000"), "listen -> a channel");
        let host = Host::attach(argod.socket("client")).unwrap();
        let server_id = DomainId::new(1).unwrap();
        let path = "/local/domain/1/data/vchan/2/1";
        let mut client = Client::new(server_id).connect(&host, path).unwrap();
        assert_eq!(server.call("send 100"), "send 100 -> 100");
        server.kill();
        let mut data = [0; 100];
        client.recv(&mut data, PATIENCE).unwrap();
        assert!(client.recv(&mut data, PATIENCE).is_err());
        assert_eq!(client.peer(), Presence::Gone);
    }
}

#[test]
fn a_c_client_that_is_killed_wakes_its_rust_server() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let host = Host::attach(argod.socket("server")).unwrap();
        let path = "/local/domain/1/data/vchan/2/2";
        let client_id = DomainId::new(2).unwrap();
        let mut server = Server::new(client_id).listen(&host, path).unwrap();
        let mut client = Party::start(built, library, &argod.socket("client"));
        assert_eq!(client.call(&format!("connect 1 {path}")), "connect -> a channel");
        assert_eq!(client.call("send 10"), "send 10 -> 10");
        let mut data = [0; 10];
        server.recv(&mut data, PATIENCE).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| server.recv(&mut data, PATIENCE));
            client.kill();
            assert!(waiting.join().unwrap().is_err());
        });
    }
}

#[test]
fn a_c_side_is_woken_by_the_death_of_the_other() {
    let Some(built) = Built::once() else { return };
    for library in [Library::Debian, Library::Ours] {
        let argod = argod();
        let mut server = Party::start(built, library, &argod.socket("server"));
        let mut client = Party::start(built, library, &argod.socket("client"));
        server.call("listen 2 data/vchan/2/3 5000 5000");
        assert_eq!(client.call("connect 1 /local/domain/1/data/vchan/2/3"), "connect -> a channel");
        server.call("blocking 1");
        client.call("send 5");
        assert_eq!(server.call("recv 5"), "recv 5 -> 5 right");
        server.begin("recv 1");
        client.kill();
        assert_eq!(server.end("recv 1"), "recv 1 -> -1 right");
        assert_eq!(server.call("open"), "open -> 0");
        server.call("close");
        wait_until("argod has nothing left of either", || {
            argod.domain("server").services.connections == 0
        });
    }
}
