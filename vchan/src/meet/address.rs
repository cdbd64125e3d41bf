//! Where a channel is found.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use argo_core::DomainId;

use crate::platform::{GrantRef, Port};

/// Where in the store a server leaves its two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A number, the place being `/local/domain/<server>/data/vchan/<client>/<number>`, where a
    /// server may write by default.
    Port(u32),
    /// Any path, without a slash at its end.
    Path(String),
}

impl Address {
    /// The path, for these two domains.
    pub fn path(&self, server: DomainId, client: DomainId) -> String {
        match self {
            Address::Port(port) => format!("/local/domain/{server}/data/vchan/{client}/{port}"),
            Address::Path(path) => path.clone(),
        }
    }
}

impl From<u32> for Address {
    fn from(port: u32) -> Address {
        Address::Port(port)
    }
}

impl From<&str> for Address {
    fn from(path: &str) -> Address {
        Address::Path(path.to_owned())
    }
}

impl From<String> for Address {
    fn from(path: String) -> Address {
        Address::Path(path)
    }
}

/// What a client must know of its server's channel: the values of the two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The shared page.
    pub page: GrantRef,
    /// The server's port, unbound.
    pub port: Port,
}
