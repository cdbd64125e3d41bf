//! What honest domains do: listen, connect, talk.

use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use argo_guest::stream::{
    AcceptError, ConnectError, ListenOptions, Stream, StreamListener, StreamOptions,
};
use argo_guest::{Address, BindError, DomainId, Port, SendError};
use futures::future::{Either, join, select};

use super::context::{Context, Label};
use super::oracle::{Role, SessionId, SideId};

/// Ports that are listened on: 1 to this.
pub const PORTS: u32 = 2;
/// Writes of one side that may fail for want of memory before it gives up.
const HUNGER: usize = 5;
/// Binds that may fail before a listener gives up.
const FAILURES: usize = 5;

fn options(context: &Context) -> StreamOptions {
    let rng = &context.rng;
    let ring_len = rng.pick(&[32_800, 32_800, 49_152, 65_536]);
    let send_buffer = rng.pick(&[1, 100, 5000, 40_000, 100_000]);
    StreamOptions::new().ring_len(ring_len).send_buffer(send_buffer)
}

/// Listens on a port, and now and then stops and begins anew.
pub async fn listen(context: Rc<Context>, session: SessionId, port: u32, wait: Duration) {
    let domain = context.domain(session);
    context.sleep(wait).await;
    let mut failures = 0;
    while !context.is_closing() && !domain.is_gone() && failures < FAILURES {
        let how = ListenOptions::port(Port(port)).stream(options(&context));
        let backlog = if context.plan.generous { 16 } else { context.rng.pick(&[1, 2, 16]) };
        match StreamListener::bind(&domain, how.backlog(backlog)).await {
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

async fn serve(context: &Rc<Context>, session: SessionId, listener: &StreamListener) {
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

fn check_bind(context: &Context, error: &BindError, gone: bool) {
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
        let connecting = pin!(Stream::connect_with(&domain, to, &options));
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
    Address::new(DomainId::new(to).unwrap(), Port(1 + context.rng.below(PORTS as usize) as u32))
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
        ConnectError::Refused { .. } => !hopes.listening || !context.plan.generous || stranger,
        ConnectError::Bind(BindError::PartnerAway { .. })
        | ConnectError::PeerRing { .. }
        | ConnectError::Send(
            SendError::NoSuchDomain { .. } | SendError::ConnectionRefused { .. },
        ) => stranger,
        _ => false,
    };
    assert!(allowed || context.is_gone(session), "connect to {to}: {error:?}");
}

fn begin_talk(context: &Rc<Context>, session: SessionId, role: Role, stream: Stream) {
    let (local, peer) = (stream.local_addr(), stream.peer_addr());
    let hostile = context.is_hostile(peer.domain);
    let me = context.oracle.side(session, role, local, peer, hostile);
    context.spawn(session, Label::Talk(me), talk(context.clone(), stream, me));
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

async fn talk(context: Rc<Context>, stream: Stream, me: SideId) {
    exchange(&context, &stream, me).await;
    drop(stream);
    context.oracle.dropped(me);
}

async fn exchange(context: &Context, stream: &Stream, me: SideId) {
    let rng = &context.rng;
    let manner = match rng.below(10) {
        0..5 => Manner::Polite,
        5 => Manner::Curt,
        6 => Manner::Rude(rng.pause(5_000)),
        7..9 => Manner::Sated(rng.below(3000) as u64),
        _ => Manner::Deaf,
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

async fn write(context: &Context, stream: &Stream, me: SideId) {
    let rng = &context.rng;
    let mut left = rng.pick(&[0, 1, 20, 3_000, 20_000, 90_000]);
    let mut hunger = 0;
    while left > 0 {
        let len = rng.between(1, rng.pick(&[1, 50, 2_000, 70_000])).min(left);
        let bytes = context.oracle.to_write(me, len);
        match stream.write(&bytes).await {
            Ok(written) => {
                assert!(written > 0 && written <= len);
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

async fn finish(context: &Context, stream: &Stream, me: SideId) {
    if context.rng.one_in(4)
        && let Err(error) = stream.flush().await
    {
        return context.oracle.write_failed(me, &error);
    }
    // The end is written before this waits for its delivery.
    context.oracle.finished(me);
    if let Err(error) = stream.shutdown(Shutdown::Write).await {
        context.oracle.write_failed(me, &error);
    }
}

async fn read(context: &Context, stream: &Stream, me: SideId, manner: Manner) {
    let rng = &context.rng;
    let mut buffer = vec![0; rng.pick(&[1, 100, 8_000, 100_000])];
    let mut read = 0;
    loop {
        context.oracle.reading(me, context.clock.now());
        match stream.read(&mut buffer).await {
            Ok(len) => {
                context.oracle.read(me, &buffer[..len]);
                if len == 0 {
                    return;
                }
                read += len as u64;
            }
            Err(error) => return context.oracle.read_failed(me, &error),
        }
        if let Manner::Sated(limit) = manner
            && read > limit
        {
            return;
        }
        // A reader of single bytes would read for ever.
        if read > 300 && buffer.len() < 100 {
            buffer = vec![0; 5_000];
        }
        if rng.one_in(8) {
            context.sleep(rng.pause(2_000)).await;
        }
    }
}
