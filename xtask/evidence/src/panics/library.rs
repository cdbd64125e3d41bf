//! Builds the library that is looked at.

use std::path::PathBuf;
use std::process::Command;

use crate::repository;

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo cannot be started.
    #[error("starting cargo: {0}")]
    Start(#[from] std::io::Error),
    /// Cargo has failed, and said why.
    #[error("cargo build of no-std-proof: {0}")]
    Failed(std::process::ExitStatus),
}

/// Builds `no-std-proof` with all its entrances; returns where the library is.
///
/// # Errors
/// It cannot be built.
pub fn build() -> Result<PathBuf, BuildError> {
    let target = repository::file("target/no-std");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--features", "reach", "--manifest-path"])
        .arg(repository::file("argo-core/no-std-proof/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()?;
    if !status.success() {
        return Err(BuildError::Failed(status));
    }
    Ok(target.join("release/libno_std_proof.a"))
}
