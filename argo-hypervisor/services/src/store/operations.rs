//! What can be asked of nodes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use argo_core::xenstore::{Kind, PAYLOAD_MAX};

use super::guard::Access;
use super::message::Payload;
use super::node::Node;
use super::path::{Path, Special};
use super::permissions::Permissions;
use super::refusal::Refusal;
use super::session::Session;

/// What follows the header of an answer that tells no more than that it was done.
pub(super) const OK: &[u8] = b"OK\0";

impl Session<'_> {
    /// Does what a message about nodes asks; what the answer's header is followed by.
    pub(super) fn perform(&mut self, kind: Kind, payload: Payload) -> Result<Vec<u8>, Refusal> {
        match kind {
            Kind::Directory => self.directory(payload),
            Kind::DirectoryPart => self.directory_part(payload),
            Kind::Read => self.read(payload),
            Kind::GetPerms => self.permissions(payload),
            Kind::Write => self.write(payload),
            Kind::Mkdir => self.mkdir(payload),
            Kind::Rm => self.rm(payload),
            Kind::SetPerms => self.set_permissions(payload),
            _ => Err(Refusal::Unsupported),
        }
    }

    fn directory(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let path = self.path(payload.only()?)?;
        let names = self.names(&path)?;
        if names.len() > PAYLOAD_MAX { Err(Refusal::TooBig) } else { Ok(names) }
    }

    /// The names from an offset in bytes on, as many as fit, after the list's generation. An empty
    /// name ends the list.
    fn directory_part(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let (path, offset) = payload.two()?;
        let offset = core::str::from_utf8(offset).ok().and_then(|text| text.parse().ok());
        let offset: usize = offset.ok_or(Refusal::Invalid)?;
        let path = self.path(path)?;
        let names = self.names(&path)?;
        let generation = self.tree.slot(&path).map_or(0, |slot| slot.listing);
        let mut part = alloc::format!("{generation}\0").into_bytes();
        let rest = names.get(offset..).unwrap_or_default();
        let room = PAYLOAD_MAX.saturating_sub(part.len()).saturating_sub(1);
        let fitting = whole_names(rest, room);
        part.extend_from_slice(fitting);
        if fitting.len() == rest.len() {
            part.push(0);
        }
        Ok(part)
    }

    fn read(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let path = self.path(payload.only()?)?;
        Ok(self.existing(&path, Access::Read)?.value.to_vec())
    }

    fn permissions(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let path = self.path_or_special(payload.only()?)?;
        let node = self.existing(&path, Access::Read)?;
        Ok(node.permissions.render(self.domains).into_bytes())
    }

    fn write(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let (path, value) = payload.first()?;
        let path = self.path(path)?;
        let node = self.writable(&path)?;
        if value.len() > self.quota.value {
            return Err(Refusal::QuotaUsedUp);
        }
        match node {
            Some(node) => {
                let permissions = node.permissions.clone();
                self.replace(&path, Node { value: value.into(), permissions })?;
            }
            None => self.make(&path, value.into())?,
        }
        Ok(OK.into())
    }

    fn mkdir(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let path = self.path(payload.only()?)?;
        if self.writable(&path)?.is_none() {
            self.make(&path, [].into())?;
        }
        Ok(OK.into())
    }

    /// Removing what is not there is fine if its parent is.
    fn rm(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let path = self.path(payload.only()?)?;
        let node = self.writable(&path)?;
        let parent = path.parent().ok_or(Refusal::Invalid)?;
        match node {
            Some(_) => self.remove(&path)?,
            None => _ = self.overlay.node(self.tree, &parent)?.ok_or(Refusal::Missing)?,
        }
        Ok(OK.into())
    }

    /// The node at `path`, or `None` if it may be made.
    fn writable(&mut self, path: &Path) -> Result<Option<Arc<Node>>, Refusal> {
        match self.existing(path, Access::Write) {
            Err(Refusal::Missing) => Ok(None),
            existing => existing.map(Some),
        }
    }

    fn set_permissions(&mut self, payload: Payload) -> Result<Vec<u8>, Refusal> {
        let strings = payload.all()?;
        let (path, entries) = strings.split_first().ok_or(Refusal::Invalid)?;
        let path = self.path_or_special(path)?;
        let node = self.existing(&path, Access::Write)?;
        if entries.len() > self.quota.permissions {
            return Err(Refusal::QuotaUsedUp);
        }
        let permissions = Permissions::parse(entries, self.now)?;
        self.may_set(&node.permissions, &permissions)?;
        self.replace(&path, Node { value: node.value.clone(), permissions })?;
        Ok(OK.into())
    }

    fn may_set(&self, old: &Permissions, new: &Permissions) -> Result<(), Refusal> {
        if !old.is_owner(self.caller) {
            return Err(Refusal::Denied);
        }
        if new.owner != old.owner && !self.caller.is_privileged() {
            return Err(Refusal::NotPermitted);
        }
        if new.owner_is_current(self.domains) { Ok(()) } else { Err(Refusal::Invalid) }
    }

    /// The names of the nodes directly below, each with a zero at its end.
    fn names(&mut self, path: &Path) -> Result<Vec<u8>, Refusal> {
        self.existing(path, Access::Read)?;
        let mut names = Vec::new();
        for child in self.overlay.children(self.tree, path)? {
            names.extend_from_slice(child.name().as_bytes());
            names.push(0);
        }
        Ok(names)
    }

    fn path(&self, bytes: &[u8]) -> Result<Path, Refusal> {
        Path::parse(bytes, self.caller.domain, Special::Refused)
    }

    fn path_or_special(&self, bytes: &[u8]) -> Result<Path, Refusal> {
        Path::parse(bytes, self.caller.domain, Special::Allowed)
    }
}

/// The names, each with its zero, that fit whole in `room` bytes.
fn whole_names(names: &[u8], room: usize) -> &[u8] {
    let fitting = names.get(..room).unwrap_or(names);
    let end = fitting.iter().rposition(|byte| *byte == 0).map_or(0, |zero| zero.saturating_add(1));
    fitting.get(..end).unwrap_or_default()
}
