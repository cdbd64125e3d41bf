//! The guest that serves.

use core::pin::pin;

use argo_guest::stream::{ListenOptions, Stream, StreamListener};
use argo_guest::{Datagram, Domain};
use futures::future::{Either, select};

use super::{DATAGRAMS, FAREWELL, LIMIT, STREAM, STREAMS};
use crate::Report;

/// Serves until it is told that that is all, or nobody does.
pub fn serve(domain: &Domain, report: &mut Report<'_>) {
    let datagrams = match Datagram::bind_blocking(domain, DATAGRAMS) {
        Ok(socket) => socket,
        Err(error) => return report.broken("a ring for anybody", error),
    };
    let listener = ListenOptions::port(STREAMS).stream(STREAM);
    let listener = match StreamListener::bind_blocking(domain, listener) {
        Ok(listener) => listener,
        Err(error) => return report.broken("a listener", error),
    };
    report.note(format_args!("serving"));
    let (mut served, mut connections) = (0, 0);
    {
        let datagrams = pin!(capitals(&datagrams, &mut served));
        let streams = pin!(echoes(&listener, &mut connections));
        // Whichever ends first: the streams do not, unless something is wrong.
        let ended = domain.block_on_for(LIMIT, select(datagrams, streams));
        let told = matches!(ended, Some(Either::Left((true, _)) | Either::Right((true, _))));
        report.check("told that that is all", told);
    }
    report.note(format_args!("{served} datagrams, {connections} streams"));
    report.check("datagrams and streams served", served > 0 && connections > 0);
}

/// Whether it was told that that is all.
async fn capitals(socket: &Datagram, served: &mut u32) -> bool {
    let mut buffer = [0; 2048];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else { return false };
        let message = buffer.get_mut(..len).unwrap_or_default();
        if message == FAREWELL {
            return true;
        }
        message.make_ascii_uppercase();
        if socket.send_to(message, from).await.is_err() {
            return false;
        }
        *served += 1;
    }
}

async fn echoes(listener: &StreamListener, connections: &mut u32) -> bool {
    while let Ok((stream, _)) = listener.accept().await {
        *connections += 1;
        if echo(&stream).await.is_none() {
            break;
        }
    }
    false
}

async fn echo(stream: &Stream) -> Option<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await.ok()? {
            0 => return stream.flush().await.ok(),
            len => super::ask::write_all(stream, buffer.get(..len)?).await?,
        }
    }
}
