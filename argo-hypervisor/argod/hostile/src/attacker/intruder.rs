//! Opens and drops connections to the domain's socket, at each step of an attachment.

use std::path::Path;
use std::time::Duration;

use argo_core::host::attach::{Hello, Sealed};
use argo_mem::Mapping;
use rustix::net::SocketFlags;
use zerocopy::IntoBytes;

use super::caller::attach;
use super::tally::{Deed, Tally};
use crate::raw::{Raw, RawSession};
use crate::rng::Rng;

/// Sessions that are kept for a while: more than the domain may have, with the caller's.
const KEPT: usize = 6;
/// How long argod is kept waiting: others of the domain wait, too.
const SILENCE: Duration = Duration::from_millis(20);

/// Never ends.
pub fn intrude(socket: &Path, mut rng: Rng, tally: &Tally<'_>) {
    let mut kept = Vec::new();
    loop {
        match rng.below(8) {
            0 => keep(socket, &mut kept, &mut rng, tally),
            1 => flood(socket, &mut rng),
            2..5 => half(socket, &mut rng, tally),
            _ => babble(socket, &mut rng),
        }
        tally.add(Deed::Connections, 1);
    }
}

/// Takes up places; a session of which the process forgets the end is its own affair.
fn keep(socket: &Path, kept: &mut Vec<RawSession>, rng: &mut Rng, tally: &Tally<'_>) {
    match attach(socket) {
        Some(session) => kept.push(session),
        None => tally.add(Deed::Refusals, 1),
    }
    if kept.len() == KEPT || !kept.is_empty() && rng.once_in(4) {
        kept.swap_remove(rng.below(kept.len()));
    }
}

/// Many connections that nobody hears of again.
fn flood(socket: &Path, rng: &mut Rng) {
    for _ in 0..rng.below(64) {
        let _ = Raw::try_connect(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
    }
}

/// Nonsense instead of a Hello.
fn babble(socket: &Path, rng: &mut Rng) {
    let Ok(raw) = Raw::try_connect(socket, SocketFlags::CLOEXEC) else { return };
    let len = rng.one_of(&[0, 1, 15, 16, 17, 1000]);
    let mut hello = Hello::new(rng.number() as u32);
    hello.version = rng.one_of(&[hello.version, 0, u32::MAX]);
    let noise = rng.bytes(len);
    let _ = raw.send_with(rng.one_of(&[hello.as_bytes(), &noise]), &[]);
}

/// An attachment that ends at one step or another, sometimes after a silence.
fn half(socket: &Path, rng: &mut Rng, tally: &Tally<'_>) {
    let Ok(raw) = Raw::try_connect(socket, SocketFlags::CLOEXEC) else { return };
    let Some(offer) = raw.try_hello() else { return };
    tally.add(Deed::Halves, 1);
    let mapped = Mapping::of(&offer.memfd, offer.bytes()).unwrap();
    if rng.once_in(2) {
        Mapping::finish_seals(&offer.memfd).unwrap();
    }
    if rng.once_in(4) {
        std::thread::sleep(SILENCE);
    }
    let wrong = rng.bytes(size_of::<Sealed>());
    let proper = Sealed::MESSAGE.as_bytes().to_vec();
    match rng.below(3) {
        0 => drop(raw.send_with(&wrong, &[])),
        1 => drop(raw.send_with(&proper, &[])),
        _ => {}
    }
    drop(mapped);
}
