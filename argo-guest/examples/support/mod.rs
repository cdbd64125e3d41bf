//! Where the two ends of an example live.
//!
//! With `ARGO_DOMAIN` set, this process is in that domain of an argod: it is the server, or with a
//! domain's number as its argument a client of the server there. Otherwise both ends run in this
//! process, in two domains of a hypervisor of its own, until the client has done.

use std::error::Error;
use std::thread;

use argo_guest::stream::StreamListener;
use argo_guest::{Address, Domain, DomainId, Port};
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, WildcardRings};

pub type Failure = Box<dyn Error + Send + Sync>;

/// Where the server listens.
const PORT: Port = Port(7);
/// RAM of a domain in this process: room for a few streams with rings of the default length.
const RAM_PAGES: usize = 4096;

/// Runs the server, the client, or both.
pub fn run(
    serve: fn(StreamListener) -> Result<(), Failure>,
    talk: fn(&Domain, Address) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if std::env::var_os("ARGO_DOMAIN").is_none() {
        return run_both(serve, talk);
    }
    let domain = Domain::from_env()?;
    match std::env::args().nth(1) {
        None => serve(StreamListener::bind_blocking(&domain, PORT)?),
        Some(server) => {
            let server = DomainId::new(server.parse()?).ok_or("no domain can have that number")?;
            talk(&domain, Address::new(server, PORT))
        }
    }
}

fn run_both(
    serve: fn(StreamListener) -> Result<(), Failure>,
    talk: fn(&Domain, Address) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, AllowAll);
    let domain = |number| -> Result<Domain, Failure> {
        let id = DomainId::new(number).ok_or("no domain can have that number")?;
        Ok(Domain::new(system.domain(id, RAM_PAGES)?))
    };
    let (client, server) = (domain(1)?, domain(2)?);
    let listener = StreamListener::bind_blocking(&server, PORT)?;
    let address = listener.local_addr();
    let serving = thread::spawn(move || serve(listener));
    talk(&client, address)?;
    // A server serves until its session ends.
    server.close();
    let served = serving.join().map_err(|_| "the server panicked")?;
    served.or_else(|error| if server.is_gone() { Ok(()) } else { Err(error) })
}
