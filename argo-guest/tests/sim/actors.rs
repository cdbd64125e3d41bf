//! What honest domains do: listen, connect, talk.

use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use argo_guest::stream::{AcceptError, ConnectError, ListenOptions, StreamOptions};
use argo_guest::{Address, BindError, DomainId, Port, SendError};
use futures::future::{Either, join, select};

use super::context::{Context, Label};
use super::oracle::{Role, SessionId, SideId};
use super::sockets::{Kind, Listening, Socket};

/// Ports that are listened on for streams: 1 to this.
pub const PORTS: u32 = 2;
/// Where seqpackets are listened for.
pub const MESSAGES: Port = Port(PORTS + 1);
/// Where datagrams are received.
pub const DATAGRAMS: Port = Port(PORTS + 2);
/// Writes of one side that may fail for want of memory before it gives up.
const HUNGER: usize = 5;
/// Binds that may fail before a listener gives up.
pub const FAILURES: usize = 5;

fn options(context: &Context) -> StreamOptions {
    let rng = &context.rng;
    let ring_len = rng.pick(&[32_800, 32_800, 49_152, 65_536]);
    let send_buffer = rng.pick(&[1, 100, 5000, 40_000, 100_000]);
    StreamOptions::new().ring_len(ring_len).send_buffer(send_buffer)
}

/// Listens on a port, and now and then stops and begins anew.
pub async fn listen(context: Rc<Context>, session: SessionId, port: Port, wait: Duration) {
    let domain = context.domain(session);
    context.sleep(wait).await;
    let mut failures = 0;
    while !context.is_closing() && !domain.is_gone() && failures < FAILURES {
        let how = ListenOptions::port(port).stream(options(&context));
        let backlog = if context.plan.generous { 16 } else { context.rng.pick(&[1, 2, 16]) };
        match Listening::bind(kind_at(port), &domain, how.backlog(backlog)).await {
            Ok(listener) => {
                context.begin_listening(listener.local_addr());
                serve(&context, session, &listener).await;
                context.oracle.unbound(listener.local_addr());
            }
            Err(error) => {
                failures += 1;
                check_bind(&context, &error, domain.is_gone());
            }
        }
        context.sleep(context.rng.pause(2_000)).await;
    }
}

async fn serve(context: &Rc<Context>, session: SessionId, listener: &Listening) {
    let generous = context.plan.generous;
    let shift = if generous { None } else { Some(context.rng.between(1, 6)) };
    let mut served = 0;
    while shift.is_none_or(|shift| served < shift) {
        let accepted = match select(pin!(listener.accept()), pin!(context.closing())).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(_) => return,
        };
        match accepted {
            Ok((stream, from)) => {
                assert_eq!(from, stream.peer_addr());
                begin_talk(context, session, Role::Acceptor, stream);
            }
            Err(AcceptError::Gone(_)) if context.is_gone(session) => return,
            Err(error) => panic!("accept: {error:?}"),
        }
        served += 1;
        if context.rng.one_in(3) {
            context.sleep(context.rng.pause(3_000)).await;
        }
    }
}

pub fn check_bind(context: &Context, error: &BindError, gone: bool) {
    match error {
        BindError::Gone(_) if gone => {}
        BindError::OutOfMemory(_) | BindError::Quota { .. } if !context.plan.generous => {}
        // A plain connection keeps its peer's ring, a hostile one.
        error => panic!("bind: {error:?}"),
    }
}

