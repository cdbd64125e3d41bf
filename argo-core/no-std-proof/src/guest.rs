//! What a guest without an operating system does: datagrams, messages and a stream, blocking and
//! as tasks.

use core::time::Duration;

use argo_guest::io::{ErrorKind, Read, Shutdown, Write};
use argo_guest::seqpacket::Seqpacket;
use argo_guest::stream::{ListenOptions, Stream, StreamListener, StreamOptions};
use argo_guest::{Datagram, Domain, Port, RecvError};
use futures::future::join;

use crate::machine::Machine;

const PORT: Port = Port(7);
/// Bytes through the stream: more than its buffers and its ring hold.
const TRAFFIC: usize = 256 << 10;
/// Of stream and listener: the shortest ring that there may be, and as small a buffer.
const OPTIONS: StreamOptions = StreamOptions::new().ring_len(32_800).send_buffer(16 << 10);

/// Runs all of it in a new domain; how many of its four parts went well.
#[unsafe(no_mangle)]
pub extern "C" fn argo_guest_talks(entropy: u64) -> u32 {
    let Some(machine) = Machine::new() else { return 0 };
    let (domain, _driver) = Domain::without_thread(machine, entropy);
    let parts = [
        datagram(&domain).is_some(),
        messages(&domain).is_some(),
        stream(&domain).is_some(),
        domain.block_on(tasks(&domain)) == Some(TRAFFIC),
    ];
    parts.iter().filter(|part| **part).count() as u32
}

fn datagram(domain: &Domain) -> Option<()> {
    let (left, right) = Datagram::pair(domain).ok()?;
    left.blocking().send(b"hello").ok()?;
    let mut out = [0; 8];
    let len = right.blocking().recv(&mut out).ok()?;
    let after = Duration::from_millis(5);
    let late = right.blocking_for(after).recv(&mut []) == Err(RecvError::TimedOut { after });
    (late && out.get(..len)? == b"hello").then_some(())
}

fn messages(domain: &Domain) -> Option<()> {
    let (left, right) = Seqpacket::pair(domain).ok()?;
    left.blocking().send(b"one").ok()?;
    left.blocking().send(b"").ok()?;
    drop(left);
    let next = || right.blocking().recv_bytes().ok();
    let (first, second, end) = (next()??, next()??, next()?);
    (&first[..] == b"one" && second.is_empty() && end.is_none()).then_some(())
}

fn stream(domain: &Domain) -> Option<()> {
    let (left, right) = Stream::pair(domain).ok()?;
    left.blocking().write_all(b"whole").ok()?;
    let mut out = [0; 5];
    right.blocking().read_exact(&mut out).ok()?;
    let nothing = right.try_read(&mut out).err()?.kind();
    (&out == b"whole" && nothing == ErrorKind::WouldBlock).then_some(())
}

/// A client and a server that echoes; bytes that came back right.
async fn tasks(domain: &Domain) -> Option<usize> {
    let listener = StreamListener::bind(domain, ListenOptions::port(PORT).stream(OPTIONS));
    let listener = listener.await.ok()?;
    let ask = async {
        let stream = Stream::connect_with(domain, listener.local_addr(), &OPTIONS).await.ok()?;
        let (told, heard) = join(tell(&stream), hear(&stream)).await;
        told.and(heard)
    };
    let (served, heard) = join(echo(&listener), ask).await;
    served.and(heard)
}

async fn echo(listener: &StreamListener) -> Option<()> {
    let (stream, _) = listener.accept().await.ok()?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await.ok()? {
            0 => return stream.flush().await.ok(),
            read => write_all(&stream, buffer.get(..read)?).await?,
        }
    }
}

async fn tell(stream: &Stream) -> Option<()> {
    for at in 0..TRAFFIC / 1024 {
        write_all(stream, &[at as u8; 1024]).await?;
    }
    stream.shutdown(Shutdown::Write).await.ok()
}

async fn write_all(stream: &Stream, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await.ok()?;
        bytes = bytes.get(written..)?;
    }
    Some(())
}

async fn hear(stream: &Stream) -> Option<usize> {
    let (mut heard, mut buffer) = (0, [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.ok()?;
        let right = |(at, byte): (usize, &u8)| *byte == ((heard + at) / 1024) as u8;
        if read == 0 || !buffer.get(..read)?.iter().enumerate().all(right) {
            return Some(heard);
        }
        heard += read;
    }
}
