//! Where processes reach `argod`, and who may.

use std::path::PathBuf;

use toml::Spanned;

use super::read::Reader;
use super::report::Report;
use super::values::{SOCKET_PATH_MAX, mode, owner, socket_path};

/// A Unix socket in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner; the user that `argod` runs as if there is none.
    pub uid: Option<u32>,
    /// Its group; the group that `argod` runs as if there is none.
    pub gid: Option<u32>,
}

/// Only the owner may connect, unless it is stated otherwise.
const MODE_DEFAULT: u32 = 0o600;

impl Socket {
    /// A socket about which nothing is stated.
    pub(super) fn standard(report: &Report<'_>, path: Spanned<PathBuf>) -> Option<Spanned<Self>> {
        let socket = |path| Self { path, mode: MODE_DEFAULT, uid: None, gid: None };
        fits(report, &path).then(|| Spanned::new(path.span(), socket(path.into_inner())))
    }

    /// Reads the keys of a socket. Where no path is given, it is `default`, which stands where
    /// the name that it is made of does.
    pub(super) fn read(
        table: &mut Reader<'_>,
        default: Option<Spanned<PathBuf>>,
    ) -> Option<Spanned<Self>> {
        let is_given = table.place("socket").is_some();
        let given = table.optional("socket", socket_path());
        let path = if is_given { given } else { default.filter(|path| fits(table.report, path)) };
        let mode = table.or("mode", mode(), MODE_DEFAULT);
        let uid = table.optional("uid", owner()).map(Spanned::into_inner);
        let gid = table.optional("gid", owner()).map(Spanned::into_inner);
        let path = path?;
        Some(Spanned::new(path.span(), Self { path: path.into_inner(), mode, uid, gid }))
    }
}

fn fits(report: &Report<'_>, path: &Spanned<PathBuf>) -> bool {
    let length = path.get_ref().as_os_str().len();
    if length > SOCKET_PATH_MAX {
        let expected = format!(
            "at most {SOCKET_PATH_MAX}: a shorter runtime_dir or name, or a socket of its own"
        );
        report.mismatch(path.span(), format!("a default socket path of {length} bytes"), expected);
    }
    length <= SOCKET_PATH_MAX
}
