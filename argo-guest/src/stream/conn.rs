//! One end of a connection: the protocol's judgement, what was received, what is to be sent.
//!
//! | lock, outermost first | of |
//! |---|---|
//! | `outbox` | what is to be sent; held while data is copied from the writer |
//! | `link` | what the protocol knows; held while the heads of messages are judged |
//! | the inbox's | held while data is copied to the reader |

use alloc::sync::{Arc, Weak};

use argo_core::abi::SendAddr;
use argo_core::ring::{Consumer, Corrupt, Message};
use argo_mem::View;
use argo_stream::wire::{self, Flags};
use argo_stream::{Connection, Key, Kind, Mode, Verdict};
use event_listener::Event;

use super::arriving::{Arriving, address, endpoint};
use super::error::{ConnectError, StreamError};
use super::inbox::{Full, Inbox, Mailbox, OwnRing};
use super::options::StreamOptions;
use super::outbox::Outbox;
use super::port::ListenPort;
use super::replies::Reply;
use crate::address::Address;
use crate::arena::OutOfMemory;
use crate::domain::{Attend, Background, Cut, IfCut, Inner, Rest};
use crate::lock::Mutex;
use crate::registration::Registration;

/// Messages whose heads are judged in one go before others have their turn.
const BUDGET: usize = 256;

pub(crate) struct Conn {
    pub(super) inner: Arc<Inner>,
    /// What users call the two ends.
    pub(super) local: Address,
    pub(super) peer: Address,
    /// Where our messages say they come from.
    source: Address,
    pub(super) options: StreamOptions,
    listener: Weak<ListenPort>,
    /// What comes through a ring that others share is sorted even if nobody waits.
    _standby: Option<Background<Inner>>,
    pub(super) link: Mutex<Link>,
    pub(super) inbox: Inbox,
    pub(super) outbox: Mutex<Outbox>,
    /// Something may be read, or the connection has changed.
    pub(super) readable: Event,
    /// Something may be written, or was delivered, or the connection has changed.
    pub(super) writable: Event,
}

/// What is known of a connection.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) progress: Progress,
    pub(super) end: Option<End>,
    /// Looks ahead in a ring of its own.
    ahead: Option<Consumer>,
    /// Messages of a ring of its own that were judged.
    judged: u64,
    /// Those before the end of the peer's data, once that is known.
    before_end: Option<u64>,
    /// How far a ring that others share is to be read before a loss counts, and which.
    pub(super) lost_at: Option<(u64, End)>,
    /// The peer takes no more data.
    pub(super) peer_deaf: bool,
    /// This side wants to hear no more.
    pub(super) deaf: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Connecting,
    Refused,
    Established,
    /// Its user has let go of it.
    Closed,
}

/// Why nothing comes after what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer writes no more; it may still read.
    Finished,
    /// The peer is done with the connection, in the only way that the plain wire has.
    Closed,
    Reset,
    PeerGone,
    /// The hypervisor has cut it.
    Cut,
    Corrupt(Corrupt),
}

/// Where a connection comes from.
pub(super) struct Origin {
    pub(super) local: Address,
    pub(super) peer: Address,
    pub(super) options: StreamOptions,
    /// Of an accepted one: who counts it.
    pub(super) listener: Weak<ListenPort>,
}

impl Conn {
    fn new(
        inner: &Arc<Inner>,
        connection: Connection,
        origin: Origin,
        source: Address,
        inbox: Inbox,
    ) -> Result<Arc<Self>, OutOfMemory> {
        let ahead = match &inbox {
            Inbox::Own(own) => own.home().map(|home| Consumer::new(home.len())),
            Inbox::Shared(_) => None,
        };
        let progress = match connection.mode() {
            Some(_) => Progress::Established,
            None => Progress::Connecting,
        };
        let Origin { local, peer, options, listener } = origin;
        let conn = Arc::new(Self {
            inner: inner.clone(),
            local,
            peer,
            source,
            options,
            listener,
            _standby: matches!(inbox, Inbox::Shared(_)).then(|| inner.background()),
            link: Mutex::new(Link::new(connection, progress, ahead)),
            inbox,
            outbox: Mutex::new(Outbox::new(inner, options.send_buffer)?),
            readable: Event::new(),
            writable: Event::new(),
        });
        inner.watch_peer(&conn);
        Ok(conn)
    }

    /// A connection with a ring of its own, which is looked after from now on.
    pub(super) fn with_ring(
        inner: &Arc<Inner>,
        connection: Connection,
        origin: Origin,
        home: Registration,
    ) -> Result<Arc<Self>, OutOfMemory> {
        let source = Address::new(origin.local.domain, home.port());
        let home = Arc::new(home);
        let inbox = Inbox::Own(OwnRing::new(home.clone()));
        let conn = Self::new(inner, connection, origin, source, inbox)?;
        inner.add_ring(conn.clone(), &home);
        Ok(conn)
    }

