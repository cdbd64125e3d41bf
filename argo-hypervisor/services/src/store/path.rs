//! Names of nodes.

use alloc::format;
use alloc::sync::Arc;
use argo_core::DomainId;
use argo_core::xenstore::{ABSOLUTE_PATH_MAX, RELATIVE_PATH_MAX};

use super::refusal::Refusal;

/// Names in a path at most.
pub const DEPTH_MAX: usize = 128;

/// Bytes of one name in a path at most.
pub const NAME_MAX: usize = 256;

/// The node that changes when a domain comes.
pub(super) const INTRODUCE: &str = "@introduceDomain";

/// The node that changes when a domain goes.
pub(super) const RELEASE: &str = "@releaseDomain";

/// A valid absolute path, or a special node's name.
///
/// Paths are ordered by depth first, so that a node's children stand next to each other in a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    depth: usize,
    text: Arc<str>,
}

/// Whether the special nodes may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Allowed,
    Refused,
}

impl Path {
    /// The path that `domain` means with these bytes (without a zero at their end).
    pub(super) fn parse(bytes: &[u8], domain: DomainId, special: Special) -> Result<Self, Refusal> {
        let text = core::str::from_utf8(bytes).map_err(|_| Refusal::Invalid)?;
        if text == INTRODUCE || text == RELEASE {
            return match special {
                Special::Allowed => Ok(Self::special(text)),
                Special::Refused => Err(Refusal::Invalid),
            };
        }
        if !is_relative(bytes) {
            return Self::absolute(text);
        }
        if text.len() > RELATIVE_PATH_MAX {
            return Err(Refusal::Invalid);
        }
        Self::absolute(&format!("{}/{text}", home(domain)))
    }

    /// The node above all but the special ones.
    pub(super) fn root() -> Self {
        Self { depth: 0, text: "/".into() }
    }

    /// The special node of this name.
    pub(super) fn special(name: &str) -> Self {
        Self { depth: 0, text: name.into() }
    }

    /// The path `text`, which begins with a slash.
    pub(super) fn absolute(text: &str) -> Result<Self, Refusal> {
        if text == "/" {
            return Ok(Self::root());
        }
        let names = text.strip_prefix('/').ok_or(Refusal::Invalid)?;
        let depth = names.split('/').count();
        let valid =
            text.len() <= ABSOLUTE_PATH_MAX && depth <= DEPTH_MAX && names.split('/').all(is_name);
        if valid { Ok(Self { depth, text: text.into() }) } else { Err(Refusal::Invalid) }
    }

    /// The domain's own part of the tree.
    pub(super) fn home(domain: DomainId) -> Self {
        Self { depth: 3, text: home(domain).into() }
    }

    /// The node of this valid name below.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            depth: self.depth.saturating_add(1),
            text: format!("{}{name}", self.prefix()).into(),
        }
    }

    /// The node above; `None` for the root and the special nodes.
    pub(super) fn parent(&self) -> Option<Self> {
        let text = parent(&self.text)?;
        Some(Self { depth: self.depth.saturating_sub(1), text: text.into() })
    }

    /// The last name; empty for the root.
    pub(super) fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether it names a special node.
    pub(super) fn is_special(&self) -> bool {
        self.text.starts_with('@')
    }

    /// Whether it names the root or a special node, which are always there.
    pub(super) fn is_lasting(&self) -> bool {
        self.depth == 0
    }

    fn is_root(&self) -> bool {
        &*self.text == "/"
    }

    /// This path and those of all nodes above it, from below.
    pub(super) fn upwards(&self) -> impl Iterator<Item = &str> {
        core::iter::successors(Some(&*self.text), |text| parent(text))
    }

    /// Before the first of all paths that lie `levels` (1 or more) below this one.
    pub(super) fn first_below(&self, levels: usize) -> Self {
        Self { depth: self.depth.saturating_add(levels), text: self.prefix().into() }
    }

    /// Whether `self` lies on the level of `first` and below the same node: see
    /// [`first_below`](Self::first_below).
    pub(super) fn is_beside(&self, first: &Self) -> bool {
        self.depth == first.depth && self.text.starts_with(&*first.text)
    }

    /// What all paths below begin with.
    fn prefix(&self) -> alloc::string::String {
        if self.is_root() { "/".into() } else { format!("{}/", self.text) }
    }
}

/// Whether these bytes mean a path that begins at the caller's own part of the tree.
pub(super) fn is_relative(bytes: &[u8]) -> bool {
    !matches!(bytes.first(), Some(b'/' | b'@'))
}

/// The text of the path to the domain's own part of the tree.
pub(super) fn home(domain: DomainId) -> alloc::string::String {
    format!("/local/domain/{domain}")
}

fn parent(text: &str) -> Option<&str> {
    match text.rsplit_once('/')? {
        ("", "") => None,
        ("", _) => Some("/"),
        (above, _) => Some(above),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed)
}
