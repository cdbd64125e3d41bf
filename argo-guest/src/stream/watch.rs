//! Asking after peers that may have gone without a word.
//!
//! Argo tells nobody that a partner's ring went. argod counts such events beside the Argo calls;
//! elsewhere idle connections are asked after at an interval. Either way the hypervisor is then
//! asked which of the peers' rings still exist.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::time::Duration;

use argo_core::Errno;
use argo_core::abi::{ENTRIES_DEFAULT, Op, RingData, RingDataEnt, RingFlags};
use argo_core::errno::decode_ret;
use argo_core::platform::{Call, Link};
use event_listener::Event;
use zerocopy::IntoBytes;

use super::conn::Conn;
use crate::arena::Block;
use crate::domain::{Chunk, Inner, Urgency, race};
use crate::lock::Mutex;

/// Between two rounds of questions, so that rings that go one after the other cost one round.
const PAUSE: Duration = Duration::from_millis(10);
/// Peers in one question: what every hypervisor takes.
const ROUND: usize = ENTRIES_DEFAULT as usize;

#[derive(Default)]
pub(crate) struct Watch {
    conns: Mutex<Vec<Weak<Conn>>>,
    started: Mutex<bool>,
    /// Memory for a question about one peer, as long as there is one to ask after: if what waits for
    /// a peer that went has used up the RAM, only the answer gives it back.
    spare: Mutex<Option<Block>>,
    /// Since when the session is about to end.
    leaving: Mutex<Option<Duration>>,
    /// Rings that were for us have gone, there is one more connection to ask after, or the session
    /// has ended.
    pub(crate) rings_went: Event,
}

impl Watch {
    /// Since when the session is about to end, if it is.
    pub(super) fn leaving(&self) -> Option<Duration> {
        *self.leaving.lock()
    }
}

impl Inner {
    /// The session is about to end: whoever takes leave hurries.
    pub(crate) fn hurry_farewells(&self) {
        *self.watch.leaving.lock() = Some(self.platform.now());
        let conns: Vec<_> = self.watch.conns.lock().iter().filter_map(Weak::upgrade).collect();
        conns.iter().for_each(|conn| conn.changed());
    }

    /// Asks after the peer of this connection when there is reason to.
    pub(super) fn watch_peer(self: &Arc<Self>, conn: &Arc<Conn>) {
        self.watch.conns.lock().push(Arc::downgrade(conn));
        self.set_aside();
        let start = !core::mem::replace(&mut *self.watch.started.lock(), true);
        if start {
            // Counted from here on, not from whenever the chore is first looked at.
            let known = self.platform.events().peers_gone;
            self.begin_chore(Urgency::Idle, watch(self.clone(), known));
        } else {
            // It may wait for ever, or longer than this connection does.
            self.watch.rings_went.notify(usize::MAX);
        }
    }

    pub(super) fn unwatch_peer(&self, conn: &Conn) {
        let mut conns = self.watch.conns.lock();
        conns.retain(|other| !core::ptr::eq(other.as_ptr(), conn));
        if conns.is_empty() {
            self.release(self.watch.spare.lock().take());
        }
    }

    /// Sees to it that one peer can be asked after, if there is one, and memory.
    fn set_aside(self: &Arc<Self>) {
        let conns = self.watch.conns.lock();
        let mut spare = self.watch.spare.lock();
        if spare.is_none() && !conns.is_empty() {
            *spare = self.chunk(question_len(1)).ok().and_then(Chunk::into_block);
        }
    }

    /// Memory for a question.
    fn question(self: &Arc<Self>, peers: usize) -> Option<Chunk> {
        let found = self.chunk(question_len(peers)).ok();
        if found.is_some() || peers > 1 {
            return found;
        }
        let spare = self.watch.spare.lock().take()?;
        Some(Chunk::of(self, Some(spare)))
    }

    /// The question about one peer has been answered: the next one needs memory, too.
    fn put_back(&self, chunk: Chunk) {
        let conns = self.watch.conns.lock();
        let mut spare = self.watch.spare.lock();
        if spare.is_none() && !conns.is_empty() {
            *spare = chunk.into_block();
        }
    }

    fn live_conns(&self) -> Vec<Arc<Conn>> {
        let conns = self.watch.conns.lock();
        conns.iter().filter_map(Weak::upgrade).filter(|conn| conn.is_live()).collect()
    }