    /// A connection whose data the listener's ring brings.
    pub(super) fn in_mailbox(
        inner: &Arc<Inner>,
        connection: Connection,
        origin: Origin,
        mailbox: Mailbox,
    ) -> Result<Arc<Self>, OutOfMemory> {
        let source = origin.local;
        Self::new(inner, connection, origin, source, Inbox::Shared(mailbox))
    }

    /// Whether it speaks the extended wire.
    pub(super) fn is_extended(&self) -> bool {
        matches!(self.link.lock().connection.mode(), Some(Mode::Extended { .. }))
    }

    /// The length of its own ring, if it has one.
    pub(super) fn own_ring_bytes(&self) -> Option<usize> {
        match &self.inbox {
            Inbox::Own(own) => own.home().map(|home| home.len().bytes() as usize),
            Inbox::Shared(_) => None,
        }
    }

    /// The addresses of our messages.
    pub(super) fn addresses(&self) -> SendAddr {
        let to = address(self.link.lock().connection.peer());
        SendAddr { src: self.source.raw(), dst: to.raw() }
    }

    /// Where our messages go.
    pub(super) fn destination(&self) -> Address {
        address(self.link.lock().connection.peer())
    }

    /// Judges what has come to a ring of its own.
    pub(super) fn judge(&self) -> Rest {
        let Inbox::Own(own) = &self.inbox else { return Rest::Nothing };
        let mut link = self.link.lock();
        let Some(home) = own.home() else { return Rest::Nothing };
        let memory = home.memory();
        let whole = link.end;
        let mut news = News::None;
        let mut rest = Rest::More;
        for _ in 0..BUDGET {
            match link.next(&memory) {
                Some(message) => news = news.and(self.judge_one(&mut link, &message, &memory)),
                None => {
                    rest = Rest::Nothing;
                    break;
                }
            }
        }
        // A ring that makes no sense is an end that no message brings.
        if link.end != whole {
            news = News::Change;
        }
        drop(link);
        self.announce(news);
        rest
    }

    fn judge_one(&self, link: &mut Link, message: &Message, memory: &View<'_>) -> News {
        link.judged += 1;
        let Some(arriving) = Arriving::read(message, memory) else { return News::None };
        let verdict = link.connection.receive(&arriving.arrival());
        self.follow(link, verdict, arriving.source())
    }

    /// Deals with a message that came through the listener's ring.
    pub(super) fn deliver(
        &self,
        message: &Message,
        arriving: &Arriving,
        memory: &View<'_>,
    ) -> Result<(), Full> {
        let Inbox::Shared(mailbox) = &self.inbox else { return Ok(()) };
        let mut link = self.link.lock();
        // What does not fit is judged again: until then it has not come.
        let mut connection = link.connection.clone();
        let verdict = connection.receive(&arriving.arrival());
        if let Verdict::Data { skip } | Verdict::Finished { skip } = verdict {
            let says_nothing = skip == message.payload_len()
                && (link.connection.kind() == Kind::Stream
                    || matches!(verdict, Verdict::Finished { .. }));
            if link.end.is_none() && !link.deaf && !says_nothing {
                mailbox.put(message, memory, skip)?;
            }
        }
        link.connection = connection;
        let news = self.follow(&mut link, verdict, arriving.source());
        drop(link);
        self.announce(news);
        Ok(())
    }

    /// Judges a message about it that came elsewhere than its data does.
    pub(super) fn hear(&self, arriving: &Arriving) {
        let mut link = self.link.lock();
        let verdict = link.connection.receive(&arriving.arrival());
        let news = self.follow(&mut link, verdict, arriving.source());
        drop(link);
        self.announce(news);
    }

    /// Does what a verdict asks for.
    fn follow(&self, link: &mut Link, verdict: Verdict, source: Address) -> News {
        match verdict {
            Verdict::Ignored => News::None,
            Verdict::Data { .. } => News::Data,
            Verdict::Finished { .. } => link.ends(End::Finished),
            Verdict::Connected => {
                link.progress = Progress::Established;
                News::Change
            }
            Verdict::Refused => {
                link.progress = Progress::Refused;
                News::Change
            }
            Verdict::Reset if link.connection.mode() == Some(Mode::Plain) => link.ends(End::Closed),
            Verdict::Reset => link.ends(End::Reset),
            Verdict::Stray { conid } => {
                self.reset_stranger(source, conid);
                News::None
            }
            Verdict::Violation => {
                self.reset_stranger(source, link.connection.conid());
                if link.progress == Progress::Connecting {
                    link.progress = Progress::Refused;
                }
                link.ends(End::Reset)
            }
        }
    }

    pub(super) fn reset_stranger(&self, to: Address, conid: u32) {
        self.inner.reply(Reply { from: self.source, to, conid });
    }

