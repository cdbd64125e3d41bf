//! Captures: messages as they are sent, for Wireshark; docs/capture.md describes them.
//!
//! Over the capture socket a client sends one line, [`Wanted`] as JSON. argod answers with one,
//! `{"ok": null}` or `{"error": "…"}`, and then sends [`Frame`]s until either side hangs up.
//! [`Pcapng`] makes a file of them.

mod frame;
mod pcapng;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use frame::{Frame, Told};
pub use pcapng::{ARGO_HEADER, Pcapng, VSOCK_HEADER};

/// The most bytes of a payload that are captured.
pub const SNAPLEN_MAX: u32 = 1 << 20;
/// Bytes of a payload that are captured if nothing else is said.
pub const SNAPLEN_DEFAULT: u32 = 4096;

/// Which messages somebody wants. What is `None` is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// From this domain, by name or id.
    pub from: Option<String>,
    /// To this domain.
    pub to: Option<String>,
    /// From or to this domain.
    pub domain: Option<String>,
    /// From or to this port.
    pub port: Option<u32>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Bytes of each payload, at most [`SNAPLEN_MAX`].
    pub snaplen: u32,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is in its receiver's ring.
    Delivered,
    /// It is not.
    Refused,
}