    /// How long to wait for news before asking all the same; `None`: for ever.
    ///
    /// No platform tells everything: a ring that others could use, too, goes silently. Only strangers
    /// and listeners on the plain wire have such rings.
    fn idle_check(&self) -> Option<Duration> {
        let conns: Vec<_> = self.watch.conns.lock().iter().filter_map(Weak::upgrade).collect();
        conns.iter().map(|conn| conn.options.idle_check).min()
    }

    /// Waits until rings went since the count was `asked`, until the idle check, or for the end.
    async fn reason_to_ask(self: &Arc<Self>, asked: Option<u32>) {
        let began = self.platform.now();
        loop {
            let news = self.watch.rings_went.listen();
            if self.is_gone() || self.platform.events().peers_gone != asked {
                return;
            }
            match self.idle_check() {
                None => news.await,
                Some(every) => {
                    let due = self.timer(began.saturating_add(every));
                    if race(news, due).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Lets some time pass, unless the session ends.
    async fn pause(self: &Arc<Self>) {
        let until = self.platform.now().saturating_add(PAUSE);
        loop {
            let news = self.watch.rings_went.listen();
            if self.is_gone() || race(news, self.timer(until)).await.is_none() {
                return;
            }
        }
    }
}

async fn watch(inner: Arc<Inner>, known: Option<u32>) {
    let mut asked = known;
    loop {
        inner.reason_to_ask(asked).await;
        asked = inner.platform.events().peers_gone;
        inner.set_aside();
        for round in inner.live_conns().chunks(ROUND) {
            ask(&inner, round).await;
        }
        inner.pause().await;
        if inner.is_gone() {
            return;
        }
    }
}

/// Asks which of these peers' rings exist, and tells those connections whose peer has gone.
async fn ask(inner: &Arc<Inner>, conns: &[Arc<Conn>]) {
    let answers = match existing(inner, conns).await {
        Asked::Answered(answers) => answers,
        // One of the answers is an error, and hides the others'.
        Asked::Refused(errno) => {
            return match conns {
                [] => {}
                [conn] if errno == Errno::EACCES => conn.is_cut(),
                [conn] => conn.peer_gone(),
                many => Box::pin(ask_singly(inner, many)).await,
            };
        }
        // For one there is memory set aside.
        Asked::Not if conns.len() > 1 => return Box::pin(ask_singly(inner, conns)).await,
        Asked::Not => return,
    };
    for (conn, exists) in conns.iter().zip(answers) {
        if exists {
            conn.probe();
        } else {
            conn.peer_gone();
        }
    }
}

async fn ask_singly(inner: &Arc<Inner>, conns: &[Arc<Conn>]) {
    for conn in conns {
        if !inner.is_gone() {
            ask(inner, core::slice::from_ref(conn)).await;
        }
    }
}

/// What came of a question.
enum Asked {
    /// Whether each ring exists.
    Answered(Vec<bool>),
    /// The hypervisor refuses to say.
    Refused(Errno),
    /// It could not be asked: memory is lacking, or the session has ended.
    Not,
}

/// Bytes of a question about so many peers.
fn question_len(peers: usize) -> usize {
    size_of::<RingData>() + peers * size_of::<RingDataEnt>()
}

/// Which of the peers' rings exist.
async fn existing(inner: &Arc<Inner>, conns: &[Arc<Conn>]) -> Asked {
    let Some(chunk) = inner.question(conns.len()) else { return Asked::Not };
    chunk.put(0, RingData { nent: conns.len() as u32, pad: 0 }.as_bytes());
    for (index, conn) in conns.iter().enumerate() {
        let entry = RingDataEnt { ring: conn.destination().raw(), ..RingDataEnt::default() };
        chunk.put(question_len(index), entry.as_bytes());
    }
    let args = [chunk.handle(0).0, 0, 0, 0];
    let call = Call { cmd: Op::Notify as u32, args, link: Link::None };
    let answer = inner.call(call, chunk).await;
    // The question ended waits for room at these rings: whoever waits tries again.
    inner.wake_senders();
    let Ok((ret, chunk)) = answer else { return Asked::Not };
    let exists = |index| {
        let mut entry = RingDataEnt::default();
        chunk.get(question_len(index), entry.as_mut_bytes());
        RingFlags::from_bits_truncate(entry.flags).contains(RingFlags::EXISTS)
    };
    let asked = match decode_ret(ret) {
        Ok(_) => Asked::Answered((0..conns.len()).map(exists).collect()),
        Err(errno) => Asked::Refused(errno),
    };
    if conns.len() == 1 {
        inner.put_back(chunk);
    }
    asked
}
