//! Frames on a stream, by a codec of `tokio_util`: a server that answers each frame with its
//! length, and a client.
//!
//! Without argod: `cargo run --features tokio --example framed`. See `support` for two domains of
//! an argod.

mod support;

use argo_guest::stream::{AcceptError, Stream, StreamListener};
use argo_guest::{Address, Domain};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use support::Failure;
use tokio::runtime;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

fn main() -> Result<(), Failure> {
    support::run(
        |listener| runtime()?.block_on(serve(listener)),
        |domain, server| runtime()?.block_on(talk(domain, server)),
    )
}

fn runtime() -> std::io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().build()
}

async fn serve(listener: StreamListener) -> Result<(), Failure> {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(AcceptError::Gone(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        tokio::spawn(measure(stream));
    }
}

/// Answers each frame with its length, as a frame.
async fn measure(stream: Stream) -> std::io::Result<()> {
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    while let Some(frame) = frames.next().await {
        let answer = (frame?.len() as u64).to_le_bytes();
        frames.send(Bytes::copy_from_slice(&answer)).await?;
    }
    Ok(())
}

async fn talk(domain: &Domain, server: Address) -> Result<(), Failure> {
    let stream = Stream::connect(domain, server).await?;
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    let lengths = [0, 1, 4096, 1_000_000];
    for len in lengths {
        frames.send(Bytes::from(vec![7; len])).await?;
        let answer = frames.next().await.ok_or("the server has left")??;
        assert_eq!(answer[..], (len as u64).to_le_bytes());
    }
    println!("{} frames were measured", lengths.len());
    Ok(())
}
