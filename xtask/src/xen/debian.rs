//! What comes from Debian's archive without being installed: sources, and libraries for another machine.
//! apt is given lists and folders of its own, so that the system's stay as they are and nobody has to be
//! root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::step::{self, StepError};
use super::{Cache, Error};

const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt, with its own idea of the world.
pub struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Writes its configuration and fetches the lists of what there is.
    ///
    /// # Errors
    /// The archive is not reached.
    pub fn new(cache: &Cache) -> Result<Self, Error> {
        let folder = cache.path("apt");
        let apt = Self { folder };
        let ready = apt.configure(&systems_archives()?);
        ready.map_err(|source| Error::File { path: apt.folder.clone(), source })?;
        let mut update = apt.command("apt-get");
        update.arg("update");
        step::run("Fetching Debian's lists", update)?;
        Ok(apt)
    }

    /// Unpacks the source package into a folder.
    ///
    /// # Errors
    /// It cannot be fetched or unpacked.
    pub fn source(&self, package: &str, into: &Path) -> Result<(), Error> {
        let sources = self.empty_folder("sources")?;
        let mut fetch = self.command("apt-get");
        fetch.args(["source", "--download-only", package]);
        fetch.current_dir(&sources);
        step::run(&format!("Fetching the source of {package}"), fetch)?;
        let mut unpack = Command::new("sh");
        unpack.args(["-c", "dpkg-source --no-check -x *.dsc \"$0\""]).arg(into);
        unpack.current_dir(&sources);
        step::run(&format!("Unpacking the source of {package}"), unpack)?;
        Ok(())
    }

    /// Unpacks packages, named as `NAME:ARCHITECTURE`, into a folder.
    ///
    /// # Errors
    /// One cannot be fetched or unpacked.
    pub fn unpack(&self, packages: &[String], into: &Path) -> Result<(), Error> {
        let folder = self.empty_folder("packages")?;
        let mut fetch = self.command("apt-get");
        fetch.arg("download").args(packages).current_dir(&folder);
        step::run(&format!("Fetching {}", packages.join(", ")), fetch)?;
        let mut unpack = Command::new("sh");
        let each = "for package in *.deb; do dpkg-deb -x \"$package\" \"$0\" || exit 1; done";
        unpack.args(["-c", each]).arg(into).current_dir(&folder);
        step::run("Unpacking them", unpack)?;
        Ok(())
    }

    /// What a package needs whose name begins so, with the architecture.
    ///
    /// # Errors
    /// There is no such package.
    pub fn needs(&self, package: &str, beginnings: &[&str]) -> Result<Vec<String>, StepError> {
        let mut ask = self.command("apt-cache");
        ask.args(["depends", "--important", package]);
        let lines = step::quiet("Looking what a package needs", ask)?;
        let named = lines.iter().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let wanted = named.filter(|name| beginnings.iter().any(|start| name.starts_with(start)));
        Ok(wanted.map(|name| name.trim_end_matches(":any").to_owned()).collect())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.folder.join("apt.conf"));
        command
    }

    fn configure(&self, archives: &[Archive]) -> io::Result<()> {
        for folder in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        let sources: String = archives.iter().map(Archive::lines).collect();
        fs::write(self.folder.join("sources.list"), sources)?;
        let folder = self.folder.display();
        let configuration = format!(
            "Dir::Etc::sourcelist \"{folder}/sources.list\";\nDir::Etc::sourceparts \"-\";\n\
             Dir::State::lists \"{folder}/lists\";\nDir::Cache \"{folder}\";\n\
             APT::Architectures {{ \"amd64\"; \"arm64\"; }};\nAPT::Sandbox::User \"root\";\n"
        );
        fs::write(self.folder.join("apt.conf"), configuration)
    }

    fn empty_folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        let made = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&path),
        };
        made.map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(path)
    }
}

/// One of the archives that the system's own apt uses.
#[derive(PartialEq, Eq)]
struct Archive {
    place: String,
    release: String,
}

impl Archive {
    fn lines(&self) -> String {
        let Self { place, release } = self;
        let packages = format!("deb [arch=amd64,arm64 signed-by={KEYS}] {place} {release} main\n");
        // Of updates and security there are no sources for everything that there are packages of.
        match release.contains('-') {
            true => packages,
            false => format!("{packages}deb-src [signed-by={KEYS}] {place} {release} main\n"),
        }
    }
}

fn systems_archives() -> Result<Vec<Archive>, StepError> {
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]);
    let lines = step::quiet("Looking for Debian's archives", ask)?;
    let mut archives = Vec::new();
    for line in lines {
        if let Some((place, release)) = line.split_once(' ') {
            let archive = Archive { place: place.into(), release: release.into() };
            if !archives.contains(&archive) {
                archives.push(archive);
            }
        }
    }
    Ok(archives)
}
