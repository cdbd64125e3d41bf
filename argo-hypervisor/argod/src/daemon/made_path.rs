//! The path of a socket that goes with whoever serves there.

use std::path::PathBuf;

/// The path of a socket that was made here: taken away when this is dropped. To be dropped before
/// the socket is closed, since then the path may be another's already.
pub struct MadePath(PathBuf);

impl MadePath {
    /// This one.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Drop for MadePath {
    fn drop(&mut self) {
        // An error means that somebody removed it already.
        let _ = std::fs::remove_file(&self.0);
    }
}
