//! Our `libxenstore.so.4`, and an argod to use it with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::common::Argod;

/// What the tests need beside Rust. Without it they are skipped, loudly.
pub fn is_missing(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        effort::skipped(&format!("not installed: {missing:?}"));
    }
    !missing.is_empty()
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().unwrap();
    found.status.success()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with our library, which is built once.
pub fn library() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = Path::new(env!("CARGO_BIN_EXE_argod")).parent().unwrap().parent().unwrap();
        let folder = target.join("tmp").join("libxenstore");
        let script = root().join("vchan/xen-abi/build.sh");
        let mut build = Command::new("sh");
        build.arg(script).arg(&folder).arg(target).arg("store").env("PROFILE", "dev");
        succeeds(build);
        folder
    })
}

/// Domains 1 (`one`) and 2 (`two`), which may do everything that nodes' permissions allow.
pub fn argod() -> Argod {
    let domain = |id, name| format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"1MiB\"\n");
    let rule = "[[store]]\nfrom = \"any\"\npath = \"/\"\naccess = \"write\"\n";
    let special = "[[policy]]\nhook = \"any\"\nfrom = \"any\"\nto = \"any\"\n";
    Argod::start(&(domain(1, "one") + &domain(2, "two") + special + rule))
}

/// A program as `domain`, over our library.
pub fn over_ours(argod: &Argod, domain: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", library()).env("ARGO_DOMAIN", argod.socket(domain));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it prints; it must end well.
pub fn succeeds(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}: {said}");
    String::from_utf8(stdout).unwrap()
}
