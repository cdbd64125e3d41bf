//! A server that sends back what it receives, and a client: blocking calls, no async runtime.
//!
//! Without argod: `cargo run --example echo`. See `support` for two domains of an argod.

mod support;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use argo_guest::stream::{AcceptError, Stream, StreamListener};
use argo_guest::{Address, Domain};
use support::Failure;

fn main() -> Result<(), Failure> {
    support::run(serve, talk)
}

fn serve(listener: StreamListener) -> Result<(), Failure> {
    loop {
        match listener.accept_blocking(None) {
            Ok((stream, from)) => {
                thread::spawn(move || {
                    if let Err(error) = echo(&stream) {
                        eprintln!("{from}: {error}");
                    }
                });
            }
            Err(AcceptError::Gone(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn echo(stream: &Stream) -> io::Result<()> {
    io::copy(&mut stream.blocking(), &mut stream.blocking())?;
    stream.blocking().flush()
    // Dropped, it says that nothing follows.
}

fn talk(domain: &Domain, server: Address) -> Result<(), Failure> {
    let stream = Stream::connect_blocking(domain, server)?;
    let sent = b"to be sent back";
    stream.blocking().write_all(sent)?;
    futures::executor::block_on(stream.shutdown(Shutdown::Write))?;
    let mut received = Vec::new();
    stream.blocking().read_to_end(&mut received)?;
    assert_eq!(received, sent);
    println!("{} bytes came back from {}", received.len(), stream.peer_addr());
    Ok(())
}
