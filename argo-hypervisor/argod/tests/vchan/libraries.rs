//! The C libraries and the C program, built once for all tests of this binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where everything was built.
pub struct Built {
    folder: PathBuf,
}

/// Whose libxenvchan a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Debian's, over our shims of Xen's other libraries.
    Debian,
    /// Ours.
    Ours,
}

impl Built {
    /// `None`, told on stderr, if this machine cannot build them.
    pub fn once() -> Option<&'static Self> {
        static BUILT: OnceLock<Option<Built>> = OnceLock::new();
        BUILT.get_or_init(Self::new).as_ref()
    }

    /// The program, to be run over that library.
    pub fn program(&self, library: Library) -> Command {
        let mut command = Command::new(self.folder.join("program"));
        command.env("LD_LIBRARY_PATH", self.library_path(library));
        command
    }

    pub fn library_path(&self, library: Library) -> PathBuf {
        self.folder.join(match library {
            Library::Debian => "shims",
            Library::Ours => "vchan",
        })
    }

    fn new() -> Option<Self> {
        if let Some(missing) = missing() {
            effort::skipped(&format!(
                "tests of libxenvchan need {missing} (packages gcc, libxen-dev)"
            ));
            return None;
        }
        let built = Self { folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("vchan") };
        built.link();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vchan/program.c");
        let program = built.folder.join("program");
        run(Command::new("cc")
            .args(["-std=gnu11", "-Wall", "-Werror", "-O1", "-o"])
            .arg(program)
            .arg(source)
            .arg("-lxenvchan"));
        Some(built)
    }

    /// Builds all libraries at once, then lays out a folder for either way to run the program.
    fn link(&self) {
        // The folder of this binary's own build: `target`, whatever it is called.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vchan/xen-abi/build.sh");
        run(Command::new(script)
            .arg(self.folder.join("all"))
            .arg(target)
            .env("PROFILE", profile)
            .env("CARGO", env!("CARGO")));
        let shims = ["libxengnttab.so.1", "libxenevtchn.so.1", "libxenstore.so.4"];
        self.lay_out(Library::Debian, &shims);
        self.lay_out(Library::Ours, &["libxenvchan.so.4.17"]);
    }

    fn lay_out(&self, library: Library, files: &[&str]) {
        let folder = self.library_path(library);
        std::fs::create_dir_all(&folder).unwrap();
        for file in files {
            std::fs::copy(self.folder.join("all").join(file), folder.join(file)).unwrap();
        }
    }
}

fn missing() -> Option<&'static str> {
    let header = r#"#include <libxenvchan.h>
        int main(void) { return libxenvchan_is_open(0); }"#;
    let compiles = |arguments: &[&str]| {
        let shell = format!("printf '%s' \"$1\" | cc -x c - -o /dev/null {}", arguments.join(" "));
        let compiled = Command::new("sh").args(["-c", &shell, "sh", header]).output();
        compiled.is_ok_and(|output| output.status.success())
    };
    let there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let tool = ["cc", "nm", "readelf"].into_iter().find(|tool| !there(tool));
    tool.or_else(|| (!compiles(&["-lxenvchan"])).then_some("libxenvchan and its header"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}
