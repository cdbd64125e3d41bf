//! The doorkeeper: the one part of a caged argod that deals with the file system.
//!
//! It is a process of its own, with nobody's memory and no socket but that to argod, which it does not
//! trust: it makes sockets in the folders of the configuration that it was started with and nowhere
//! else, removes only what it made, and reads that configuration.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{MemfdFlags, memfd_create};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::wire::{Answer, Door, Request, hear, say};
use crate::cage::{confine_doorkeeper, harden};
use crate::config::{Config, DOMAINS_MAX, Texts};
use crate::daemon::listener::{listen_on, prepare_folder};
use crate::log::Writing;

/// Sockets at a time: one a domain, and argod's own four.
const DOORS_MAX: usize = DOMAINS_MAX + 4;

/// Keeps doors for the argod at the other end of standard input, until that ends.
///
/// # Errors
/// It cannot begin, which argod was told; or the connection fails.
pub(crate) fn keep_doors(config: &Config, log: &mut Writing) -> io::Result<()> {
    let argod = io::stdin();
    // Not before the cage is closed: the log's thread would be outside.
    let begun = begin(config).and_then(|keeper| log.begin().map(|()| keeper));
    say(&argod, &begun.as_ref().map(drop).map_err(ToString::to_string), None)?;
    let mut keeper = begun?;
    while let Some((request, _)) = hear(&argod)? {
        match keeper.answer(request) {
            Ok(descriptor) => {
                say(&argod, &Answer::Ok(()), descriptor.as_ref().map(AsFd::as_fd))?;
            }
            Err(why) => say(&argod, &Answer::Err(why), None)?,
        }
    }
    Ok(())
}

struct Keeper {
    file: Option<PathBuf>,
    folders: BTreeSet<PathBuf>,
    made: BTreeSet<PathBuf>,
}

fn begin(config: &Config) -> io::Result<Keeper> {
    rustix::thread::set_name(c"doorkeeper")?;
    harden();
    // Sent to all processes of a terminal or a unit. argod's end is what ends this one.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    let sockets: Vec<_> = config.sockets().collect();
    for socket in &sockets {
        // What is wrong with it is told when the socket is to be made.
        let _ = prepare_folder(&socket.path);
    }
    let folders = sockets.iter().filter_map(|socket| socket.path.parent());
    let folders = folders.chain([&*config.runtime_dir]).map(Path::to_owned).collect();
    confine_doorkeeper(config.cage, &folders).map_err(io::Error::other)?;
    Ok(Keeper { file: config.file.clone(), folders, made: BTreeSet::new() })
}

impl Keeper {
    fn answer(&mut self, request: Request) -> Result<Option<OwnedFd>, String> {
        match request {
            Request::Make(door) => self.make(door).map(Some),
            Request::Remove(path) => {
                self.remove(&path);
                Ok(None)
            }
            Request::Configuration => self.configuration().map(Some),
        }
    }

    fn make(&mut self, door: Door) -> Result<OwnedFd, String> {
        let (socket, kind) = door.socket();
        if !socket.path.parent().is_some_and(|folder| self.folders.contains(folder)) {
            let known = self.folders.iter().map(|folder| folder.display().to_string());
            return Err(format!(
                "{}: while argod runs, sockets can be made only in folders that its configuration \
                 used when it started: {}",
                socket.path.display(),
                known.collect::<Vec<_>>().join(", ")
            ));
        }
        if self.made.len() >= DOORS_MAX {
            return Err(format!("{}: there are {DOORS_MAX} sockets", socket.path.display()));
        }
        let listener = listen_on(&socket, kind).map_err(|error| error.to_string())?;
        self.made.insert(socket.path);
        Ok(listener)
    }

    fn remove(&mut self, path: &Path) {
        if self.made.remove(path) {
            // An error means that somebody removed it already.
            let _ = std::fs::remove_file(path);
        }
    }

    fn configuration(&self) -> Result<OwnedFd, String> {
        let Some(file) = &self.file else { return Err("there is no file".to_owned()) };
        let texts = Texts::load(file).map_err(|error| error.to_string())?;
        written(&texts).map_err(|error| error.to_string())
    }
}

/// The texts in a memfd: they may be too long for a packet.
fn written(texts: &Texts) -> io::Result<OwnedFd> {
    let file = File::from(memfd_create("configuration", MemfdFlags::CLOEXEC)?);
    let mut out = BufWriter::new(&file);
    serde_json::to_writer(&mut out, texts)?;
    out.flush()?;
    drop(out);
    Ok(file.into())
}
