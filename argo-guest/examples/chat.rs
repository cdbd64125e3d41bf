//! A chat: what one client writes, a line at a time, all others read.
//!
//! Without argod: `cargo run --features tokio --example chat`; three clients then talk and leave.
//! See `support` for domains of an argod: a client there sends its standard input.

mod support;

use std::thread;

use argo_guest::stream::{AcceptError, OwnedWriteHalf, Stream, StreamListener};
use argo_guest::{Address, Domain};
use support::Failure;
use tokio::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::runtime;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Lines that a slow client may lag behind before it misses some.
const BACKLOG: usize = 64;

/// Who wrote, by number, and what.
type Line = (usize, String);

fn main() -> Result<(), Failure> {
    support::run(
        |listener| runtime()?.block_on(serve(listener)),
        |domain, server| match std::env::args().nth(1) {
            None => runtime()?.block_on(scene(domain, server)),
            Some(_) => terminal(domain, server),
        },
    )
}

fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

async fn serve(listener: StreamListener) -> Result<(), Failure> {
    let (lines, _) = broadcast::channel(BACKLOG);
    for number in 1.. {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(AcceptError::Gone(_)) => break,
            Err(error) => return Err(error.into()),
        };
        // Subscribed before it is welcomed: from then on it misses nothing.
        let (heard, said) = (lines.subscribe(), lines.clone());
        let (from, mut to) = stream.into_split();
        to.write_all(format!("you are {number}\n").as_bytes()).await?;
        tokio::spawn(hear(number, BufReader::new(from), said));
        tokio::spawn(tell(number, to, heard));
    }
    Ok(())
}

/// Passes on what client `number` says.
async fn hear(number: usize, from: impl AsyncBufReadExt + Unpin, said: Sender<Line>) {
    let mut lines = from.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Nobody may be there to hear it.
        let _ = said.send((number, line));
    }
}

/// Tells client `number` what the others say.
async fn tell(number: usize, mut to: OwnedWriteHalf, mut heard: Receiver<Line>) {
    loop {
        match heard.recv().await {
            Ok((from, line)) if from != number => {
                if to.write_all(format!("{from}: {line}\n").as_bytes()).await.is_err() {
                    return;
                }
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Three clients of which the first asks and the others answer.
async fn scene(domain: &Domain, server: Address) -> Result<(), Failure> {
    let mut clients = Vec::new();
    for number in 1..=3 {
        let mut client = BufReader::new(Stream::connect(domain, server).await?);
        assert_eq!(next_line(&mut client).await?, format!("you are {number}"));
        clients.push(client);
    }
    clients[0].write_all(b"who is there?\n").await?;
    for client in &mut clients[1..] {
        assert_eq!(next_line(client).await?, "1: who is there?");
    }
    clients[1].write_all(b"second\n").await?;
    assert_eq!(next_line(&mut clients[0]).await?, "2: second");
    clients[2].write_all(b"third\n").await?;
    assert_eq!(next_line(&mut clients[0]).await?, "3: third");
    println!("3 clients heard each other");
    Ok(())
}

async fn next_line(client: &mut BufReader<Stream>) -> io::Result<String> {
    let mut line = String::new();
    client.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

/// Standard input there, what others say here.
fn terminal(domain: &Domain, server: Address) -> Result<(), Failure> {
    let (from, to) = Stream::connect_blocking(domain, server)?.into_split();
    thread::spawn(move || std::io::copy(&mut from.blocking(), &mut std::io::stdout()));
    std::io::copy(&mut std::io::stdin(), &mut to.blocking())?;
    Ok(to.blocking().shutdown()?)
}
