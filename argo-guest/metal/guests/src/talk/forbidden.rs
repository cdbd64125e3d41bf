//! A guest that may not talk to another, as under Xen's mode "silo".

use argo_core::Errno;
use argo_guest::{Address, BindError, BindOptions, Datagram, Domain, DomainId, SendError};

use super::DATAGRAMS;
use crate::{PATIENCE, Report};

/// Tries to receive from that domain, and to send to it.
pub fn forbidden(domain: &Domain, other: DomainId, report: &mut Report<'_>) {
    let refused = Datagram::bind_blocking(domain, BindOptions::port(DATAGRAMS).partner(other));
    report.check("no ring for the other domain", refused.err().is_some_and(not_permitted));
    let own = domain.id();
    let socket = match Datagram::bind_blocking(domain, BindOptions::port(DATAGRAMS).partner(own)) {
        Ok(socket) => socket,
        Err(error) => return report.broken("a ring for oneself", error),
    };
    let sent =
        socket.blocking_for(PATIENCE).send_to(b"x", Address { domain: other, port: DATAGRAMS });
    let refused = matches!(
        sent,
        Err(SendError::Denied { .. } | SendError::Refused { errno: Errno::EPERM, .. })
    );
    report.check("no message to the other domain", refused);
    if refused {
        report
            .note(format_args!("Xen allows it with xsm=dummy on its command line, for all guests"));
    }
    let sent = socket.blocking_for(PATIENCE).send_to(b"x", socket.local_addr());
    report.equal("a message to oneself", sent, Ok(1));
}

fn not_permitted(error: BindError) -> bool {
    matches!(error, BindError::Denied { .. } | BindError::Refused(Errno::EPERM))
}
