//! How the two sides come together: the server shares pages and a port and says where, the client
//! takes them up.

mod address;
mod client;
mod keys;
mod server;

pub use address::{Address, Meeting};
pub use client::{Client, ConnectError};
pub use server::{ListenError, Server};
