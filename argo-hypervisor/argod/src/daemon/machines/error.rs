//! Why there is no machine.

use std::io;
use std::path::PathBuf;

use argo_hypervisor::BadRam;
use argo_mem::MapError;
use argo_vm::{ImageError, KvmError, ProbeError};

/// Why the machines of a configuration cannot be. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// An image cannot be read.
    #[error("domain {domain}: image {}: {source}", path.display())]
    Read {
        /// The domain's name.
        domain: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image is none for its machine.
    #[error("domain {domain}: image {}: {source}", path.display())]
    Image {
        /// The domain's name.
        domain: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ImageError,
    },
    /// This machine has no KVM that can be used.
    #[error("KVM cannot be used, which domains of kind \"kvm\" need: {0}")]
    Unusable(#[from] ProbeError),
}

/// Why a machine was not started.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// It is not among those that argod was started with, or not with this image and RAM.
    #[error(
        "machines are made when argod starts, from its configuration; one that was destroyed may be \
         made anew with its id, image and RAM"
    )]
    Late,
    /// It runs.
    #[error("its machine runs already")]
    Runs,
    /// Its RAM could not be had.
    #[error(transparent)]
    Memory(#[from] MapError),
    /// Its RAM is not as it was asked for.
    #[error(transparent)]
    Ram(#[from] BadRam),
    /// KVM refuses it.
    #[error("KVM: {0}")]
    Kvm(#[from] KvmError),
    /// There is no thread for it, or it cannot be caged.
    #[error("a machine's thread: {0}")]
    Thread(#[from] io::Error),
    /// Its keeper ended before it had started it.
    #[error("its keeper is gone")]
    Gone,
}
