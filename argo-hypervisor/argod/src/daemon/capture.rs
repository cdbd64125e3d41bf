//! Captures: which messages somebody wants, and how they are taken from the calls that send them.

use std::io::{self, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use argo_core::Errno;
use argo_core::abi::{Op, SendAddr};
use argo_core::platform::Call;
use argo_core::ring::RingMem;
use argo_hypervisor::{Caller, Copied, Observer, Sent};

use super::host::Host;
use super::listener::ListenError;
use super::outlet::{Out, Outlet, tell};
use super::system::{Engine, HostSystem};
use crate::admin::{Answer, read_line, write_line};
use crate::audit::take_refuser;
use crate::capture::{Frame, SNAPLEN_MAX, Verdict, Wanted};
use crate::feed::{Feed, Next};

/// Bytes of messages that wait for one reader, about; more are lost.
const ROOM: usize = 16 << 20;
/// Bytes of a request.
const REQUEST_MAX: u64 = 4096;

/// A message, with its payload as far as somebody wants it.
#[derive(Clone)]
pub struct Captured {
    frame: Frame,
    payload: Box<[u8]>,
}

/// Messages, to readers that each want some.
pub type CaptureFeed = Feed<Captured, Interest>;

/// What one reader wants: ids instead of names.
pub struct Interest {
    from: Option<u16>,
    to: Option<u16>,
    domain: Option<u16>,
    port: Option<u32>,
    verdict: Option<Verdict>,
    snaplen: u32,
}

/// Executes a call, and tells those who capture what it sends.
#[cold]
#[inline(never)]
pub fn execute(
    feed: &CaptureFeed,
    engine: &Engine,
    caller: &Caller<HostSystem>,
    call: &Call,
) -> i64 {
    if call.cmd != Op::Sendv as u32 {
        let [arg1, arg2, arg3, arg4] = call.args;
        return engine.argo_op(caller, call.cmd, arg1, arg2, arg3, arg4);
    }
    // Whatever was refused in this thread before.
    let _ = take_refuser();
    let from = caller.domain.id().raw();
    let mut watch = Watch { feed, from, payload: Box::default() };
    engine.argo_op_observed(caller, call.cmd, call.args, &mut watch)
}

/// Takes one message down.
struct Watch<'f> {
    feed: &'f CaptureFeed,
    from: u16,
    payload: Box<[u8]>,
}

impl Observer for Watch<'_> {
    /// The ring stays locked for one more copy of at most the longest `snaplen`, which costs its
    /// senders less than the message itself did, and only while somebody captures.
    fn copied(&mut self, payload: &Copied<'_, impl RingMem>) {
        let longest = self.feed.most(|interest| Some(interest.snaplen)).unwrap_or(0);
        let len = payload.len().min(longest as usize);
        let mut bytes = vec![0; len].into_boxed_slice();
        payload.read(&mut bytes);
        self.payload = bytes;
    }

    fn sent(&mut self, sent: &Sent<'_>, result: Result<u32, Errno>) {
        let frame = frame(self.from, sent, result);
        let payload = std::mem::take(&mut self.payload);
        let captured = Captured { frame, payload };
        self.feed.publish(captured, |captured, interest| interest.cut(captured));
    }
}

fn frame(from: u16, sent: &Sent<'_>, result: Result<u32, Errno>) -> Frame {
    let SendAddr { src, dst } = sent.addresses;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let length = sent.iovs.iter().map(|iov| u64::from(iov.iov_len)).sum::<u64>();
    let rule = match result {
        Ok(_) => None,
        Err(_) => take_refuser().and_then(|refuser| refuser.rule),
    };
    Frame {
        time_ns: (time.as_nanos() as u64).into(),
        lost: 0.into(),
        length: length.into(),
        captured: 0.into(),
        from_port: src.aport.into(),
        to_port: dst.aport.into(),
        message_type: sent.message_type.into(),
        rule: rule.unwrap_or(0).into(),
        from: from.into(),
        claimed: src.domain_id.into(),
        to: dst.domain_id.into(),
        errno: result.err().map_or(0, |errno| errno.number() as u16).into(),
        kind: Frame::MESSAGE,
    }
}

impl Interest {
    /// What a request asks for.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn of(wanted: &Wanted, host: &Host) -> Result<Self, String> {
        let id = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => match (host.find(name), name.parse()) {
                (Ok(domain), _) => Ok(Some(domain.id().raw())),
                // It may come yet.
                (Err(_), Ok(number)) => Ok(Some(number)),
                (Err(none), Err(_)) => Err(none.to_string()),
            },
        };
        if wanted.snaplen > SNAPLEN_MAX {
            return Err(format!("a snaplen of {}: at most {SNAPLEN_MAX}", wanted.snaplen));
        }
        Ok(Self {
            from: id(&wanted.from)?,
            to: id(&wanted.to)?,
            domain: id(&wanted.domain)?,
            port: wanted.port,
            verdict: wanted.verdict,
            snaplen: wanted.snaplen,
        })
    }

    fn room(&self) -> usize {
        ROOM / (size_of::<Captured>() + 64 + self.snaplen as usize)
    }

    fn cut(&self, captured: &Captured) -> Option<Captured> {
        let (mut frame, payload) = (captured.frame, &captured.payload);
        let payload = &payload[..payload.len().min(self.snaplen as usize)];
        frame.captured = (payload.len() as u32).into();
        self.meets(&frame).then(|| Captured { frame, payload: payload.into() })
    }

    fn meets(&self, frame: &Frame) -> bool {
        let (from, to) = (frame.from.get(), frame.to.get());
        let ports = [frame.from_port.get(), frame.to_port.get()];
        let verdict = if frame.errno == 0 { Verdict::Delivered } else { Verdict::Refused };
        self.from.is_none_or(|wanted| wanted == from)
            && self.to.is_none_or(|wanted| wanted == to)
            && self.domain.is_none_or(|wanted| wanted == from || wanted == to)
            && self.port.is_none_or(|wanted| ports.contains(&wanted))
            && self.verdict.is_none_or(|wanted| wanted == verdict)
    }
}

/// Makes the capture socket, if there is one.
///
/// # Errors
/// It cannot be made.
pub fn open(host: &Arc<Host>) -> Result<Option<Outlet>, ListenError> {
    let Some(config) = &host.config().capture else { return Ok(None) };
    let served = host.clone();
    let serve = move |stream: &UnixStream| serve(&served, stream);
    Outlet::open(config, host.doors(), "capture", serve).map(Some)
}

fn serve(host: &Host, mut stream: &UnixStream) -> io::Result<()> {
    let Some(line) = read_line(&mut BufReader::new(stream.take(REQUEST_MAX)))? else {
        return Ok(());
    };
    let feed = host.capture();
    let wanted = serde_json::from_str(&line).map_err(|error| format!("not a request: {error}"));
    let subscription = wanted.and_then(|wanted| Interest::of(&wanted, host)).and_then(|wanted| {
        let room = wanted.room();
        feed.subscribe(wanted, room).map_err(|error| error.to_string())
    });
    match subscription {
        Err(error) => write_line(&mut stream, &Answer::Error(error)),
        Ok(subscription) => {
            write_line(&mut stream, &Answer::Ok(serde_json::Value::Null))?;
            tell(stream, subscription, write)
        }
    }
}

fn write(next: Next<Captured>, out: &mut Out<'_>) -> io::Result<()> {
    match next {
        Next::Item(told) => told.item.frame.write(&told.item.payload, out),
        Next::Lost(count) => Frame::losing(count).write(&[], out),
        Next::Quiet | Next::Closed => Ok(()),
    }
}
