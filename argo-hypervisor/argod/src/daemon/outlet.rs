//! Outlets: sockets whose every connection is told a feed, by a thread of its own.

use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, SocketFlags, SocketType, accept_with, shutdown};
use rustix::process::setpriority_process;

use super::doors::Doors;
use super::listener::ListenError;
use super::made_path::MadePath;
use super::throttle::{Pass, Throttle};
use crate::config::Socket;
use crate::feed::{Next, Subscription};

/// Connections of one outlet at a time; more are turned away.
const CONNECTIONS_MAX: usize = 16;
/// How long a reader may not read before its connection is closed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether a reader that there is nothing to tell has hung up.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long readers are given to take what is in their queues when argod stops.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Before the next connection, if there was no descriptor or thread for one.
const PAUSE: Duration = Duration::from_millis(100);
/// Readers get the processor after the workers: what a guest causes to be told is not accounted
/// to it.
const NICENESS: i32 = 15;
/// Bytes that are collected while there is more to tell.
const BUFFER: usize = 64 << 10;

/// A socket that accepts readers; dropping it ends that.
pub struct Outlet {
    /// Before the listener: dropped in this order.
    _path: MadePath,
    listener: Arc<OwnedFd>,
    over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Outlet {
    /// Makes the socket, and has `serve` talk to each connection from a thread of its own. When
    /// the outlet is dropped, `serve` should soon come to an end.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn open(
        config: &Socket,
        doors: &Arc<Doors>,
        name: &'static str,
        serve: impl Fn(&UnixStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self, ListenError> {
        let listener = Arc::new(doors.make(config, SocketType::STREAM)?);
        let _path = MadePath::new(config.path.clone(), doors.clone());
        let over = Arc::new(AtomicBool::new(false));
        let mut outlet = Self { _path, listener, over, acceptor: None };
        let (listener, over) = (outlet.listener.clone(), outlet.over.clone());
        let accept = move || accept(&listener, &over, name, &Arc::new(serve));
        let started = std::thread::Builder::new().name(name.into()).spawn(accept);
        let failed = |source| ListenError::System {
            path: config.path.clone(),
            step: "starting a thread",
            source,
        };
        outlet.acceptor = Some(started.map_err(failed)?);
        Ok(outlet)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the acceptor, now and at its next call.
        let _ = shutdown(&*self.listener, Shutdown::Both);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept<F>(listener: &impl AsFd, over: &AtomicBool, name: &str, serve: &Arc<F>)
where
    F: Fn(&UnixStream) -> io::Result<()> + Send + Sync + 'static,
{
    // Each connection holds a sender: the end of the last one is heard.
    let (alive, ended) = bounded::<()>(0);
    let connections = Arc::new(());
    let log = Throttle::default();
    loop {
        let mut incoming = [PollFd::new(listener, PollFlags::IN)];
        let _ = poll(&mut incoming, None);
        if over.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = accept_with(listener, SocketFlags::CLOEXEC) else {
            std::thread::sleep(PAUSE);
            continue;
        };
        if Arc::strong_count(&connections) > CONNECTIONS_MAX {
            if let Some(Pass { suppressed }) = log.pass() {
                tracing::warn!(outlet = name, CONNECTIONS_MAX, suppressed, "too many readers");
            }
            continue;
        }
        let held = (alive.clone(), connections.clone());
        if let Err(error) = start(stream.into(), name, serve.clone(), held) {
            tracing::error!(outlet = name, %error, "no thread for a reader");
        }
    }
    drop(alive);
    let _ = ended.recv_timeout(LAST_WORDS);
}

fn start<F>(
    stream: UnixStream,
    name: &str,
    serve: Arc<F>,
    held: (Sender<()>, Arc<()>),
) -> io::Result<()>
where
    F: Fn(&UnixStream) -> io::Result<()> + Send + Sync + 'static,
{
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let run = move || {
        let _held = held;
        if let Err(error) = serve(&stream) {
            tracing::debug!(%error, "reader gone");
        }
    };
    std::thread::Builder::new().name(format!("{name}-reader")).spawn(run).map(drop)
}

/// Where a reader is told something.
pub type Out<'s> = BufWriter<&'s UnixStream>;

/// Tells a reader what its subscription brings, as `write` puts it, until it hangs up, or does not
/// read for a minute, or the feed is closed.
///
/// # Errors
/// How the connection ended, unless it was by hanging up when there was nothing to tell.
pub fn tell<T: Clone, I>(
    stream: &UnixStream,
    mut subscription: Subscription<T, I>,
    mut write: impl FnMut(Next<T>, &mut Out<'_>) -> io::Result<()>,
) -> io::Result<()> {
    // Of this thread alone, and only now: until here it may have held up publishers. An error
    // leaves it as it is.
    let _ = setpriority_process(None, NICENESS);
    let mut out = BufWriter::with_capacity(BUFFER, stream);
    loop {
        let patience = if out.buffer().is_empty() { LOOK_EVERY } else { Duration::ZERO };
        match subscription.next(patience) {
            Next::Quiet if !out.buffer().is_empty() => out.flush()?,
            Next::Quiet if has_hung_up(stream) => return Ok(()),
            Next::Quiet => {}
            Next::Closed => return out.flush(),
            told => write(told, &mut out)?,
        }
    }
}

fn has_hung_up(stream: &UnixStream) -> bool {
    let mut asked = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut asked, Some(&now)), Ok(count) if count > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::feed::Feed;

    fn write(_: Next<u64>, out: &mut Out<'_>) -> io::Result<()> {
        out.write_all(&[0; 1024])
    }

    #[test]
    fn a_reader_that_does_not_read_is_cut_off_and_leaves_room() {
        let feed = Arc::new(Feed::<u64>::new(10_000));
        (0..10_000).for_each(|item| feed.publish(item, |item, ()| Some(*item)));
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let error = tell(&ours, feed.subscribe((), 1).unwrap(), write).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!feed.is_watched());
    }

    #[test]
    fn a_reader_that_hangs_up_is_noticed_though_there_is_nothing_to_tell() {
        let feed = Arc::new(Feed::<u64>::new(0));
        let (ours, theirs) = UnixStream::pair().unwrap();
        let subscription = feed.subscribe((), 1).unwrap();
        std::thread::scope(|scope| {
            let told = scope.spawn(|| tell(&ours, subscription, write));
            drop(theirs);
            told.join().unwrap().unwrap();
        });
        assert!(!feed.is_watched());
    }
}
