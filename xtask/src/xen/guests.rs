//! The guest, built for each machine, and what it tells over our engine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::debian::Apt;
use super::scenario::{self, Machine, Mode, Scenario};
use super::step::StepError;
use super::{Cache, Error, Unready, step};

const ARM64: &str = "aarch64-unknown-linux-gnu";
const X86: &str = "x86_64-unknown-linux-gnu";
/// How long the guests may take over our engine: a second is usual.
const LIMIT: Duration = Duration::from_secs(60);

/// What compiles for a machine.
pub enum Compiler {
    /// The one that compiles everything else.
    Usual,
    /// Another, which has the machine's core library.
    At(PathBuf),
}

pub struct Guests {
    /// What Xen starts.
    pub image: PathBuf,
    inprocess: PathBuf,
}

/// A compiler with the machine's core library: rustup's if it has that, else Debian's, unpacked into the
/// cache.
///
/// # Errors
/// Neither is to be had.
pub fn compiler(machine: Machine, cache: &Cache) -> Result<Compiler, Unready> {
    if machine == Machine::X86 || usual_has(ARM64) {
        return Ok(Compiler::Usual);
    }
    let wrapper = cache.path("rust").join("rustc");
    if !wrapper.exists() {
        let missing = "there is no core library for arm64: rustup has none, and Debian's";
        debians(cache).map_err(|error| Unready::of_a_fetch(missing, error))?;
    }
    Ok(Compiler::At(wrapper))
}

impl Guests {
    /// # Errors
    /// Something cannot be compiled.
    pub fn build(
        machine: Machine,
        compiler: &Compiler,
        root: &Path,
        cache: &Cache,
    ) -> Result<Self, Error> {
        let package = root.join("argo-guest/metal/guests/Cargo.toml");
        let target = cache.path("guests");
        let mut inprocess = cargo(&package, &target);
        inprocess.args(["--features", "inprocess", "--bin", "inprocess"]);
        step::run("Building the guests for our engine", inprocess)?;
        let triple = if machine == Machine::X86 { X86 } else { ARM64 };
        let mut guest = cargo(&package, &target);
        guest.args(["--features", "metal", "--bin", "guest", "--target", triple]);
        guest.env("CARGO_ENCODED_RUSTFLAGS", flags(machine).join("\x1f"));
        if let Compiler::At(rustc) = compiler {
            guest.env("RUSTC", rustc);
        }
        step::run(&format!("Building the guest for {}", machine.name()), guest)?;
        let program = target.join(triple).join("release/guest");
        let image = if machine == Machine::X86 { program } else { flat(&program)? };
        Ok(Self { image, inprocess: target.join("release/inprocess") })
    }

    /// What the guests of a scenario tell over our engine.
    ///
    /// # Errors
    /// It does not end well.
    pub fn over_our_engine(
        &self,
        scenario: &Scenario,
        mode: Mode,
    ) -> Result<Vec<String>, StepError> {
        let mut command = Command::new(&self.inprocess);
        if mode == Mode::Silo {
            command.arg("--silo");
        }
        for (domain, line) in (scenario::first_domain(scenario.machine)..).zip(scenario.guests) {
            command.arg(format!("{domain}:{line}"));
        }
        step::within(LIMIT, "The guests over our engine", command)
    }
}

fn cargo(package: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--manifest-path"]).arg(package);
    cargo.arg("--target-dir").arg(target);
    // What cargo told us about ourselves says nothing about that package.
    cargo.env_remove("RUSTFLAGS");
    cargo
}

/// Guests lie at fixed addresses, on x86 in the upper 2 GiB, and are linked as their scripts say.
fn flags(machine: Machine) -> &'static [&'static str] {
    match machine {
        Machine::Arm64 => &["-Crelocation-model=static", "-Clinker=aarch64-linux-gnu-gcc"],
        Machine::X86 => &[
            "-Crelocation-model=static",
            "-Ccode-model=kernel",
            "-Clink-self-contained=no",
            "-Clinker=gcc",
        ],
    }
}

/// A program as it lies in memory, without a file's structure.
fn flat(program: &Path) -> Result<PathBuf, StepError> {
    let image = program.with_extension("image");
    let mut objcopy = Command::new("aarch64-linux-gnu-objcopy");
    objcopy.args(["-O", "binary"]).arg(program).arg(&image);
    step::quiet("Making an image of the guest", objcopy)?;
    Ok(image)
}

/// Whether the usual compiler has the core library of a target.
fn usual_has(target: &str) -> bool {
    let mut ask = Command::new("rustc");
    ask.args(["--print", "target-libdir", "--target", target]);
    let Ok(lines) = step::quiet("Looking for a core library", ask) else { return false };
    let files = lines.first().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let core = |name: &str| name.starts_with("libcore-") && name.ends_with(".rlib");
    files.flatten().any(|file| file.file_name().to_str().is_some_and(core))
}

/// Puts Debian's compiler into the cache, whole or not at all.
fn debians(cache: &Cache) -> Result<(), Error> {
    cache.fill("rust", |beside| {
        unpack_debians(cache, beside)?;
        let wrapper = beside.join("rustc");
        write_wrapper(&cache.path("rust"), &wrapper)
            .map_err(|source| Error::File { path: wrapper, source })
    })
}

fn unpack_debians(cache: &Cache, into: &Path) -> Result<(), Error> {
    let (compiler, library) = ("rustc-web", "libstd-rust-web-dev");
    let apt = Apt::new(cache)?;
    let mut packages = vec![format!("{compiler}:amd64")];
    packages.extend(["amd64", "arm64"].map(|architecture| format!("{library}:{architecture}")));
    // What a library needs can need more: two steps reach LLVM.
    let mut next = vec![format!("{library}:amd64")];
    while let Some(package) = next.pop() {
        for needed in apt.needs(&package, &["libstd-rust-web", "libllvm"])? {
            let needed = format!("{needed}:amd64");
            next.push(needed.clone());
            packages.push(needed);
        }
    }
    apt.unpack(&packages, into)
}

/// Debian's compiler looks for its libraries where it would be installed. It will lie in `folder`.
fn write_wrapper(folder: &Path, wrapper: &Path) -> std::io::Result<()> {
    let usr = folder.join("usr");
    let usr = usr.display();
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={usr}/lib/x86_64-linux-gnu \
         exec {usr}/bin/rustc --sysroot {usr} \"$@\"\n"
    );
    fs::write(wrapper, script)?;
    fs::set_permissions(wrapper, fs::Permissions::from_mode(0o755))
}
