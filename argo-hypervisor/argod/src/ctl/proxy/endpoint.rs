//! Ends of a proxy, as people write them.

use std::fmt;
use std::path::PathBuf;

use argo_guest::{Address, Port};

use crate::ctl::values;

/// Where connections come in or go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<A> {
    /// A port of Argo's.
    Argo(A),
    /// A Unix socket.
    Unix(PathBuf),
    /// A host and a port.
    Tcp(String),
}

/// Where to listen.
pub(super) fn listen(text: &str) -> Result<Endpoint<Port>, String> {
    parse(text, values::port, "argo:PORT")
}

/// Where to connect to.
pub(super) fn to(text: &str) -> Result<Endpoint<Address>, String> {
    parse(text, values::address, "argo:DOMAIN:PORT")
}

fn parse<A>(
    text: &str,
    argo: impl Fn(&str) -> Result<A, String>,
    form: &str,
) -> Result<Endpoint<A>, String> {
    match text.split_once(':') {
        Some(("argo", rest)) => argo(rest).map(Endpoint::Argo),
        Some(("unix", path)) if !path.is_empty() => Ok(Endpoint::Unix(path.into())),
        Some(("tcp", place)) if has_port(place) => Ok(Endpoint::Tcp(place.to_owned())),
        _ => Err(format!("expected {form}, unix:PATH or tcp:HOST:PORT")),
    }
}

fn has_port(place: &str) -> bool {
    place
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl<A> Endpoint<A> {
    /// Whether it is a port of Argo's.
    pub(super) fn is_argo(&self) -> bool {
        matches!(self, Self::Argo(_))
    }
}

impl<A: fmt::Display> fmt::Display for Endpoint<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argo(port) => write!(f, "argo:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(place) => write!(f, "tcp:{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_they_are_shown() {
        for text in ["argo:7", "unix:/run/x.sock", "tcp:127.0.0.1:80", "tcp:[::1]:80"] {
            assert_eq!(listen(text).unwrap().to_string(), text);
        }
        assert_eq!(to("argo:2:7").unwrap().to_string(), "argo:2:7");
        for wrong in ["", "7", "argo:", "argo:2:7", "unix:", "tcp:80", "tcp::80", "tcp:h:http"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
        assert!(to("argo:7").is_err());
    }
}
