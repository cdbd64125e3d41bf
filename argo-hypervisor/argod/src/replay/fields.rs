//! One line of a trace as a JSON object whose fields are taken out one by one.
//!
//! Not derived: a derived reader says neither which key came twice nor whether `t` came first,
//! and what it found is not told apart from what it expected.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// Most characters of the file's own text that an error repeats.
const MAX_QUOTED_CHARS: usize = 80;

/// Domain ids lie below this; the reserved ones begin here.
const FIRST_RESERVED_ID: u64 = 0x7FF0;

/// What was wrong with a line.
#[derive(Debug)]
pub(super) struct Wrong {
    pub found: String,
    pub expected: String,
}

impl Wrong {
    pub fn new(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { found: found.into(), expected: expected.into() }
    }

    fn value(key: &str, found: &Value, expected: &str) -> Self {
        Self::new(format!("{key:?}: {}", shown(&found.to_string())), format!("{key:?}: {expected}"))
    }
}

/// The fields of a record that nobody has taken yet, in the order of the file.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads a line that holds exactly one object in which no key comes twice.
    pub fn read(line: &str) -> Result<Self, Wrong> {
        let fields: Self = serde_json::from_str(line).map_err(|error| not_json(&error))?;
        let mut keys: Vec<&str> = fields.0.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Wrong::new(format!("{} twice", quoted(pair[0])), "each key once")),
            None => Ok(fields),
        }
    }

    /// Takes the kind of the record, which must come first.
    pub fn kind(&mut self) -> Result<String, Wrong> {
        match self.0.first() {
            Some((key, _)) if key == "t" => self.text("t"),
            Some((key, _)) => {
                Err(Wrong::new(format!("first key {}", quoted(key)), "first key \"t\""))
            }
            None => Err(Wrong::new("an empty object", "first key \"t\"")),
        }
    }

    /// Whether this key is still there.
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    pub fn number(&mut self, key: &str, range: RangeInclusive<u64>) -> Result<u64, Wrong> {
        let value = self.take(key)?;
        number_in(&value, &range).ok_or_else(|| Wrong::value(key, &value, &bounds(&range)))
    }

    pub fn signed(&mut self, key: &str) -> Result<i32, Wrong> {
        let value = self.take(key)?;
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| Wrong::value(key, &value, "a whole number of 32 bits with a sign"))
    }

    pub fn id(&mut self, key: &str) -> Result<u16, Wrong> {
        let value = self.take(key)?;
        id_in(&value).ok_or_else(|| Wrong::value(key, &value, "a domain id below 0x7FF0"))
    }

    /// Takes a list of domain ids in ascending order, which may repeat.
    pub fn ascending_ids(&mut self, key: &str) -> Result<Vec<u16>, Wrong> {
        let value = self.take(key)?;
        let ids = list(&value, id_in).filter(|ids| ids.is_sorted());
        ids.ok_or_else(|| Wrong::value(key, &value, "domain ids below 0x7FF0, ascending"))
    }

    pub fn numbers(&mut self, key: &str, range: RangeInclusive<u64>) -> Result<Vec<u64>, Wrong> {
        let value = self.take(key)?;
        let numbers = list(&value, |item| number_in(item, &range));
        let expected = || format!("a list, each item {}", bounds(&range));
        numbers.ok_or_else(|| Wrong::value(key, &value, &expected()))
    }

    pub fn flag(&mut self, key: &str) -> Result<bool, Wrong> {
        let value = self.take(key)?;
        value.as_bool().ok_or_else(|| Wrong::value(key, &value, "true or false"))
    }

    pub fn text(&mut self, key: &str) -> Result<String, Wrong> {
        match self.take(key)? {
            Value::String(text) => Ok(text),
            value => Err(Wrong::value(key, &value, "a string")),
        }
    }

    pub fn bytes(&mut self, key: &str) -> Result<Vec<u8>, Wrong> {
        let value = self.take(key)?;
        let bytes = value.as_str().and_then(from_hex);
        bytes.ok_or_else(|| Wrong::value(key, &value, "whole bytes in lower-case hex"))
    }

    /// Ends the record: nothing may be left.
    pub fn finish(self) -> Result<(), Wrong> {
        match self.0.first() {
            Some((key, _)) => {
                Err(Wrong::new(format!("key {}", quoted(key)), "no further key in this record"))
            }
            None => Ok(()),
        }
    }

    fn take(&mut self, key: &str) -> Result<Value, Wrong> {
        match self.0.iter().position(|(name, _)| name == key) {
            Some(index) => Ok(self.0.remove(index).1),
            None => Err(Wrong::new(format!("no key {key:?}"), format!("key {key:?}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Ordered)
    }
}

struct Ordered;

impl<'de> Visitor<'de> for Ordered {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

/// Bytes as lower-case hex.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn number_in(value: &Value, range: &RangeInclusive<u64>) -> Option<u64> {
    value.as_u64().filter(|number| range.contains(number))
}

fn id_in(value: &Value) -> Option<u16> {
    number_in(value, &(0..=FIRST_RESERVED_ID - 1)).and_then(|id| u16::try_from(id).ok())
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(item).collect()
}

fn bounds(range: &RangeInclusive<u64>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

/// Text of the file in quotes, fit for a message.
pub(super) fn quoted(text: &str) -> String {
    shown(&Value::from(text).to_string())
}

/// Cuts text of the file, which may be long and hold what a terminal obeys, to fit a message.
fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().filter(|c| !c.is_control()).take(MAX_QUOTED_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// serde_json counts lines from the start of this line, so only its column is worth telling.
fn not_json(error: &serde_json::Error) -> Wrong {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    Wrong::new(format!("{}, column {}", shown(what), error.column()), "one JSON object")
}
