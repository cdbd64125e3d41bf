//! RSTs to those who speak to no connection of ours.
//!
//! They are a courtesy: what a full ring or a full queue does not take is dropped, so that a peer
//! that provokes them without end gets nothing by it.

use std::collections::VecDeque;
use std::sync::Arc;

use argo_core::abi::SendAddr;
use argo_core::platform::Link;
use argo_stream::wire::{self, Flags};

use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::{Inner, Urgency};

/// RSTs to one domain that wait to be sent; further ones are dropped.
const PER_DOMAIN: usize = 16;
/// RSTs in all that wait to be sent.
const IN_ALL: usize = 256;

/// An RST.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) conid: u32,
}

#[derive(Default)]
pub(crate) struct Replies {
    queue: VecDeque<Reply>,
    /// A chore sends them.
    busy: bool,
}

impl Inner {
    /// Sends an RST, if it can.
    pub(super) fn reply(self: &Arc<Self>, reply: Reply) {
        let mut replies = self.replies.lock();
        let same = replies.queue.iter().filter(|other| other.to.domain == reply.to.domain).count();
        if same >= PER_DOMAIN || replies.queue.len() >= IN_ALL {
            return;
        }
        replies.queue.push_back(reply);
        let start = !std::mem::replace(&mut replies.busy, true);
        drop(replies);
        if start {
            self.begin_chore(Urgency::Idle, send_all(self.clone()));
        }
    }

    fn next_reply(&self) -> Option<Reply> {
        let mut replies = self.replies.lock();
        let next = replies.queue.pop_front();
        replies.busy = next.is_some();
        next
    }
}

async fn send_all(inner: Arc<Inner>) {
    while let Some(Reply { from, to, conid }) = inner.next_reply() {
        let head = wire::head(Flags::RST, conid);
        let Ok(mut buffer) = Buffer::with_capacity(&inner, head.len()) else { continue };
        buffer.append(&head, head.len());
        let addresses = SendAddr { src: from.raw(), dst: to.raw() };
        let call = buffer.call(&addresses, wire::STREAM, Link::None);
        // Undelivered is undelivered.
        let _ = inner.call(call, buffer.into_chunk()).await;
    }
}
