//! How a channel begins and ends in the shared page.

use core::sync::atomic::Ordering;

use crate::geometry::{Geometry, GeometryError};
use crate::layout::{LIVE_AWAITED, LIVE_CONNECTED, LIVE_GONE, Ring, Word};
use crate::memory::SharedPage;
use crate::notify::{Notify, Signal};
use crate::role::Role;

/// The server's start: fills a fresh page, before anybody is told of it.
///
/// The page must be zero, since whatever else stands in it is shown to the client. The grant list
/// is the caller's to fill ([`Word::grant`]).
pub fn start_server<M: SharedPage + ?Sized>(page: &M, geometry: Geometry) {
    for ring in [Ring::Left, Ring::Right] {
        page.store(Word::cons(ring), 0, Ordering::Relaxed);
        page.store(Word::prod(ring), 0, Ordering::Relaxed);
    }
    page.store(Word::ORDERS, geometry.to_word(), Ordering::Relaxed);
    page.store_flag(Role::Server.notify(), 0, Ordering::Relaxed);
    page.store_flag(Role::Client.notify(), Notify::Write.bit(), Ordering::Relaxed);
    page.store_flag(Role::Client.live(), LIVE_AWAITED, Ordering::Relaxed);
    page.store_flag(Role::Server.live(), LIVE_CONNECTED, Ordering::Release);
}

/// The client's first look: the orders, read once and checked. From here on the result is used and
/// the page's orders never again.
///
/// # Errors
/// The server put an illegal pair of orders there.
pub fn read_geometry<M: SharedPage + ?Sized>(page: &M) -> Result<Geometry, GeometryError> {
    Geometry::from_word(page.load(Word::ORDERS, Ordering::Acquire))
}

/// The client's start, once it has mapped the rings: says that it is there and asks for signals.
/// The server waits for this one, so the answer is always [`Signal::Needed`].
pub fn start_client<M: SharedPage + ?Sized>(page: &M) -> Signal {
    page.store_flag(Role::Server.notify(), Notify::Write.bit(), Ordering::Relaxed);
    page.store_flag(Role::Client.live(), LIVE_CONNECTED, Ordering::Release);
    Signal::Needed
}

/// Closes this side: unmap the memory, then signal. The peer can still read what was written.
pub fn leave<M: SharedPage + ?Sized>(page: &M, role: Role) -> Signal {
    // Release pairs with the Acquire in `Presence::of_peer`: the indexes come before the 0.
    page.store_flag(role.live(), LIVE_GONE, Ordering::Release);
    Signal::Needed
}