/// Connects now and then, and talks.
pub async fn connect(context: Rc<Context>, session: SessionId, times: usize) {
    let domain = context.domain(session);
    for _ in 0..times {
        context.sleep(context.rng.pause(5_000)).await;
        if domain.is_gone() {
            return;
        }
        let to = target(&context);
        let listening = context.is_listening(to);
        let hasty = !context.plan.generous && context.rng.one_in(4);
        let mut options = options(&context);
        if hasty {
            options = options.connect_timeout(context.rng.pause(500));
        }
        let connecting = pin!(Socket::connect(kind_at(to.port), &domain, to, &options));
        let limit = match !context.plan.generous && context.rng.one_in(5) {
            true => context.rng.pause(300),
            false => Duration::from_secs(3600),
        };
        match select(connecting, pin!(context.sleep(limit))).await {
            Either::Left((Ok(stream), _)) => {
                begin_talk(&context, session, Role::Connector, stream);
            }
            Either::Left((Err(error), _)) => {
                context.oracle.connect_failed(session, to);
                check_connect(&context, session, to, Hopes { hasty, listening }, &error);
            }
            // The request is withdrawn with its future.
            Either::Right(_) => context.oracle.connect_failed(session, to),
        }
    }
}

fn target(context: &Context) -> Address {
    let to = context.rng.pick(&context.addressable());
    let ports = if context.plan.all { MESSAGES.0 } else { PORTS };
    Address::new(DomainId::new(to).unwrap(), Port(1 + context.rng.below(ports as usize) as u32))
}

/// What is listened for on a port.
fn kind_at(port: Port) -> Kind {
    if port == MESSAGES { Kind::Messages } else { Kind::Bytes }
}

/// What a connect may hope for.
struct Hopes {
    /// It has little time.
    hasty: bool,
    /// Somebody listened when it began.
    listening: bool,
}

fn check_connect(
    context: &Context,
    session: SessionId,
    to: Address,
    hopes: Hopes,
    error: &ConnectError,
) {
    let stranger = context.is_hostile(to.domain) || context.has_died(to.domain);
    let allowed = match error {
        ConnectError::Gone(_) | ConnectError::Bind(BindError::Gone(_)) => context.is_gone(session),
        ConnectError::Send(SendError::Gone(_)) => context.is_gone(session),
        ConnectError::Bind(BindError::OutOfMemory(_) | BindError::Quota { .. })
        | ConnectError::Send(SendError::OutOfMemory(_)) => !context.plan.generous,
        // Whose RAM is used up cannot even refuse.
        ConnectError::TimedOut { .. } => hopes.hasty || stranger || !context.plan.generous,
        // Nobody listens yet, or not now.
        ConnectError::Refused { .. } => {
            !hopes.listening || !context.plan.generous || stranger || context.is_closing()
        }
        ConnectError::Bind(BindError::PartnerAway { .. })
        | ConnectError::PeerRing { .. }
        | ConnectError::Send(
            SendError::NoSuchDomain { .. } | SendError::ConnectionRefused { .. },
        ) => stranger,
        _ => false,
    };
    assert!(allowed || context.is_gone(session), "connect to {to}: {error:?}");
}

fn begin_talk(context: &Rc<Context>, session: SessionId, role: Role, stream: Socket) {
    let (local, peer) = (stream.local_addr(), stream.peer_addr());
    let hostile = context.is_hostile(peer.domain);
    let me = context.oracle.side(session, role, local, peer, hostile);
    if stream.kind() == Kind::Messages {
        context.oracle.keeps_messages(me);
    }
    if is_plain(context, &stream) {
        context.oracle.is_plain();
    }
    context.spawn(session, Label::Talk(me), talk(context.clone(), stream, me));
}

/// Whether both ends believe that the other has the plain wire only.
fn is_plain(context: &Context, stream: &Socket) -> bool {
    context.plan.plain.is_some() && !stream.is_extended()
}

/// How a side ends its talk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Says that it is done, and hears the other out.
    Polite,
    /// Leaves when it has said what it had to say.
    Curt,
    /// Leaves at any time.
    Rude(Duration),
    /// Hears no more than that, and leaves.
    Sated(u64),
    /// Hears nothing at all.
    Deaf,
}

async fn talk(context: Rc<Context>, stream: Socket, me: SideId) {
    exchange(&context, &stream, me).await;
    drop(stream);
    context.oracle.dropped(me);
}

