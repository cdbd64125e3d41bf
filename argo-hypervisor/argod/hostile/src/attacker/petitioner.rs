//! Asks for services without end: what could be meant, and garbage. The answers matter to nobody.

use std::path::Path;

use argo_core::host::services::{
    Access, Bind, Entry, Handle, Hello, Map, NONE, Notify, Op, PAGES_MAX, Request, Share,
};
use argo_core::xenstore::Header;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, recv, send};
use zerocopy::IntoBytes;

use super::tally::{Deed, Tally};
use crate::places::{ACCOMPLICE, LEFT, MALLORY, STORE};
use crate::raw::Raw;
use crate::rng::Rng;

/// Connections at a time.
const CONNECTIONS: usize = 4;
const PAGES: [u32; 8] = [1, 1, 2, 8, 64, PAGES_MAX, PAGES_MAX + 1, 0];
const DOMAINS: [u16; 5] = [MALLORY, MALLORY, ACCOMPLICE, ACCOMPLICE, LEFT];

/// Never ends.
pub fn ask(socket: &Path, mut rng: Rng, tally: &Tally<'_>) {
    let mut connections: Vec<Raw> = Vec::new();
    loop {
        connections.extend(connect(socket));
        while connections.len() == CONNECTIONS || !connections.is_empty() && !rng.once_in(16) {
            let chosen = rng.below(connections.len());
            let is_over = pester(&connections[chosen], &mut rng, tally).is_err();
            if is_over || rng.once_in(64) {
                connections.swap_remove(chosen);
            }
        }
    }
}

fn connect(socket: &Path) -> Option<Raw> {
    let raw = Raw::try_connect(socket, SocketFlags::CLOEXEC).ok()?;
    raw.send_with(Hello::for_services().as_bytes(), &[]).ok()?;
    Some(raw)
}

/// A few requests, after which some answers may be thrown away.
fn pester(raw: &Raw, rng: &mut Rng, tally: &Tally<'_>) -> Result<(), Errno> {
    for _ in 0..rng.below(32) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(&raw.socket, &packet(rng), flags) {
            Ok(_) => tally.add(Deed::Requests, 1),
            Err(Errno::AGAIN) => return wait_for_room(raw),
            Err(errno) => return Err(errno),
        }
    }
    if !rng.once_in(8) {
        while matches!(recv(&raw.socket, &mut [0; 64], RecvFlags::DONTWAIT), Ok((_, 1..))) {}
    }
    Ok(())
}

/// A little: who never waited would have hung up before argod came to look.
fn wait_for_room(raw: &Raw) -> Result<(), Errno> {
    let patience = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    poll(&mut [PollFd::new(&raw.socket, PollFlags::OUT)], Some(&patience)).map(drop)
}

fn packet(rng: &mut Rng) -> Vec<u8> {
    if rng.once_in(50) {
        let len = rng.one_of(&[1, 7, 8, 64, 1000]);
        return rng.bytes(len);
    }
    let op = 1 + rng.below(10) as u32;
    let mut body = body(op, rng);
    if rng.once_in(20) {
        let at = rng.below(body.len());
        body[at] = rng.number() as u8;
    }
    [Request { op, tag: rng.number() as u32 }.as_bytes(), &body].concat()
}

/// Numbers of shares, maps and ports are small: a guess often meets one.
fn body(op: u32, rng: &mut Rng) -> Vec<u8> {
    let (domain, number) = (rng.one_of(&DOMAINS).into(), rng.below(64) as u32);
    let access = rng.one_of(&[Access::Read, Access::Write]) as u32;
    match Op::new(op) {
        Some(Op::Share) => {
            let (pages, notify) = (rng.one_of(&PAGES), promise(rng));
            Share { to: domain, access, pages, notify }.as_bytes().to_vec()
        }
        Some(Op::Map) => {
            let entries = 1 + rng.below(4) as u32;
            let map = Map { access, entries, notify: promise(rng) };
            // A share's first reference is its number times what a share may have of pages.
            let entry = |next| Entry { domain, reference: number * PAGES_MAX + next };
            let listed = (0..entries).flat_map(|next| entry(next).as_bytes().to_vec());
            map.as_bytes().iter().copied().chain(listed).collect()
        }
        Some(Op::AllocUnbound) => Handle { number: domain }.as_bytes().to_vec(),
        Some(Op::BindInterdomain) => Bind { remote: domain, port: number }.as_bytes().to_vec(),
        Some(Op::Store) => message(rng),
        _ => Handle { number }.as_bytes().to_vec(),
    }
}

/// What shall happen at a share's or map's end.
fn promise(rng: &mut Rng) -> Notify {
    let offset = rng.one_of(&[NONE, 0, 4095, 4096]);
    let port = rng.one_of(&[NONE, 1, 2, 40]);
    Notify { offset, port }
}

/// Something for the store, below the only path where it may write, or anywhere.
fn message(rng: &mut Rng) -> Vec<u8> {
    let numbered = format!("{STORE}/{}/{}", rng.below(40), rng.below(40));
    let path = rng.one_of(&[STORE, &numbered, &numbered, "/local/domain/1/data", "/", "", "//a"]);
    let payload = rng.one_of(&["\0value", "\0", "\0token\0", "", "\0n4\0"]);
    let payload = [path, payload].concat();
    let len = payload.len() as u32;
    let kind = rng.below(24) as u32;
    let head = Header { kind, request: 5, transaction: rng.one_of(&[0, 0, 1, 2]), len };
    [head.as_bytes(), payload.as_bytes()].concat()
}
