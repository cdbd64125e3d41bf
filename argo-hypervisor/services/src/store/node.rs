//! What the tree consists of.

use alloc::sync::Arc;

use super::permissions::Permissions;

/// A node, without its place. It is replaced, never changed: a transaction may hold it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Arc<[u8]>,
    pub(super) permissions: Permissions,
}

/// Bytes of a node in memory, besides its value and its permissions' entries.
const NODE_BYTES: usize = 128;

impl Node {
    pub(super) fn new(permissions: Permissions) -> Self {
        Self { value: Arc::default(), permissions }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        NODE_BYTES.saturating_add(self.value.len()).saturating_add(self.permissions.bytes())
    }
}
