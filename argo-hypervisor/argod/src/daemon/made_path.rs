//! The path of a socket that goes with whoever serves there.

use std::path::PathBuf;
use std::sync::Arc;

use super::doors::Doors;

/// The path of a socket that was made here: taken away when this is dropped. To be dropped before
/// the socket is closed, since then the path may be another's already.
pub struct MadePath {
    path: PathBuf,
    doors: Arc<Doors>,
}

impl MadePath {
    /// This one, made by these.
    pub fn new(path: PathBuf, doors: Arc<Doors>) -> Self {
        Self { path, doors }
    }
}

impl Drop for MadePath {
    fn drop(&mut self) {
        self.doors.remove(&self.path);
    }
}
