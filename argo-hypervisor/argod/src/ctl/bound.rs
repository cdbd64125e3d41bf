//! Sockets as subcommands bind them, and what they say where that fails.

use std::time::Duration;

use argo_core::Errno;
use argo_guest::{BindError, BindOptions, Blocking, Datagram, Domain, Partner, Port};

use super::Failure;

/// Bound to this port, or to any.
pub(super) fn from(port: Option<Port>) -> BindOptions {
    port.map_or_else(BindOptions::any_port, BindOptions::port)
}

pub(super) fn bind(domain: &Domain, how: BindOptions) -> Result<Datagram, Failure> {
    Datagram::bind_blocking(domain, how).map_err(|error| Failure::failed(explain(&error)))
}

pub(super) fn patient(socket: &Datagram, timeout: Option<Duration>) -> Blocking<'_> {
    timeout.map_or_else(|| socket.blocking(), |timeout| socket.blocking_for(timeout))
}

/// Who may send to a ring with this partner.
pub(super) fn whom(partner: Partner) -> String {
    match partner {
        Partner::Any => "every domain".into(),
        Partner::Domain(domain) => format!("domain {domain}"),
    }
}

fn explain(error: &BindError) -> String {
    match error {
        BindError::PartnerAway { partner, errno: Errno::ESRCH } => {
            format!("there is no {}", whom(*partner))
        }
        BindError::PartnerAway { partner, errno } => {
            let whom = whom(*partner);
            format!("{whom} does not use Argo now: no process is attached to it ({errno:?})")
        }
        BindError::Denied { port, partner } => {
            let hook = match partner {
                Partner::Any => "hook register_any_source",
                Partner::Domain(_) => {
                    "hook register_single_source; sending needs it too, for the answers"
                }
            };
            let whom = whom(*partner);
            format!("policy refuses a ring on port {port} that {whom} may send to ({hook})")
        }
        BindError::InUse { port, partner } => {
            let whom = whom(*partner);
            format!("port {port} is in use: there is a ring that {whom} may send to")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use argo_guest::DomainId;

    use super::*;

    #[test]
    fn failures_are_told_in_words() {
        let partner = Partner::Domain(DomainId::new(2).unwrap());
        let away = |errno| explain(&BindError::PartnerAway { partner, errno });
        assert_eq!(away(Errno::ESRCH), "there is no domain 2");
        assert!(away(Errno::ECONNREFUSED).starts_with("domain 2 does not use Argo now"));
        let denied = explain(&BindError::Denied { port: Port(7), partner: Partner::Any });
        assert!(
            denied.starts_with("policy refuses a ring on port 7 that every domain may send to")
        );
        let used = explain(&BindError::InUse { port: Port(7), partner });
        assert_eq!(used, "port 7 is in use: there is a ring that domain 2 may send to");
        assert!(explain(&BindError::Quota { ring_len: 4032 }).contains("4032"));
    }
}
