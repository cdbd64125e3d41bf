//! A vchan between two domains of one process: a request, an answer, and the end.
//!
//! `cargo run -p vchan --example inprocess`

use std::error::Error;
use std::thread;
use std::time::Duration;

use vchan::inprocess::{AllowAll, Hub};
use vchan::{Client, DomainId, ReadError, Server};

/// No call waits longer.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

fn main() -> Result<(), Box<dyn Error>> {
    let (one, two) = (DomainId::new(1).ok_or("no id")?, DomainId::new(2).ok_or("no id")?);
    let hub = Hub::new(AllowAll);
    let (first, second) = (hub.domain(one), hub.domain(two));

    let mut server = Server::new(two).minimums(4096, 65536)?.listen(&first, 7)?;
    let client = thread::spawn(move || -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut client = Client::new(one).connect_within(&second, 7, PATIENCE)?;
        client.send(b"time?", PATIENCE)?;
        let mut answer = [0; 64];
        let len = client.read(&mut answer, PATIENCE)?;
        Ok(String::from_utf8_lossy(&answer[..len]).into_owned())
    });

    let mut request = [0; 5];
    server.recv(&mut request, PATIENCE)?;
    server.send(b"noon", PATIENCE)?;
    let answer = client.join().map_err(|_| "the client panicked")?;
    println!(
        "{} {}",
        String::from_utf8_lossy(&request),
        answer.map_err(|error| error.to_string())?
    );

    // The client was dropped: the channel ends here, too.
    assert_eq!(server.read(&mut request, PATIENCE), Err(ReadError::Closed));
    Ok(())
}
