//! Debian's libxenvchan at both ends, over our shims of the libraries beneath it: a C program,
//! built when it is wanted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::end::End;
use super::party::{Ends, Party};
use super::ways::ORDER;
use crate::case::Failure;
use crate::placement;

/// The vchan's number: another than that of the vchan in Rust.
const PORT: u32 = 6;

/// Builds and starts both ends; argod's sockets are in `dir`. `None`, told on standard error, where
/// the C compiler or the library is missing.
///
/// # Errors
/// The shims cannot be built, or the ends do not meet.
pub fn start(dir: &Path) -> Result<Option<Ends>, Failure> {
    let folder = dir.join("debian");
    fs::create_dir(&folder)?;
    let program = folder.join("debian");
    if let Err(missing) = compile(&program) {
        eprintln!("SKIPPED: Debian's libxenvchan (packages gcc, libxen-dev): {missing}");
        return Ok(None);
    }
    let shims = folder.join("shims");
    link_shims(&shims)?;
    let start = |end| {
        let mut party = Party::run(&mut command(&program, &shims, end, dir)?)?;
        party.answer()?;
        Ok::<_, Failure>(party)
    };
    // The server first.
    let receiver = start(End::Receiver)?;
    Ok(Some(Ends::new(start(End::Sender)?, receiver)))
}

fn compile(program: &Path) -> Result<(), Failure> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/between/debian.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-Wall", "-O3", "-o"]).arg(program).arg(source);
    succeed(compiler.arg("-lxenvchan"))
}

fn link_shims(folder: &Path) -> Result<(), Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vchan/xen-abi/build.sh");
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut build = Command::new(script);
    build.arg(folder).arg(target()?).args(["gnttab", "evtchn", "store"]);
    succeed(build.env("PROFILE", profile))
}

/// Where this program was built: `target`, whatever it is called.
fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).ok_or("this program is in no folder")?.to_owned())
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn command(program: &Path, shims: &Path, end: End, dir: &Path) -> io::Result<Command> {
    let (server, client) = (End::Receiver.id(), End::Sender.id());
    let mut command = Command::new(program);
    command
        .args([end.name(), &end.other().id().to_string()])
        .arg(format!("/local/domain/{server}/data/vchan/{client}/{PORT}"))
        .arg((1u32 << ORDER).to_string())
        .arg(placement::core(end.place())?.to_string())
        .env("ARGO_DOMAIN", dir.join(format!("{}.sock", end.name())))
        .env("LD_LIBRARY_PATH", shims);
    Ok(command)
}
