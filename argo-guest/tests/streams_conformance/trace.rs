//! The recorded exchanges: `../conformance/streams.jsonl`, described in `STREAMS.md` beside it.

use serde::Deserialize;

const FILE: &str = include_str!("../conformance/streams.jsonl");

/// One exchange between the driver and a raw peer.
#[derive(Deserialize)]
pub struct Scenario {
    pub id: String,
    pub evidence: Evidence,
    pub steps: Vec<Step>,
}

/// Whether it was observed or only read in the driver's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    Ran,
    ReadNotRun,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum Step {
    Message(Message),
    Call(Box<Call>),
    Note { note: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Direction {
    #[serde(rename = "driver->raw")]
    FromDriver,
    #[serde(rename = "raw->driver")]
    ToDriver,
}

/// A message, with the symbols of the record for what differs from run to run.
#[derive(Deserialize)]
pub struct Message {
    pub dir: Direction,
    pub src_port: String,
    pub dst_port: String,
    pub message_type: String,
    /// Bytes behind the ring's message header.
    pub len: u32,
    #[serde(default)]
    flags: Option<String>,
    #[serde(default)]
    pub conid: Option<String>,
    /// What sendv returned, if the raw peer sent it.
    #[serde(default)]
    pub xen_result: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    Driver,
    Raw,
}

/// A call of the driver's user, or of the raw peer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    pub sock: String,
    pub port: Option<String>,
    pub partner: Option<String>,
    pub domain: Option<String>,
    pub ring_len: u32,
    pub size: u32,
    pub rc: i64,
    pub on: serde_json::Value,
    pub dst_dom: u16,
    pub dst_port: Option<String>,
    pub dom: u16,
    pub space: u32,
    pub flags: Option<String>,
    pub max_message_size: u32,
    pub was: u32,
    pub len: usize,
    pub buf_len: usize,
    pub head: Option<String>,
    pub buf16: Option<String>,
    pub src_dom: u16,
    pub src_port: Option<String>,
    pub ret: serde_json::Value,
    pub errno: Option<String>,
    pub new: Option<String>,
    pub peer_dom: u16,
    pub peer_port: Option<String>,
    pub revents: Option<String>,
    /// Milliseconds that passed, where it was a second or more.
    pub ms_about: Option<u64>,
}

#[derive(Deserialize)]
pub struct Call {
    pub who: Who,
    pub op: String,
    #[serde(flatten)]
    pub fields: Fields,
}

impl Message {
    pub fn message_type(&self) -> u32 {
        number(&self.message_type)
    }

    /// The flags of a message that has a stream's head.
    pub fn flags(&self) -> Option<u32> {
        self.flags.as_deref().map(number)
    }
}

impl Fields {
    /// What the call returned, if that was a number.
    pub fn ret(&self) -> Option<i64> {
        self.ret.as_i64()
    }

    pub fn flags(&self) -> u32 {
        self.flags.as_deref().map_or(0, number)
    }

    /// Whether a mode was switched on.
    pub fn is_on(&self) -> bool {
        self.on == 1
    }
}

/// The scenarios, without the line that describes the format.
pub fn scenarios() -> Vec<Scenario> {
    let lines = FILE.lines().skip(1);
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A hexadecimal number with its prefix.
pub fn number(text: &str) -> u32 {
    let digits = text.strip_prefix("0x").unwrap();
    u32::from_str_radix(digits, 16).unwrap()
}

/// The byte of the pattern that all recorded payloads follow.
pub fn pattern(at: usize) -> u8 {
    at.wrapping_mul(7).wrapping_add(at >> 8) as u8
}
