//! What the raw peer's messages carry, and what those of our library must carry.

use std::collections::BTreeMap;

use super::names::Names;
use super::raw::Taken;
use super::replay::STREAM;
use super::trace::{Message, pattern};

/// What the raw peer's datagrams carry, in the order of the record, where that is no pattern.
const TEXTS: &[(&str, &[&str])] = &[
    (
        "g1",
        &[
            "hello world",
            "hello world",
            "hello world",
            "hello world",
            "abc",
            "",
            "bad?",
            "bad!",
            "good",
            "zero",
            "a",
            "b",
            "b",
            "wake",
            "no",
        ],
    ),
    ("g3", &["fromB", "fromA", "fromB", "fromB", "fromA", "fromA", "fromA"]),
    ("g6", &["who"]),
    ("i9", &["12340000", "ok", "no", "yes", "old"]),
];

pub struct Payloads {
    /// What the next datagrams carry.
    texts: Vec<&'static str>,
    /// How many messages of ten bytes went to each connection.
    tens: BTreeMap<u32, usize>,
    /// How far the pattern has come in what our library sent, for each connection.
    received: BTreeMap<u32, usize>,
}

impl Payloads {
    pub fn new(scenario: &str) -> Self {
        let texts = TEXTS.iter().find(|(id, _)| *id == scenario);
        let texts = texts.map_or(Vec::new(), |(_, texts)| texts.iter().rev().copied().collect());
        Self { texts, tens: BTreeMap::new(), received: BTreeMap::new() }
    }

    /// The payload of a message of the raw peer.
    pub fn of(&mut self, message: &Message, names: &mut Names) -> Vec<u8> {
        let len = message.len as usize;
        if let Some(text) = self.texts.pop() {
            assert_eq!(text.len(), len);
            return text.into();
        }
        let conid = message.conid.as_deref().and_then(|conid| names.conid(conid));
        let (Some(flags), Some(conid)) = (message.flags(), conid) else {
            return (0..len).map(pattern).collect();
        };
        let start = self.start(conid, len - 8);
        let head = [flags.to_le_bytes(), conid.to_le_bytes()].concat();
        head.into_iter().chain((start..start + len - 8).map(pattern)).collect()
    }

    /// The recorded messages begin with the pattern's start, those of ten bytes 16 bytes further
    /// on each time.
    fn start(&mut self, conid: u32, len: usize) -> usize {
        if len != 10 {
            return 0;
        }
        let sent = self.tens.entry(conid).or_default();
        *sent += 1;
        (*sent - 1) * 16
    }

    /// Each write of the pattern begins at its start.
    pub fn check(&mut self, taken: &Taken) -> Result<(), String> {
        let data = match (taken.message_type, taken.conid()) {
            (STREAM, Some(_)) => &taken.payload[8..],
            _ => &taken.payload[..],
        };
        let at = self.received.entry(taken.conid().unwrap_or(0)).or_default();
        if data.first() == Some(&pattern(0)) && data.get(1).is_none_or(|next| *next == pattern(1)) {
            *at = 0;
        }
        for byte in data {
            if *byte != pattern(*at) {
                return Err(format!("byte {at} of the pattern is {byte:#x}"));
            }
            *at += 1;
        }
        Ok(())
    }
}
