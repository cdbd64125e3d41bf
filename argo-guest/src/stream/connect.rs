//! Asking for a connection.

use alloc::sync::{Arc, Weak};
use core::future::Future;

use argo_core::Partner;
use argo_core::claim::RingLen;
use argo_core::platform::Gone;
use argo_stream::wire;
use argo_stream::{Connection, Kind, Mode};

use super::arriving::endpoint;
use super::conn::{Conn, End, Origin, Progress};
use super::error::ConnectError;
use super::options::StreamOptions;
use super::outbox::Sending;
use super::{Owner, pump};
use crate::address::Address;
use crate::datagram::{BindError, SendError};
use crate::domain::{Domain, Inner, Patience, TimedOut};
use crate::registration::Registration;

/// Asks for a connection and waits for the answer. Dropped before that, the request is withdrawn.
pub(super) async fn connect(
    domain: &Domain,
    to: Address,
    options: &StreamOptions,
    kind: Kind,
) -> Result<Owner, ConnectError> {
    let inner = domain.inner();
    let home = own_ring(inner, Partner::Domain(to.domain), options).await?;
    let conid = inner.draw() as u32;
    let connection = Connection::connecting(endpoint(to), conid, kind);
    let syn = connection.syn();
    let origin = Origin {
        local: Address::new(domain.id(), home.port()),
        peer: to,
        options: *options,
        listener: Weak::new(),
    };
    let conn = Conn::with_ring(inner, connection, origin, home).map_err(BindError::from)?;
    let owner = Owner::new(domain.clone(), conn.clone());
    let source = owner.conn.local.raw();
    conn.outbox.lock().write_control(inner, &syn, source).map_err(BindError::from)?;
    pump::start(&conn);
    answered(&conn, Patience::new(inner, options.connect_timeout)).await?;
    let said = conn.link.lock().connection.max_message();
    let max_message = match said {
        Some(max) => max,
        None => inner.max_message(conn.destination()).await.map_err(ConnectError::Send)?,
    };
    conn.fit(max_message)?;
    Ok(owner)
}

async fn answered(conn: &Arc<Conn>, patience: Patience) -> Result<(), ConnectError> {
    loop {
        let change = conn.readable.listen();
        let _ = conn.judge();
        let to = conn.peer;
        let progress = conn.link.lock().progress;
        match progress {
            Progress::Established => return Ok(()),
            Progress::Refused | Progress::Closed => return Err(ConnectError::Refused { to }),
            Progress::Connecting if conn.link.lock().end == Some(End::Cut) => {
                return Err(ConnectError::Cut { to });
            }
            Progress::Connecting if conn.link.lock().end.is_some() => {
                return Err(ConnectError::Refused { to });
            }
            Progress::Connecting => {}
        }
        let sending = conn.outbox.lock().state;
        match sending {
            Sending::Failed(SendError::ConnectionRefused { .. }) => {
                return Err(ConnectError::Refused { to });
            }
            Sending::Failed(SendError::Gone(gone)) => return Err(gone.into()),
            Sending::Failed(error) => return Err(ConnectError::Send(error)),
            Sending::Open | Sending::Finished => {}
        }
        if conn.inner.is_gone() {
            return Err(Gone.into());
        }
        let waited = patience.wait(&conn.inner, change).await;
        waited.map_err(|TimedOut { after }| ConnectError::TimedOut { to, after })?;
    }
}

/// The two ends of a connection inside one domain, without a listener.
pub(super) async fn pair(
    domain: &Domain,
    options: &StreamOptions,
    kind: Kind,
) -> Result<(Owner, Owner), ConnectError> {
    let (inner, id) = (domain.inner(), domain.id());
    let homes = [
        own_ring(inner, Partner::Domain(id), options).await?,
        own_ring(inner, Partner::Domain(id), options).await?,
    ];
    let conid = inner.draw() as u32;
    let epoch = inner.draw();
    let ends = homes.each_ref().map(|home| (Address::new(id, home.port()), home.len()));
    let end = |home: Registration, peer: usize| {
        let (to, ring_len) = ends[peer];
        let mode = Mode::Extended { epoch };
        let connection = Connection::accepted(endpoint(to), conid, kind, mode);
        let (local, listener) = (Address::new(id, home.port()), Weak::new());
        let origin = Origin { local, peer: to, options: *options, listener };
        let conn = Conn::with_ring(inner, connection, origin, home).map_err(BindError::from)?;
        conn.fit(ring_len.max_payload())?;
        Ok::<_, ConnectError>(Owner::new(domain.clone(), conn))
    };
    let [first, second] = homes;
    Ok((end(first, 1)?, end(second, 0)?))
}

async fn own_ring(
    inner: &Arc<Inner>,
    partner: Partner,
    options: &StreamOptions,
) -> Result<Registration, BindError> {
    receiving_ring(options, |len| Registration::any_port(inner, partner, len)).await
}

/// Registers a ring of the length that the options name, or as near to it as the RAM allows.
pub(super) async fn receiving_ring<F>(
    options: &StreamOptions,
    register: impl Fn(RingLen) -> F,
) -> Result<Registration, BindError>
where
    F: Future<Output = Result<Registration, BindError>>,
{
    let mut len = options.checked_len()?;
    loop {
        match register(len).await {
            Err(BindError::OutOfMemory(_)) if len.bytes() > wire::RING_LEN_MIN => {
                len = half(len);
            }
            answer => return answer,
        }
    }
}

fn half(len: RingLen) -> RingLen {
    let bytes = (len.bytes() / 2 / 16 * 16).max(wire::RING_LEN_MIN);
    // Between two lengths that are right.
    RingLen::check(bytes).unwrap_or(len)
}
