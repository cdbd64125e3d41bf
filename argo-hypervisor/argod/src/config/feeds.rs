//! Where `argod` tells what happens: the audit stream and captures. What has no section is not told.

use std::path::Path;

use toml::Spanned;

use super::read::{Reader, integer};
use super::seen::Seen;
use super::socket::Socket;

/// The most events that the audit stream keeps.
pub const HISTORY_MAX: u32 = 65_536;
const HISTORY_DEFAULT: u32 = 1024;

/// The audit stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Where it is read.
    pub socket: Socket,
    /// Events that are kept for who comes later.
    pub history: u32,
}

impl Audit {
    pub(super) fn read(root: &mut Reader<'_>, dir: &Path, seen: &mut Seen) -> Option<Self> {
        let history = |table: &mut Reader<'_>| {
            table.or("history", integer(0..=HISTORY_MAX.into()), HISTORY_DEFAULT)
        };
        let (socket, history) = read_section(root, "audit", dir, seen, history)?;
        Some(Self { socket, history })
    }
}

pub(super) fn read_capture(root: &mut Reader<'_>, dir: &Path, seen: &mut Seen) -> Option<Socket> {
    read_section(root, "capture", dir, seen, |_| ()).map(|(socket, ())| socket)
}

/// A section with a socket, which is named after it unless it says otherwise, and with `more`.
fn read_section<T>(
    root: &mut Reader<'_>,
    key: &'static str,
    dir: &Path,
    seen: &mut Seen,
    more: impl FnOnce(&mut Reader<'_>) -> T,
) -> Option<(Socket, T)> {
    let place = root.place(key)?;
    let mut table = root.table(key)?;
    let default = Spanned::new(place, dir.join(format!("{key}.sock")));
    let socket = Socket::read(&mut table, Some(default));
    seen.socket(root.report, socket.as_ref());
    let more = more(&mut table);
    table.finish();
    Some((socket?.into_inner(), more))
}
