//! The relay: what one would write instead, to have a policy. A process between two Unix sockets.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use super::end::End;
use super::ways::{READ, whole_frames};

/// What a relay passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Whole frames: it could decide about each.
    Frames,
    /// Bytes as they come.
    Bytes,
}

impl fmt::Display for Passes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Frames => "frames",
            Self::Bytes => "bytes",
        })
    }
}

/// Where this end connects to a relay.
pub fn socket(dir: &Path, passes: Passes, end: End) -> PathBuf {
    dir.join(format!("relay-{passes}-{}.sock", end.name()))
}

/// The relay's life: connects senders with receivers, the first with the first. Its sockets are in
/// `dir`; it calls `ready` when they can be connected to.
///
/// # Errors
/// A socket cannot be made, or no thread be started.
pub fn live(dir: &Path, ready: impl FnOnce()) -> io::Result<()> {
    let listeners = |passes| -> io::Result<_> {
        let listen = |end| UnixListener::bind(socket(dir, passes, end));
        Ok((passes, listen(End::Sender)?, listen(End::Receiver)?))
    };
    let (frames, bytes) = (listeners(Passes::Frames)?, listeners(Passes::Bytes)?);
    ready();
    thread::scope(|scope| {
        let serve = |(passes, senders, receivers): (Passes, UnixListener, UnixListener)| {
            loop {
                let (receiver, sender) = (receivers.accept()?.0, senders.accept()?.0);
                connect(passes, sender, receiver)?;
            }
        };
        let other = scope.spawn(move || -> io::Result<()> { serve(bytes) });
        serve(frames)?;
        other.join().map_err(|_| io::Error::other("a thread of the relay"))?
    })
}

/// A thread for each direction, so that none has to be asked which it is.
fn connect(passes: Passes, sender: UnixStream, receiver: UnixStream) -> io::Result<()> {
    let (back, forth) = (receiver.try_clone()?, sender.try_clone()?);
    for (from, to) in [(sender, receiver), (back, forth)] {
        thread::Builder::new().spawn(move || pass(passes, from, to))?;
    }
    Ok(())
}

/// Reads as much as comes and writes as much of it as may go, until either end is gone.
fn pass(passes: Passes, mut from: UnixStream, mut to: UnixStream) -> io::Result<()> {
    let mut bytes = vec![0; READ];
    let mut kept = 0;
    loop {
        let read = from.read(&mut bytes[kept..])?;
        if read == 0 {
            return Ok(());
        }
        let filled = kept + read;
        let passed = match passes {
            Passes::Frames => whole_frames(&bytes[..filled]),
            Passes::Bytes => filled,
        };
        to.write_all(&bytes[..passed])?;
        bytes.copy_within(passed..filled, 0);
        kept = filled - passed;
    }
}
