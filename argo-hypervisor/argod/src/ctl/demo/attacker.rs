//! The attacker: first tries single things that it may not, then everything at once.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use argo_guest::host::HostSession;
use argo_guest::services::{Entry, Notify, RequestError, Services};
use crossbeam_channel::Receiver;
use serde::{Deserialize, Serialize};

use super::Mishap;
use super::attack::{Trick, attack, prepare};
use super::line::Line;

/// What the attacker is told.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// Make one hypercall. Answer: what it returned.
    Try(Trick),
    /// Attach to a domain that is somebody else's. Answer: why that failed, if it did.
    Intrude(PathBuf),
    /// Map what another domain may have shared, by any of its first 1024 references. Answer: why
    /// the last failed, if all did.
    Map { owner: u32 },
    /// Burn processor time without touching argod, until [`Order::Stop`]. Answer then: nothing.
    Burn,
    /// Attack argod in every way at once, until [`Order::Stop`]. Answer then:
    /// [`Attacked`](super::attack::Attacked).
    Attack,
    /// Stop that.
    Stop,
}

/// Nothing goes on for longer, whatever is told.
const ACT_MAX: Duration = Duration::from_secs(60);

pub(super) fn act(socket: &Path, line: &mut Line) -> Result<(), Mishap> {
    let mut session = Some(HostSession::attach(socket)?);
    let orders = orders()?;
    line.say(&Ok::<_, String>(()))?;
    for order in &orders {
        match order {
            Order::Try(trick) => {
                let session = session.as_ref().ok_or("the session was given up to attack")?;
                prepare(session)?;
                line.say(&Ok::<_, String>(session.call(&trick.call())?))?;
            }
            Order::Intrude(other) => {
                let error = HostSession::attach(other).err().map(|error| error.to_string());
                line.say(&Ok::<_, String>(error))?;
            }
            Order::Map { owner } => line.say(&Ok::<_, String>(map_any(socket, owner)?))?,
            Order::Burn => {
                let stop = until_next(&orders);
                while !stop() {
                    std::hint::spin_loop();
                }
                line.say(&Ok::<_, String>(()))?;
            }
            Order::Attack => {
                // It attaches anew, again and again.
                drop(session.take());
                line.say(&Ok::<_, String>(attack(socket, until_next(&orders))))?;
            }
            // What was to be stopped has stopped because this came.
            Order::Stop => {}
        }
    }
    Ok(())
}

/// Why nothing was mapped; `None`: something was.
fn map_any(socket: &Path, owner: u32) -> Result<Option<String>, Mishap> {
    let services = Services::attach(socket)?;
    let mut why = None;
    for reference in 1..=1024 {
        match services.map(&[Entry { domain: owner, reference }], Notify::NOTHING) {
            Ok(_) => return Ok(None),
            Err(RequestError::Refused { text, .. }) => why = Some(text),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(why)
}

/// Whether an order has come, or it has taken too long.
fn until_next(orders: &Receiver<Order>) -> impl Fn() -> bool {
    let begun = Instant::now();
    move || !orders.is_empty() || begun.elapsed() > ACT_MAX
}

/// The orders, read by a thread of their own: some of them end others.
fn orders() -> io::Result<Receiver<Order>> {
    let mut line = Line::of_stdin()?;
    let (sender, orders) = crossbeam_channel::bounded(1);
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        while let Ok(Some(order)) = line.hear() {
            if sender.send(order).is_err() {
                return;
            }
        }
    })?;
    Ok(orders)
}
