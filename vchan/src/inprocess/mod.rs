//! A platform inside one process: domains whose grants, event channels and store are tables on the
//! heap. For tests, and for who embeds both sides.
//!
//! ```
//! use std::time::Duration;
//! use vchan::inprocess::{AllowAll, Hub};
//! use vchan::{Client, Server};
//!
//! let (one, two) = (vchan::DomainId::new(1).unwrap(), vchan::DomainId::new(2).unwrap());
//! let hub = Hub::new(AllowAll);
//! let (server, client) = (hub.domain(one), hub.domain(two));
//! let mut server = Server::new(two).listen(&server, 7)?;
//! let mut client = Client::new(one).connect(&client, 7)?;
//! client.send(b"hello", None)?;
//! let mut hello = [0; 5];
//! server.recv(&mut hello, Some(Duration::from_secs(5)))?;
//! assert_eq!(&hello, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod domain;
mod hub;
mod memory;
mod policy;
mod port;
mod store;

pub use domain::Domain;
pub use hub::{Hub, Limits};
pub use memory::Pages;
pub use policy::{AllowAll, Policy};
pub use port::Channel;
pub use store::Watch;
pub use xen_services::grants::Limits as GrantLimits;
pub use xen_services::store::{Access as StoreAccess, Quota as StoreQuota};
