//! A domain that is a virtual machine: what only such a one has.

use std::path::PathBuf;

use argo_core::host::machine::{COMMAND_BYTES, RAM_MAX, RAM_STEP, VCPUS_MAX};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::read::{Kind as Value, Reader, integer, word};
use super::values::{file, size};

/// A virtual machine of its own, started with argod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The kernel: an ELF file.
    pub image: PathBuf,
    /// What its kernel is told when it starts.
    pub command: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// What happens when it has ended by itself.
    pub restart: Restart,
}

/// When a machine that ended by itself is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Never.
    Never,
    /// Unless it said that all is well (exit code 0).
    OnFailure,
    /// Always.
    Always,
}

/// Who is a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Processes that attach to it.
    Process,
    /// A virtual machine.
    Kvm,
}

impl Kind {
    /// What the key `kind` says. Where no machines can be, it is a problem if it asks for one.
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let kinds = word([("process", Self::Process), ("kvm", Self::Kvm)]);
        let Some(kind) = table.optional("kind", kinds) else { return Self::Process };
        if *kind.get_ref() == Self::Kvm && !cfg!(feature = "kvm") {
            let expected = "\"process\": this argod was built without the feature kvm";
            table.report.mismatch(kind.span(), "\"kvm\"", expected);
        }
        kind.into_inner()
    }

    /// How much RAM such a domain may have.
    pub(super) fn ram(self) -> Value<u64> {
        match self {
            Self::Process => size(super::RAM_MIN, super::RAM_MAX, super::RAM_MIN),
            Self::Kvm => size(RAM_STEP, RAM_MAX, RAM_STEP),
        }
    }
}

impl Machine {
    /// The keys of a machine; `None` if one that it cannot be without is wrong.
    pub(super) fn read(table: &mut Reader<'_>) -> Option<Self> {
        let image = table.required("image", file());
        let command = table.or("command", command(), String::new());
        let vcpus = table.or("vcpus", integer(1..=VCPUS_MAX.into()), 1);
        let restarts = word([
            ("never", Restart::Never),
            ("on-failure", Restart::OnFailure),
            ("always", Restart::Always),
        ]);
        let restart = table.or("restart", restarts, Restart::Never);
        Some(Self { image: image.map(Spanned::into_inner)?, command, vcpus, restart })
    }
}

/// Text that fits, with a zero behind it.
fn command() -> Value<String> {
    let expected = format!("at most {} bytes, none of them zero", COMMAND_BYTES - 1);
    Value::text(expected, |text| {
        (text.len() < COMMAND_BYTES && !text.contains('\0')).then(|| text.to_owned())
    })
}
