//! What the symbols of a record stand for in this run.

use std::collections::BTreeMap;

use super::trace::number;

/// Connection ids that the raw peer chooses, by the number in their symbol.
const RAW_CONIDS: u32 = 0xC0DE_0000;

#[derive(Default)]
pub struct Names {
    ports: BTreeMap<String, u32>,
    conids: BTreeMap<String, u32>,
}

impl Names {
    /// The port behind a symbol or a number, if it is known.
    pub fn port(&self, name: &str) -> Option<u32> {
        let known = self.ports.get(name).copied();
        known.or_else(|| name.starts_with("0x").then(|| number(name)))
    }

    /// Whether the port is what the name stands for. A symbol that is new stands for it from now
    /// on; automatic ports begin at 0x8000_0000.
    pub fn meet_port(&mut self, name: &str, port: u32) -> bool {
        match self.port(name) {
            Some(known) => known == port,
            None => {
                self.ports.insert(name.into(), port);
                port >= 0x8000_0000
            }
        }
    }

    /// From now on the name stands for this port.
    pub fn rename_port(&mut self, name: &str, port: u32) {
        self.ports.insert(name.into(), port);
    }

    /// The connection id behind a symbol; the raw peer's own are ready-made.
    pub fn conid(&mut self, name: &str) -> Option<u32> {
        if let Some(digits) = name.strip_prefix('R') {
            let own = RAW_CONIDS + digits.parse::<u32>().unwrap();
            return Some(*self.conids.entry(name.into()).or_insert(own));
        }
        self.conids.get(name).copied()
    }

    /// Whether the id is what the name stands for; a new name stands for it from now on.
    pub fn meet_conid(&mut self, name: &str, conid: u32) -> bool {
        match self.conid(name) {
            Some(known) => known == conid,
            None => {
                self.conids.insert(name.into(), conid);
                true
            }
        }
    }

    /// The symbol of an id.
    pub fn conid_name(&self, conid: u32) -> String {
        let named = self.conids.iter().find(|(_, known)| **known == conid);
        named.map_or_else(|| format!("{conid:#x}"), |(name, _)| name.clone())
    }

    pub fn set_conid(&mut self, name: &str, conid: u32) {
        self.conids.insert(name.into(), conid);
    }
}
