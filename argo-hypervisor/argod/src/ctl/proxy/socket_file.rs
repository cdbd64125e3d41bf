//! The file of a Unix socket, which goes with its owner.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::SocketType;

use crate::ctl::Failure;
use crate::daemon::clear_path;

/// Removes the file when dropped, if it is still the one that was made.
pub(in crate::ctl) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// Listens there. A file that nobody serves is replaced, no other.
pub(in crate::ctl) fn listen(path: &Path) -> Result<(UnixListener, SocketFile), Failure> {
    clear_path(path, SocketType::STREAM).map_err(Failure::failed)?;
    let bound = UnixListener::bind(path).and_then(|listener| {
        Ok((listener, SocketFile { path: path.to_owned(), identity: identity(path)? }))
    });
    bound.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // An error means that it went in this moment.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_replaced_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = listen(&path).unwrap();
        assert!(listen(&path).is_err(), "it is served");
        drop((listener, file));
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert!(listen(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    }

    #[test]
    fn a_file_of_somebody_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sock");
        let (_listener, file) = listen(&path).unwrap();
        fs::rename(&path, dir.path().join("y.sock")).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(file);
        assert!(path.exists());
    }
}
