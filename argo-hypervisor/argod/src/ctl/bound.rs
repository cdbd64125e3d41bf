//! Sockets as subcommands bind them, and what they say where that fails.

use std::time::Duration;

use argo_core::Errno;
use argo_guest::stream::{ConnectError, ListenOptions, StreamOptions};
use argo_guest::{
    BindError, BindOptions, Blocking, Datagram, Domain, DomainId, Partner, Port, SendError,
};

use super::Failure;

/// The rings of channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rings {
    /// Their length in bytes, if it is not the usual one.
    pub(super) len: Option<u32>,
    /// How long a connection may take to come about, if not the usual time.
    pub(super) connect_timeout: Option<Duration>,
}

impl Rings {
    /// Of connections.
    pub(super) fn stream(self) -> StreamOptions {
        let options = StreamOptions::new();
        let options = self.len.map_or(options, |len| options.ring_len(len));
        self.connect_timeout.map_or(options, |timeout| options.connect_timeout(timeout))
    }

    /// Of listeners, for everybody or one domain.
    pub(super) fn listen(self, port: Port, partner: Option<DomainId>) -> ListenOptions {
        let options = ListenOptions::port(port).stream(self.stream());
        partner.map_or(options, |partner| options.partner(partner))
    }

    /// Of datagrams, on this port or any.
    pub(super) fn datagram(self, port: Option<Port>) -> BindOptions {
        let options = from(port);
        self.len.map_or(options, |len| options.ring_len(len))
    }
}

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

/// In words, and what to look at.
pub(super) fn explain(error: &BindError) -> String {
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

/// In words, and what to look at.
pub(super) fn explain_connect(error: &ConnectError) -> String {
    match error {
        ConnectError::Refused { to } => {
            format!(
                "connection refused: nobody listens at {to}, or it takes no more connections of \
                 this domain"
            )
        }
        ConnectError::TimedOut { to, after } => {
            format!(
                "no answer from {to} within {after:?}; does it accept connections, and may it send \
                 to this domain (hook send)?"
            )
        }
        ConnectError::Bind(error) => explain(error),
        ConnectError::Send(SendError::Denied { to }) => {
            format!("policy refuses messages to {to} (hook send, or the rules about ports)")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use argo_guest::Address;

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

    #[test]
    fn connections_that_fail_are_told_in_words() {
        let to = Address::new(DomainId::new(2).unwrap(), Port(7));
        let refused = explain_connect(&ConnectError::Refused { to });
        assert!(refused.starts_with("connection refused: nobody listens at 2:7"), "{refused}");
        let denied = explain_connect(&ConnectError::Send(SendError::Denied { to }));
        assert_eq!(denied, "policy refuses messages to 2:7 (hook send, or the rules about ports)");
        let after = Duration::from_secs(5);
        let late = explain_connect(&ConnectError::TimedOut { to, after });
        assert!(late.starts_with("no answer from 2:7 within 5s"), "{late}");
        let bind =
            BindError::PartnerAway { partner: Partner::Domain(to.domain), errno: Errno::ESRCH };
        assert_eq!(explain_connect(&ConnectError::Bind(bind)), "there is no domain 2");
    }
}
