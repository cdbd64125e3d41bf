//! Two servers or two clients for one place: argod's answers as the crate tells of them.

use std::time::Duration;

use argo_core::DomainId;
use vchan::host::Host;
use vchan::platform::{Store, Transaction};
use vchan::{Client, ConnectError, ListenError, Presence, Server};

use crate::argod;
use crate::common::Argod;

const PATH: &str = "/local/domain/1/data/vchan/2/7";
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

fn id(number: u16) -> DomainId {
    DomainId::new(number).unwrap()
}

/// A process of the domain.
fn host(argod: &Argod, domain: &str) -> Host {
    Host::attach(argod.socket(domain)).unwrap()
}

#[test]
fn two_clients_for_one_server() {
    let argod = argod();
    let mut server = Server::new(id(2)).listen(&host(&argod, "server"), 7).unwrap();
    let mut first = Client::new(id(1)).connect(&host(&argod, "client"), 7).unwrap();
    for of in [host(&argod, "client"), host(&argod, "client")] {
        let busy = Client::new(id(1)).connect_within(&of, 7, PATIENCE).err().unwrap();
        assert!(matches!(busy, ConnectError::Busy(_)), "{busy}");
    }
    first.send(b"still here", PATIENCE).unwrap();
    assert_eq!(server.recv(&mut [0; 10], PATIENCE), Ok(()));
}

#[test]
fn a_path_is_one_living_servers() {
    let argod = argod();
    let first = Server::new(id(2)).listen(&host(&argod, "server"), 7).unwrap();
    let again = Server::new(id(2)).listen(&host(&argod, "server"), 7).err().unwrap();
    assert_eq!(again, ListenError::Taken { path: PATH.into(), port: first.port() });
    let client = Client::new(id(1)).connect(&host(&argod, "client"), 7).unwrap();
    assert_eq!(client.peer(), Presence::Connected);
}

#[test]
fn keys_without_a_server_are_replaced() {
    let argod = argod();
    let server = host(&argod, "server");
    for (key, value) in [("ring-ref", "1024"), ("event-channel", "999")] {
        server.write(Transaction::NONE, &format!("{PATH}/{key}"), value.as_bytes()).unwrap();
    }
    let _living = Server::new(id(2)).listen(&server, 7).unwrap();
    let client = Client::new(id(1)).connect(&host(&argod, "client"), 7).unwrap();
    assert_eq!(client.peer(), Presence::Connected);
}