async fn exchange(context: &Context, stream: &Socket, me: SideId) {
    let rng = &context.rng;
    let manner = match rng.below(10) {
        0..5 => Manner::Polite,
        5 => Manner::Curt,
        6 => Manner::Rude(rng.pause(5_000)),
        7..9 => Manner::Sated(rng.below(3000) as u64),
        _ => Manner::Deaf,
    };
    // Where nobody can say that it is done, one side has to leave first.
    let manner = match manner {
        Manner::Polite | Manner::Sated(_)
            if is_plain(context, stream) && context.oracle.connected(me) =>
        {
            Manner::Curt
        }
        manner => manner,
    };
    let (writing, reading) =
        (pin!(write(context, stream, me)), pin!(read(context, stream, me, manner)));
    match manner {
        Manner::Polite => {
            let finish = async {
                writing.await;
                finish(context, stream, me).await;
            };
            join(finish, reading).await;
        }
        Manner::Sated(_) => {
            let all = async {
                writing.await;
                finish(context, stream, me).await;
                std::future::pending::<()>().await;
            };
            select(pin!(all), reading).await;
        }
        Manner::Rude(limit) => {
            select(join(writing, reading), pin!(context.sleep(limit))).await;
        }
        Manner::Curt => {
            let _ = select(writing, join(reading, std::future::pending::<()>())).await;
        }
        Manner::Deaf => {
            stream.shutdown(Shutdown::Read).await.unwrap();
            writing.await;
            finish(context, stream, me).await;
        }
    }
}

async fn write(context: &Context, stream: &Socket, me: SideId) {
    let rng = &context.rng;
    let mut left = rng.pick(&[0, 1, 20, 3_000, 20_000, 90_000]);
    let mut hunger = 0;
    while left > 0 {
        let len = rng.between(1, rng.pick(&[1, 50, 2_000, 70_000])).min(left);
        let len = len.min(stream.write_max());
        let empty = stream.kind() == Kind::Messages && rng.one_in(10);
        let len = if empty { 0 } else { len };
        let bytes = context.oracle.to_write(me, len);
        match stream.write(&bytes).await {
            Ok(written) => {
                assert!((written > 0 || empty) && written <= len);
                context.oracle.wrote(me, written);
                left -= written;
            }
            Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => {
                assert!(!context.plan.generous, "{error:?}");
                hunger += 1;
                if hunger > HUNGER {
                    return;
                }
                context.sleep(Duration::from_millis(1)).await;
            }
            Err(error) => return context.oracle.write_failed(me, &error),
        }
        // Small writes of a long text are many.
        left = if len < 10 { left.min(500) } else { left };
        if rng.one_in(8) {
            context.sleep(rng.pause(2_000)).await;
        }
    }
}

async fn finish(context: &Context, stream: &Socket, me: SideId) {
    if context.rng.one_in(4)
        && let Err(error) = stream.flush().await
    {
        return context.oracle.write_failed(me, &error);
    }
    if is_plain(context, stream) {
        return;
    }
    // The end is written before this waits for its delivery.
    context.oracle.finished(me);
    if let Err(error) = stream.shutdown(Shutdown::Write).await {
        context.oracle.write_failed(me, &error);
    }
}

async fn read(context: &Context, stream: &Socket, me: SideId, manner: Manner) {
    let rng = &context.rng;
    let mut most = rng.pick(&[1, 100, 8_000, 100_000]);
    let mut read = 0;
    loop {
        context.oracle.reading(me, context.clock.now());
        match stream.read(most).await {
            Ok(Some(bytes)) => {
                context.oracle.read(me, &bytes);
                read += bytes.len() as u64;
            }
            Ok(None) => return context.oracle.ended(me),
            Err(error) => return context.oracle.read_failed(me, &error),
        }
        if let Manner::Sated(limit) = manner
            && read > limit
        {
            return;
        }
        // A reader of single bytes would read for ever.
        if read > 300 && most < 100 {
            most = 5_000;
        }
        if rng.one_in(8) {
            context.sleep(rng.pause(2_000)).await;
        }
    }
}
