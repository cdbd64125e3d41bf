//! The texts that make up a configuration: a file, and the policy files in the folder it names.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use super::read::Reader;
use super::report::{Problems, Report};
use super::values::Size;
use super::{ConfigError, FILE_MAX};

/// Files in a folder of policy files.
pub const POLICY_FILES_MAX: usize = 256;
/// Bytes of all files in a policy folder together.
pub const POLICY_BYTES_MAX: u64 = 16 << 20;

/// The main text, then the others in their order.
#[derive(Serialize, Deserialize)]
pub(crate) struct Texts {
    list: Vec<Text>,
    /// What there should be but cannot be had: places in the main text, and why.
    missing: Vec<(Range<usize>, String)>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    file: String,
    text: String,
}

impl Texts {
    /// A text that stands alone: a policy, or a domain.
    pub(super) fn plain(file: &str, text: &str) -> Self {
        let text = Text { file: file.to_owned(), text: text.to_owned() };
        Self { list: vec![text], missing: Vec::new() }
    }

    /// A configuration that is no file. It cannot name a folder.
    pub(super) fn one(file: &str, text: &str) -> Self {
        let mut texts = Self::plain(file, text);
        let refuse = |(span, _)| {
            let message = "found `policy_dir`, expected none: only a file can name a folder";
            (span, message.to_owned())
        };
        texts.missing = folder_of(text).map(refuse).into_iter().collect();
        texts
    }

    /// A configuration file, and the files in the folder that its `policy_dir` names.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            read_text(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let mut texts = Self::plain(&path.display().to_string(), &text);
        if let Some((span, folder)) = folder_of(&text) {
            let folder = path.parent().unwrap_or(Path::new("")).join(folder);
            texts.add_folder(span, &folder);
        }
        Ok(texts)
    }

    /// The names of all texts but the main one.
    pub(super) fn others(&self) -> Vec<String> {
        self.list.iter().skip(1).map(|text| text.file.clone()).collect()
    }

    /// Reads the root tables with `read`. What is no TOML, or not there, is told first and alone,
    /// since the rest of the texts may be about it.
    pub(super) fn examine<T>(
        &self,
        read: impl FnOnce(Vec<Reader<'_>>) -> Option<T>,
    ) -> Result<T, Problems> {
        let texts = self.list.iter();
        let reports: Vec<_> = texts.map(|text| Report::new(&text.file, &text.text)).collect();
        if let Some(main) = reports.first() {
            self.missing.iter().for_each(|(span, message)| main.add(span.clone(), message));
        }
        let roots: Vec<_> = reports.iter().map(Report::parse).collect();
        let value = match reports.iter().all(Report::is_clean) {
            true => {
                let both = roots.iter().zip(&reports);
                read(both.map(|(root, report)| Reader::new(root.get_ref(), 0..0, report)).collect())
            }
            false => None,
        };
        Report::conclude(reports, value)
    }

    fn add_folder(&mut self, span: Range<usize>, folder: &Path) {
        let paths = match policy_files(folder) {
            Ok(paths) => paths,
            Err(error) => {
                self.missing.push((span, format!("{}: {error}", folder.display())));
                return;
            }
        };
        let mut bytes = 0;
        for path in paths {
            let file = path.display().to_string();
            let text = read_regular(&path).and_then(|text| {
                bytes += text.len() as u64;
                within(bytes, POLICY_BYTES_MAX).map(|()| text)
            });
            match text {
                Ok(text) => self.list.push(Text { file, text }),
                Err(error) => self.missing.push((span.clone(), format!("{file}: {error}"))),
            }
        }
    }
}

/// What `policy_dir` names, and where.
fn folder_of(text: &str) -> Option<(Range<usize>, String)> {
    let (root, _) = DeTable::parse_recoverable(text);
    let folder = root.get_ref().get("policy_dir")?;
    Some((folder.span(), folder.get_ref().as_str()?.to_owned()))
}

/// The policy files of a folder in the order of their names.
fn policy_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if is_policy_file(&name) {
            paths.push(folder.join(name));
        }
        if paths.len() > POLICY_FILES_MAX {
            let message = format!("more than {POLICY_FILES_MAX} policy files");
            return Err(io::Error::other(message));
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether it is one by its name. Hidden files, and what editors and packagers leave beside a file
/// (`x.toml~`, `x.toml.bak`, `.x.toml.swp`), are none.
fn is_policy_file(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".") && !name.starts_with(b"#")
}

fn read_text(path: &Path) -> io::Result<String> {
    read(File::open(path)?)
}

/// What is found in a folder may be a pipe, which nobody may ever write to: a reload would wait.
fn read_regular(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => read(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

fn within(bytes: u64, limit: u64) -> io::Result<()> {
    if bytes <= limit {
        return Ok(());
    }
    let message = format!("more than {} of policy files up to here", Size(limit));
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

fn read(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX {
        let message = format!("more than {}", Size(FILE_MAX));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