    pub(super) fn announce(&self, news: News) {
        match news {
            News::None => {}
            News::Data => {
                self.readable.notify(usize::MAX);
            }
            News::Change => self.changed(),
        }
    }

    /// The connection has changed: everybody who waits looks again.
    pub(super) fn changed(&self) {
        self.readable.notify(usize::MAX);
        self.writable.notify(usize::MAX);
    }

    /// Where the peer hears through its listener's ring, that ring may have become another's: then
    /// whoever has it now answers, and this connection is over.
    pub(super) fn probe(&self) {
        let connection = self.link.lock().connection.clone();
        let shared = connection.peer() == endpoint(self.peer);
        // To a connector, an ACK would mean something.
        let connector = self.source == self.local && matches!(self.inbox, Inbox::Own(_));
        if shared && connector && matches!(connection.mode(), Some(Mode::Extended { .. })) {
            self.inner.probe(self.source, self.peer, &connection);
        }
    }

    /// Whether the peer may still be there, as far as is known, and matters to somebody.
    pub(super) fn is_live(&self) -> bool {
        let link = self.link.lock();
        link.progress == Progress::Established && !link.peer_deaf
    }

    /// The peer's ring takes messages of that many bytes.
    pub(super) fn fit(&self, max_message: u32) -> Result<(), ConnectError> {
        let head = if self.is_extended() { wire::HEAD_EXTENDED } else { wire::HEAD };
        let fits = self.outbox.lock().fit(max_message, head);
        fits.ok_or(ConnectError::PeerRing { to: self.destination(), max: max_message })
    }

    /// It never came to be.
    pub(super) fn abandon(&self) {
        self.link.lock().progress = Progress::Closed;
        self.outbox.lock().discard();
        self.unlink();
    }

    /// Nothing is received any more, and it counts no more.
    pub(super) fn take_down(&self) {
        self.unlink();
        if let Some(listener) = self.listener.upgrade() {
            let conid = self.link.lock().connection.conid();
            listener.connection_closed(Key { peer: endpoint(self.peer), conid }, self);
        }
    }

    fn unlink(&self) {
        self.inner.remove_ring(self);
        self.inner.unwatch_peer(self);
        match &self.inbox {
            Inbox::Own(own) => own.take_down(),
            Inbox::Shared(mailbox) => {
                mailbox.clear();
                mailbox.ring.forget(self);
            }
        }
    }

    /// The error of a write after the end.
    pub(super) fn closed(&self) -> StreamError {
        StreamError::Closed { peer: self.peer }
    }

    /// The head of a message with these flags.
    pub(super) fn head(&self, flags: Flags) -> ([u8; wire::HEAD_EXTENDED as usize], usize) {
        self.link.lock().connection.head(flags)
    }
}

impl Link {
    fn new(connection: Connection, progress: Progress, ahead: Option<Consumer>) -> Self {
        Self {
            connection,
            progress,
            end: None,
            ahead,
            judged: 0,
            before_end: None,
            lost_at: None,
            peer_deaf: false,
            deaf: false,
        }
    }

    /// Messages in which a reader may look for data.
    pub(super) fn readable_to(&self) -> u64 {
        self.before_end.unwrap_or(self.judged)
    }

    /// The next message to judge.
    fn next(&mut self, memory: &View<'_>) -> Option<Message> {
        if self.peer_deaf {
            return None;
        }
        let ahead = self.ahead.as_mut()?;
        match ahead.peek(memory) {
            Ok(message) => message.inspect(|message| ahead.pass(*message)),
            Err(corrupt) => {
                let _ = self.ends(End::Corrupt(corrupt));
                None
            }
        }
    }

    /// The peer's data ends here, or ended before and now it reads no more, either.
    pub(super) fn ends(&mut self, end: End) -> News {
        let known = self.end.is_some() && (self.peer_deaf || end == End::Finished);
        if known {
            return News::None;
        }
        self.peer_deaf = end != End::Finished;
        self.end.get_or_insert(end);
        self.before_end.get_or_insert(self.judged);
        News::Change
    }
}

/// Who is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum News {
    None,
    Data,
    Change,
}

impl News {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Change, _) | (_, Self::Change) => Self::Change,
            (Self::Data, _) | (_, Self::Data) => Self::Data,
            (Self::None, Self::None) => Self::None,
        }
    }
}

impl Attend for Conn {
    fn attend(&self) -> Rest {
        let rest = self.judge();
        if self.link.lock().deaf {
            self.discard();
        }
        rest
    }

    fn end(&self) {
        self.changed();
    }

    fn home(&self) -> Option<Arc<Registration>> {
        let Inbox::Own(own) = &self.inbox else { return None };
        own.home().filter(|home| !home.is_gone())
    }

    /// What was sent meanwhile is lost, and the peer thinks that it is over.
    fn if_cut(&self) -> IfCut {
        IfCut::Over
    }

    fn cut(&self, _cut: Cut) {
        self.is_cut();
    }
}
