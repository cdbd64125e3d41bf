//! The doorkeeper: the one part of a caged argod that deals with the file system.
//!
//! It is a process of its own, with nobody's memory and no socket but that to argod, which it does not
//! trust: it makes sockets in the folders of the configuration that it was started with and nowhere
//! else, removes only what it made, and reads that configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use super::wire::{Answer, Charge, Door, Numbered, Request, hear, say};
use crate::cage::{confine_doorkeeper, harden};
use crate::config::{DOMAINS_MAX, Texts};
use crate::daemon::arrivals::PAUSE;
use crate::daemon::listener::{listen_on, prepare_folder};

/// Sockets at a time: one a domain, and argod's own four.
const DOORS_MAX: usize = DOMAINS_MAX + 4;

/// Keeps doors for the argod at the other end of standard input, until that ends.
///
/// # Errors
/// It cannot begin, which argod was told; or argod makes no sense.
pub(crate) fn keep_doors() -> io::Result<()> {
    let argod = io::stdin();
    let Some((charge, _)) = hear::<Charge>(&argod)? else { return Ok(()) };
    let mut log = crate::log::start(charge.log);
    // Not before the cage is closed: the log's thread would be outside.
    let begun = begin(charge).and_then(|keeper| log.begin().map(|()| keeper));
    say(&argod, &Answer::new(0, &begun.as_ref().map_err(ToString::to_string)), None)?;
    begun?.serve(argod.as_fd())
}

struct Keeper {
    file: Option<PathBuf>,
    folders: BTreeSet<PathBuf>,
    /// Paths of sockets, and the numbers of the requests for them.
    made: BTreeMap<PathBuf, u64>,
}

fn begin(charge: Charge) -> io::Result<Keeper> {
    rustix::thread::set_name(c"doorkeeper")?;
    harden();
    // The first three are sent to all processes of a terminal or a unit, and argod's end is what ends
    // this one; the last says that a file may not grow, which is an error.
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGXFSZ] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    let Charge { file, folders, cage, log: _ } = charge;
    for folder in &folders {
        // What is wrong with it is told when a socket is to be made there.
        let _ = prepare_folder(folder);
    }
    confine_doorkeeper(cage, &folders).map_err(io::Error::other)?;
    Ok(Keeper { file: file.map(PathBuf::from), folders, made: BTreeMap::new() })
}

/// There is no memory for this packet now.
fn is_passing(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOMEM | Errno::NOBUFS))
}

/// Nobody listens any more.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl Keeper {
    fn serve(mut self, argod: BorrowedFd<'_>) -> io::Result<()> {
        loop {
            match hear(argod) {
                Ok(Some((numbered, _))) => self.reply(argod, numbered)?,
                Ok(None) => return Ok(()),
                Err(error) if is_passing(&error) => thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
        }
    }

    /// An answer that cannot be given becomes one that says so.
    fn reply(&mut self, argod: BorrowedFd<'_>, numbered: Numbered) -> io::Result<()> {
        let Numbered { number, request } = numbered;
        let outcome = self.fulfil(number, request);
        let descriptor = outcome.as_ref().ok().and_then(Option::as_ref).map(AsFd::as_fd);
        let mut said = say(argod, &Answer::new(number, &outcome), descriptor);
        while let Err(error) = said {
            if is_gone(&error) {
                return Err(error);
            }
            self.undo(number);
            let why: Result<(), _> = Err(format!("the answer could not be sent: {error}"));
            said = say(argod, &Answer::new(number, &why), None);
            if said.is_err() {
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn fulfil(&mut self, number: u64, request: Request) -> Result<Option<OwnedFd>, String> {
        match request {
            Request::Make(door) => self.make(number, door).map(Some),
            Request::Remove(path) => {
                self.remove(&path);
                Ok(None)
            }
            Request::Undo(number) => {
                self.undo(number);
                Ok(None)
            }
            Request::Configuration => self.configuration().map(Some),
        }
    }

    fn make(&mut self, number: u64, door: Door) -> Result<OwnedFd, String> {
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
        self.made.insert(socket.path, number);
        Ok(listener)
    }

    fn remove(&mut self, path: &Path) {
        if self.made.remove(path).is_some() {
            // An error means that somebody removed it already.
            let _ = std::fs::remove_file(path);
        }
    }

    fn undo(&mut self, number: u64) {
        let path = self.made.iter().find(|(_, made)| **made == number);
        if let Some(path) = path.map(|(path, _)| path.clone()) {
            self.remove(&path);
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
