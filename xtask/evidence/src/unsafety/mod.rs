//! Unsafe code only where ARCHITECTURE.md says, and as much as docs/unsafe.md says.

mod allowed;
mod count;
mod page;

use std::{fs, io};

use proc_macro2::{LexError, TokenStream};

use crate::repository;
use allowed::Table;
use count::Counts;
use page::Page;

const TABLE: &str = "ARCHITECTURE.md";
const PAGE: &str = "docs/unsafe.md";
/// Has to bring what a kernel has, and is not delivered.
const PROOF: &str = "argo-core/no-std-proof/";

/// Why the evidence is not there.
#[derive(Debug, thiserror::Error)]
pub enum UnsafeError {
    /// The directories cannot be read.
    #[error("listing the source: {0}")]
    List(#[from] walkdir::Error),
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
    /// A file is no Rust.
    #[error("{path} is not Rust: {error}")]
    Syntax { path: String, error: LexError },
    /// The page is of another state of the code.
    #[error("{PAGE} differs from the code: see `cargo run -p evidence -- unsafe --write`")]
    Page,
    /// A module has it that may not.
    #[error("unsafe code, which the table in {TABLE} does not allow: {0:?}")]
    Forbidden(Vec<String>),
    /// A module has none that may.
    #[error("no unsafe code, though the table in {TABLE} says so: {0:?}")]
    Unused(Vec<String>),
}

/// Files that say `unsafe`, each with how often.
type Counted = Vec<(String, Counts)>;

/// Compares the code with the table and the page.
///
/// # Errors
/// They differ.
pub fn check() -> Result<(), UnsafeError> {
    let (delivered, tests) = counted()?;
    let table = Table::of(&read(TABLE)?);
    let files: Vec<String> = delivered.iter().map(|(file, _)| file.clone()).collect();
    let forbidden: Vec<_> = files.iter().filter(|file| !table.allows(file)).cloned().collect();
    if !forbidden.is_empty() {
        return Err(UnsafeError::Forbidden(forbidden));
    }
    let unused: Vec<_> = table.without(&files).collect();
    if !unused.is_empty() {
        return Err(UnsafeError::Unused(unused));
    }
    let page = Page { delivered: &delivered, tests: &tests };
    if read(PAGE)? != page.render() {
        return Err(UnsafeError::Page);
    }
    let all = delivered.iter().map(|(_, counts)| counts.total() as u64).sum();
    effort::ran(all, "places with unsafe code, each in a module that may have it");
    Ok(())
}

/// Writes the page.
///
/// # Errors
/// It cannot be written, or the code cannot be read.
pub fn write() -> Result<(), UnsafeError> {
    let (delivered, tests) = counted()?;
    let page = Page { delivered: &delivered, tests: &tests };
    fs::write(repository::file(PAGE), page.render())
        .map_err(|error| UnsafeError::File { path: PAGE.into(), error })
}

/// What is delivered, and the rest.
fn counted() -> Result<(Counted, Counted), UnsafeError> {
    let mut all = Vec::new();
    for path in repository::rust_files()? {
        let text = read(&path)?;
        let source: TokenStream =
            text.parse().map_err(|error| UnsafeError::Syntax { path: path.clone(), error })?;
        let counts = Counts::of(&source);
        if counts.total() > 0 {
            all.push((path, counts));
        }
    }
    Ok(all.into_iter().partition(|(path, _)| is_delivered(path)))
}

fn is_delivered(path: &str) -> bool {
    let is_test = |part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "fuzz");
    !path.starts_with(PROOF) && !path.split('/').any(is_test)
}

fn read(path: &str) -> Result<String, UnsafeError> {
    let text = fs::read_to_string(repository::file(path));
    text.map_err(|error| UnsafeError::File { path: path.into(), error })
}
