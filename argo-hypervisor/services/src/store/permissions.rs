//! Who may read and write a node.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use argo_core::DomainId;

use super::domain::{Caller, Domains};
use super::guard::Access;
use super::refusal::Refusal;

/// What a domain may do with a node that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    Nothing,
    Read,
    Write,
    Both,
}

/// A node's permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permissions {
    /// May do everything.
    pub(super) owner: DomainId,
    /// For all that are not named.
    others: Rights,
    named: Vec<(DomainId, Rights)>,
    /// When they were set. A domain that came later is another one than that which they name,
    /// though its number is the same.
    since: u64,
}

impl Rights {
    fn new(letter: u8) -> Result<Self, Refusal> {
        Ok(match letter {
            b'n' => Self::Nothing,
            b'r' => Self::Read,
            b'w' => Self::Write,
            b'b' => Self::Both,
            _ => return Err(Refusal::Invalid),
        })
    }

    fn letter(self) -> char {
        match self {
            Self::Nothing => 'n',
            Self::Read => 'r',
            Self::Write => 'w',
            Self::Both => 'b',
        }
    }

    fn allow(self, access: Access) -> bool {
        match access {
            Access::Read => matches!(self, Self::Read | Self::Both),
            Access::Write => matches!(self, Self::Write | Self::Both),
        }
    }
}

impl Permissions {
    /// Nothing for anybody but the owner.
    pub(super) fn private(owner: DomainId, since: u64) -> Self {
        Self { owner, others: Rights::Nothing, named: Vec::new(), since }
    }

    /// Domain 0's, and `reader` may read.
    pub(super) fn readable(reader: DomainId, since: u64) -> Self {
        let named = Vec::from([(reader, Rights::Read)]);
        Self { named, ..Self::private(DomainId::CONTROL, since) }
    }

    /// From the texts of a message: the owner with the rights of all others, then single domains.
    pub(super) fn parse(texts: &[&[u8]], since: u64) -> Result<Self, Refusal> {
        let mut entries = texts.iter().map(|text| parse_entry(text));
        let (owner, others) = entries.next().ok_or(Refusal::Invalid)??;
        Ok(Self { owner, others, named: entries.collect::<Result<_, _>>()?, since })
    }

    /// What a node made by `creator` below a node with these permissions gets.
    pub(super) fn inherited(&self, creator: Caller, domains: &Domains, since: u64) -> Self {
        let owner = if creator.is_privileged() { self.owner } else { creator.domain };
        let named = self.current(domains).collect();
        Self { owner, others: self.others, named, since }
    }

    pub(super) fn allow(&self, caller: Caller, access: Access) -> bool {
        if self.is_owner(caller) {
            return true;
        }
        let named = self.named.iter().find(|(domain, _)| *domain == caller.domain);
        match named {
            Some((_, rights)) if caller.since <= self.since => rights.allow(access),
            _ => self.others.allow(access),
        }
    }

    /// Whether the caller has an owner's rights.
    pub(super) fn is_owner(&self, caller: Caller) -> bool {
        caller.is_privileged() || self.owner == caller.domain
    }

    /// Whether the owner is a domain that was there when they were set, and still is.
    pub(super) fn owner_is_current(&self, domains: &Domains) -> bool {
        domains.is_current(self.owner, self.since)
    }

    /// Bytes of memory of the entries for single domains.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.named.as_slice())
    }

    /// As the texts of a message, each with a zero at its end.
    pub(super) fn render(&self, domains: &Domains) -> String {
        let entry = |(domain, rights): (DomainId, Rights)| format!("{}{domain}\0", rights.letter());
        core::iter::once((self.owner, self.others))
            .chain(self.current(domains))
            .map(entry)
            .collect()
    }

    fn current(&self, domains: &Domains) -> impl Iterator<Item = (DomainId, Rights)> {
        self.named.iter().copied().filter(|(domain, _)| domains.is_current(*domain, self.since))
    }
}

fn parse_entry(text: &[u8]) -> Result<(DomainId, Rights), Refusal> {
    let (letter, number) = text.split_first().ok_or(Refusal::Invalid)?;
    Ok((parse_domain(number)?, Rights::new(*letter)?))
}

/// The domain of this decimal number.
pub(super) fn parse_domain(number: &[u8]) -> Result<DomainId, Refusal> {
    let text = core::str::from_utf8(number).map_err(|_| Refusal::Invalid)?;
    text.parse().ok().and_then(DomainId::new).ok_or(Refusal::Invalid)
}
