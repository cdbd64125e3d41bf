//! What a peer, or a hypervisor that lies, reaches in a guest, and a guest in its host.

use core::sync::atomic::AtomicU32;

use argo_core::claim::RingLen;
use argo_core::host::attach::Text;
use argo_core::host::queue::{Completion, GuestQueue, HostQueue};
use argo_core::host::turn::Turn;
use argo_core::host::wake;
use argo_core::host::words::Words;
use argo_core::policy::{LabelSet, StoreQuery, StoreRule, decide_store};
use argo_core::ring::{Consumer, Spans};
use argo_mem::View;
use argo_stream::wire::Flags;
use argo_stream::{
    Admission, Arrival, Backlog, Connection, Endpoint, Key, Kind, Knock, Mode, Request, Verdict,
};
use vchan::{Geometry, Reader, Role, SharedPage, SharedRings, Writer, read_geometry};

/// A ring that anybody scribbles in, read to its end.
#[unsafe(no_mangle)]
pub fn strict_receive(ring: &View<'_>, len: u32, out: &mut [u8], from: u32) -> Option<Spans> {
    let mut consumer = Consumer::resume(ring, RingLen::check(len).ok()?);
    consumer.filled(ring).ok()?;
    let message = consumer.peek(ring).ok()??;
    message.copy_from(ring, from, out);
    consumer.pass(message);
    let message = consumer.peek(ring).ok()??;
    consumer.consume(ring, message);
    Some(message.payload())
}

/// A queue whose other side is a guest.
#[unsafe(no_mangle)]
pub fn strict_serve(queue: &mut HostQueue, words: &View<'_>, ret: i64) -> Option<u32> {
    queue.pending(words).ok()?;
    let slot = queue.take(words);
    let call = slot.call()?;
    queue.complete(words, Completion { tag: slot.tag, ret });
    Some(call.cmd)
}

/// A queue whose other side is a host that lies.
#[unsafe(no_mangle)]
pub fn strict_reap(queue: &mut GuestQueue, words: &View<'_>) -> Option<i64> {
    queue.reap(words).map(|completion| completion.ret)
}

/// The words of waking, in memory of the other side.
#[unsafe(no_mangle)]
pub fn strict_wake(words: &View<'_>, event: wake::Event, seen: u32, taken: &[u32]) -> bool {
    words.fence();
    wake::raise(words, event) == wake::Signal::Needed
        && wake::doorbell(words) == wake::Signal::Needed
        && wake::arm(words, seen)
        && wake::rest(words, taken)
}

/// Who is awake again.
#[unsafe(no_mangle)]
pub fn strict_awake(words: &View<'_>) {
    wake::disarm(words);
    wake::watch(words);
}

/// Who watches a session of a guest that writes anything.
#[unsafe(no_mangle)]
pub fn strict_turn(turn: &Turn<AtomicU32>, words: &View<'_>, taken: &[u32]) -> bool {
    turn.claim(words) && turn.rest(words, taken)
}

/// A text that the other side wrote.
#[unsafe(no_mangle)]
pub fn strict_text<'t>(theirs: &'t Text, ours: &str) -> (&'t str, Text) {
    (theirs.as_str(), Text::new(ours))
}

/// A path that a guest asks about.
#[unsafe(no_mangle)]
pub fn trusting_store_policy(rules: &[StoreRule<&str>], query: StoreQuery<'_>) -> Option<usize> {
    decide_store(rules, |_| LabelSet::EMPTY, query).rule
}

/// A vchan whose peer writes anything anywhere: this side reads.
#[unsafe(no_mangle)]
pub fn strict_vchan_read(
    reader: &mut Reader<&dyn SharedRings>,
    buffer: &mut [u8],
    bytes: u32,
) -> Option<u32> {
    reader.data_ready().ok()?;
    reader.glance(bytes);
    let _ = reader.read(buffer).ok()?;
    let _ = reader.recv(buffer).ok()?;
    let front = reader.front().ok()?;
    let _ = reader.consume(bytes);
    Some(front.end)
}

/// The same; this side writes.
#[unsafe(no_mangle)]
pub fn strict_vchan_write(
    writer: &mut Writer<&dyn SharedRings>,
    data: &[u8],
    wanted: u32,
) -> Option<usize> {
    writer.buffer_space().ok()?;
    writer.glance(wanted);
    let _ = writer.send(data).ok()?;
    writer.write(data).ok().map(|transfer| transfer.bytes)
}

/// The geometry that a server claims, and what follows from it.
#[unsafe(no_mangle)]
pub fn strict_vchan_geometry(page: &dyn SharedPage, role: Role) -> Option<(Geometry, u32)> {
    let geometry = read_geometry(page).ok()?;
    let ring = role.read_ring();
    let place = geometry.place(ring);
    let size = geometry.order(ring).size();
    Some((
        geometry,
        size ^ u32::from(geometry.grants())
            ^ (place != geometry.place(Role::Server.read_ring())) as u32,
    ))
}

/// Whatever a peer sends on a connection.
#[unsafe(no_mangle)]
pub fn strict_stream(
    connection: &mut Connection,
    arrival: &Arrival<'_>,
    flags: Flags,
) -> (Verdict, Option<u32>, usize) {
    let verdict = connection.receive(arrival);
    (verdict, connection.payload(arrival), connection.head(flags).1)
}

/// How a connection begins, at either end.
#[unsafe(no_mangle)]
pub fn strict_stream_begin(
    peer: Endpoint,
    conid: u32,
    kind: Kind,
    mode: Mode,
) -> (Connection, Connection, usize) {
    let connecting = Connection::connecting(peer, conid, kind);
    let syn = connecting.syn().len();
    (connecting, Connection::accepted(peer, conid, kind, mode), syn)
}

/// Whatever comes to a listener.
#[unsafe(no_mangle)]
pub fn trusting_listener(backlog: &mut Backlog<Request>, arrival: &Arrival<'_>) -> Option<Key> {
    match Knock::of(arrival) {
        Knock::Request(request) if backlog.admit(arrival.source.domain) == Admission::Admitted => {
            backlog.push(request.key, request);
        }
        Knock::Request(request) if backlog.contains(request.key) => {}
        Knock::Request(request) => drop(backlog.withdraw(request.key, |_| true)),
        _ => backlog.discard(arrival.source.domain),
    }
    backlog.closed(arrival.source.domain);
    backlog.pop().map(|(key, _)| key)
}
