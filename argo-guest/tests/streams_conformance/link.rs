//! One connection between the script and our library.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use argo_guest::stream::{ConnectError, Stream, StreamListener};
use argo_guest::{Address, Domain};

use super::raw::{PATIENCE, Taken};
use super::session::{options, patterned};
use super::stream_calls::{read_all, write_all};
use super::waiting::{finish, poll_once};

type Later<T> = Pin<Box<dyn Future<Output = T>>>;

pub struct Link {
    pub state: State,
    /// Where our library receives.
    pub port: u32,
    /// Where the script receives.
    pub script: u32,
    pub conid: u32,
    /// Whether the record's raw peer broke the protocol here.
    pub derailed: bool,
    /// What the script sent and our user has not read yet.
    unread: Vec<u8>,
}

pub enum State {
    /// The script has sent a SYN.
    Asked,
    /// Our user connects.
    Connecting(Later<Result<Stream, ConnectError>>),
    Open(Arc<Stream>),
    Over,
}

impl Link {
    pub fn asked(script: u32, port: u32, conid: u32) -> Self {
        Self { state: State::Asked, port, script, conid, derailed: false, unread: Vec::new() }
    }

    pub fn connecting(domain: &Domain, to: Address) -> Result<Self, String> {
        let domain = domain.clone();
        let mut connect: Later<_> =
            Box::pin(async move { Stream::connect_with(&domain, to, &options()).await });
        if let Some(answered) = poll_once(&mut connect) {
            return Err(format!("unanswered, but: {answered:?}"));
        }
        Ok(Self { state: State::Connecting(connect), ..Self::asked(to.port.0, 0, 0) })
    }

    /// Whether nobody of ours receives there any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// A message of the script.
    pub fn message(&self, flags: u32, len: usize) -> Vec<u8> {
        let head = [flags.to_le_bytes(), self.conid.to_le_bytes()].concat();
        [head, patterned(len)].concat()
    }

    /// The script has sent that much.
    pub fn expect(&mut self, len: usize) {
        self.unread.extend(patterned(len));
    }

    /// The script has granted the connection.
    pub fn connected(&mut self) -> Result<(), String> {
        let State::Connecting(connect) = &mut self.state else {
            return Err("an ACK, but nobody connects".into());
        };
        let stream = finish(connect).ok_or("granted, but still waiting")?;
        let stream = stream.map_err(|error| format!("granted, but: {error}"))?;
        if stream.is_extended() {
            return Err("an extended connection with a plain peer".into());
        }
        self.state = State::Open(Arc::new(stream));
        Ok(())
    }

    /// The script has sent an RST.
    pub fn ended(&mut self) -> Result<(), String> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Connecting(mut connect) => match finish(&mut connect) {
                Some(Err(ConnectError::Refused { .. })) => Ok(()),
                other => Err(format!("refused, but: {other:?}")),
            },
            State::Open(stream) => {
                self.read_exactly(&stream)?;
                let end = finish(&mut Box::pin(stream.read(&mut [0])));
                let ended = matches!(&end, Some(Ok(0)));
                ended.then_some(()).ok_or(format!("after the end: {end:?}"))?;
                let written = stream.try_write(&[0]);
                written.is_err().then_some(()).ok_or("a write after the end".into())
            }
            State::Asked | State::Over => Ok(()),
        }
    }

    pub fn accept(&mut self, listener: &StreamListener) -> Result<(), String> {
        let accepted = listener.accept_blocking(Some(PATIENCE));
        let (stream, peer) = accepted.map_err(|error| format!("accept: {error}"))?;
        if peer.port.0 != self.script || stream.is_extended() {
            return Err(format!("accepted {peer}"));
        }
        self.state = State::Open(Arc::new(stream));
        Ok(())
    }

    /// Whether a stream whose peer went before it was accepted says so.
    pub fn is_dead(&self, stream: &Stream) -> Result<(), String> {
        let end = finish(&mut Box::pin(stream.read(&mut [0])));
        let dead = matches!(&end, Some(Ok(0) | Err(_)));
        dead.then_some(()).ok_or(format!("read of a dead stream: {end:?}"))
    }

    pub fn writing(&self, len: usize) -> Later<io::Result<()>> {
        let State::Open(stream) = &self.state else { unreachable!("it is open") };
        let stream = stream.clone();
        Box::pin(async move { write_all(&stream, &patterned(len)).await })
    }

    /// Whether a message of our library is this connection's, with these flags.
    pub fn check(&self, taken: &Taken, flags: u32) -> Result<(), String> {
        let right = taken.flags() == Some(flags)
            && taken.conid() == Some(self.conid)
            && taken.source == self.port;
        right.then_some(()).ok_or(format!("expected flags {flags:#x}, not {taken:?}"))
    }

    /// Our user reads everything that has come.
    pub fn read_all(&mut self) -> Result<(), String> {
        let State::Open(stream) = &self.state else { return Ok(()) };
        let stream = stream.clone();
        self.read_exactly(&stream)
    }

    fn read_exactly(&mut self, stream: &Stream) -> Result<(), String> {
        let sent = std::mem::take(&mut self.unread);
        let mut bytes = vec![0; sent.len()];
        let read = finish(&mut Box::pin(read_all(stream, &mut bytes)));
        let whole = matches!(read, Some(Ok(len)) if len == sent.len());
        whole.then_some(()).ok_or_else(|| format!("{read:?} of {} bytes", sent.len()))?;
        (bytes == sent).then_some(()).ok_or("other bytes than were sent".into())
    }
}
