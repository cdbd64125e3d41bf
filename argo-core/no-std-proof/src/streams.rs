//! What a unikernel with streams does.

use argo_core::{DomainId, Port};
use argo_stream::wire::{HEAD, STREAM};
use argo_stream::{Admission, Arrival, Backlog, Endpoint, Knock, Limits};

/// Whether a listener without requests queues one that says these flags and this id.
#[unsafe(no_mangle)]
pub extern "C" fn argo_stream_request(flags: u32, conid: u32) -> bool {
    queued(flags, conid).unwrap_or(false)
}

fn queued(flags: u32, conid: u32) -> Option<bool> {
    let source = Endpoint { domain: DomainId::new(1)?, port: Port(7) };
    let mut head = [0; HEAD as usize];
    head[..4].copy_from_slice(&flags.to_le_bytes());
    head[4..].copy_from_slice(&conid.to_le_bytes());
    let arrival = Arrival { source, message_type: STREAM, len: HEAD, head: &head };
    let Knock::Request(request) = Knock::of(&arrival) else { return None };
    let mut backlog = Backlog::new(Limits { waiting: 1, connections: 1 });
    if backlog.admit(source.domain) == Admission::Admitted {
        backlog.push(request.key, request.kind);
    }
    Some(backlog.contains(request.key))
}
