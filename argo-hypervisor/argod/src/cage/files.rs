//! Files and network, given up by Landlock as far as this kernel knows it.
//!
//! Landlock holds what is opened, not what is open: descriptors that argod has, or is handed by its
//! doorkeeper, stay as good as they were. A memfd belongs to no file system that it looks at.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// The newest version whose every restriction was tried with argod (Linux 6.15). A later one may
/// restrict something that argod does.
const KNOWN: ABI = ABI::V7;

/// The one file that argod looks into after its start: how much memory there is for another domain.
const MEMORY_INFORMATION: &str = "/proc/meminfo";

/// Nothing can be opened by its name any more, no port be bound or connected to; and no process
/// outside be signalled or reached by an abstract name.
///
/// # Errors
/// The kernel has no Landlock.
pub(super) fn close_all() -> io::Result<String> {
    let memory = rule(Path::new(MEMORY_INFORMATION), AccessFs::ReadFile.into());
    restrict(AccessFs::from_all(KNOWN), scopes(), memory)
}

/// Nothing can be written, made, removed or executed by its name, but for sockets in these folders.
///
/// # Errors
/// The kernel has no Landlock.
pub(super) fn close_all_but_sockets_in(folders: &BTreeSet<PathBuf>) -> io::Result<String> {
    let handled = AccessFs::from_write(KNOWN) | AccessFs::Execute;
    let sockets = AccessFs::MakeSock | AccessFs::RemoveFile;
    let rules = folders.iter().filter_map(|folder| rule(folder, sockets));
    restrict(handled, Scope::from_all(KNOWN), rules)
}

/// systemd may listen to argod at an abstract name.
fn scopes() -> BitFlags<Scope> {
    let notified = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    match notified.as_encoded_bytes().first() {
        Some(b'@') => Scope::Signal.into(),
        _ => Scope::from_all(KNOWN),
    }
}

/// None for what is not there.
fn rule(path: &Path, access: BitFlags<AccessFs>) -> Option<PathBeneath<PathFd>> {
    PathFd::new(path).ok().map(|at| PathBeneath::new(at, access))
}

fn restrict(
    files: BitFlags<AccessFs>,
    scopes: BitFlags<Scope>,
    rules: impl IntoIterator<Item = PathBeneath<PathFd>>,
) -> io::Result<String> {
    let rules = rules.into_iter().map(Ok::<_, RulesetError>);
    let status = ruleset(files, scopes)
        .and_then(|ruleset| ruleset.add_rules(rules)?.restrict_self())
        .map_err(io::Error::other)?;
    told(&status)
}

fn ruleset(
    files: BitFlags<AccessFs>,
    scopes: BitFlags<Scope>,
) -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .handle_access(files)?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(scopes)?
        .create()
}

fn told(status: &RestrictionStatus) -> io::Result<String> {
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("Landlock".to_owned()),
        RulesetStatus::PartiallyEnforced => {
            Ok(format!("Landlock, as far as this kernel knows it ({:?})", status.landlock))
        }
        RulesetStatus::NotEnforced => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this kernel has no Landlock"))
        }
    }
}
