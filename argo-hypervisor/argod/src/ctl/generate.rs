//! What a package ships beside the programs, made from the definitions that parse their arguments.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Arguments, Failure};
use crate::program::Argod;

/// The configuration's reference: the tests read it as argod does.
const EXAMPLE: &str = include_str!("../../../../docs/argod.example.toml");

/// Write completions or man pages of argod and argoctl into a folder.
#[derive(Args)]
pub(super) struct Generate {
    /// What to write.
    what: What,
    /// Where; the folder must be there.
    dir: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// For bash, zsh and fish.
    Completions,
    /// argod(8), argod.toml(5), argoctl(1) and a page for each of its subcommands.
    Man,
}

impl Generate {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let written = match self.what {
            What::Completions => completions(&self.dir),
            What::Man => man(&self.dir),
        };
        written.map_err(|error| Failure::failed(format!("{}: {error}", self.dir.display())))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn completions(dir: &Path) -> io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut visible(Arguments::command()), "argoctl", dir)?;
        clap_complete::generate_to(shell, &mut Argod::command(), "argod", dir)?;
    }
    Ok(())
}

fn man(dir: &Path) -> io::Result<()> {
    clap_mangen::generate_to(visible(Arguments::command()), dir)?;
    let mut page = Vec::new();
    Man::new(Argod::command()).section("8").render(&mut page)?;
    std::fs::write(dir.join("argod.8"), page)?;
    std::fs::write(dir.join("argod.toml.5"), configuration_page())
}

/// The same without what is hidden, which completions would offer.
fn visible(command: Command) -> Command {
    let shown: Vec<Command> =
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    let bare = Command::new("argoctl")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    let bare = match command.get_about() {
        Some(about) => bare.about(about.clone()),
        None => bare,
    };
    let bare = match command.get_after_help() {
        Some(text) => bare.after_help(text.clone()),
        None => bare,
    };
    bare.subcommands(shown)
}

fn configuration_page() -> String {
    let mut page = Roff::new();
    page.control("TH", ["argod.toml", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman("argod.toml - configuration of argod")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([
        bold("argod"),
        roman(
            "(8) reads /etc/argod.toml, or the file that it is told. What follows is a whole \
             example in which each key is explained; what is commented out shows the default.",
        ),
    ]);
    page.control("SH", ["EXAMPLE"]);
    page.control("nf", []);
    page.text([roman(EXAMPLE)]);
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("argod"), roman("(8), "), bold("argoctl"), roman("(1)")]);
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever has no help, by its place in the tree.
    fn unexplained(command: &Command, place: &str) -> Vec<String> {
        let place = format!("{place} {}", command.get_name());
        let own = command.get_about().is_none().then(|| place.clone());
        let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let arguments = arguments.filter(|argument| argument.get_help().is_none());
        let arguments = arguments.map(|argument| format!("{place} {argument}"));
        let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        let below = shown.flat_map(|sub| unexplained(sub, &place));
        own.into_iter().chain(arguments).chain(below).collect()
    }

    #[test]
    fn whatever_can_be_typed_is_explained() {
        for command in [Arguments::command(), Argod::command()] {
            assert_eq!(unexplained(&command, ""), Vec::<String>::new());
        }
    }

    #[test]
    fn the_configurations_page_has_the_whole_example() {
        let page = configuration_page();
        for line in EXAMPLE.lines().filter(|line| line.starts_with('[')) {
            assert!(page.contains(line), "{line}");
        }
    }
}
