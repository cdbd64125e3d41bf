//! Where the code is.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// The repository that this program was built from.
pub fn root() -> &'static Path {
    const HERE: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(HERE).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// A file in it, by its path there.
pub fn file(path: &str) -> PathBuf {
    root().join(path)
}

/// Every file of Rust source, by its path in the repository, in order.
///
/// # Errors
/// A directory cannot be read.
pub fn rust_files() -> Result<Vec<String>, walkdir::Error> {
    let mut files = Vec::new();
    let walk = WalkDir::new(root()).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| entry.depth() == 0 || is_source(entry)) {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let inside = entry.path().strip_prefix(root()).unwrap_or(entry.path());
            files.push(inside.to_string_lossy().into_owned());
        }
    }
    Ok(files)
}

/// Not what was built, nor what is hidden.
fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    !name.starts_with('.') && name != "target"
}
