//! Completions and man pages, as a package ships them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

fn generated(what: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_argoctl"));
    let output = command.args(["generate", what]).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    dir
}

/// What bash offers after these words, the last of which is begun.
fn offered(dir: &Path, words: &str) -> Vec<String> {
    let program = words.split(' ').next().unwrap();
    let script = format!(
        "set -u; source {program}.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} \
         - 1)); COMPREPLY=(); _{program} {program} \"${{COMP_WORDS[-1]}}\" x; echo \
         \"${{COMPREPLY[@]}}\""
    );
    let bash = Command::new("bash").args(["-c", &script]).current_dir(dir).output().unwrap();
    assert!(bash.status.success() && bash.stderr.is_empty(), "{bash:?}");
    let words = String::from_utf8(bash.stdout).unwrap();
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_what_is_begun_and_offers_nothing_hidden() {
    let dir = generated("completions");
    assert_eq!(offered(dir.path(), "argoctl sta"), ["stat"]);
    assert_eq!(offered(dir.path(), "argoctl stat --for"), ["--format"]);
    assert_eq!(offered(dir.path(), "argod --check"), ["--check-config"]);
    for hidden in ["demo-", "replay-", "tied", "argod", "generate"] {
        assert_eq!(offered(dir.path(), &format!("argoctl {hidden}")), [""; 0], "{hidden}");
    }
}

#[test]
fn every_shell_has_a_script_for_both_programs() {
    let dir = generated("completions");
    for name in ["argoctl.bash", "_argoctl", "argoctl.fish", "argod.bash", "_argod", "argod.fish"] {
        assert!(std::fs::read_to_string(dir.path().join(name)).unwrap().contains("help"), "{name}");
    }
}

#[test]
fn each_visible_subcommand_has_a_page_and_no_other() {
    let dir = generated("man");
    let help = Command::new(env!("CARGO_BIN_EXE_argoctl")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let mut expected: Vec<String> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned))
        .filter(|name| !name.is_empty() && name != "help")
        .map(|name| format!("argoctl-{name}.1"))
        .chain(["argoctl.1".into(), "argod.8".into(), "argod.toml.5".into()])
        .collect();
    let pages = std::fs::read_dir(dir.path()).unwrap();
    let mut pages: Vec<String> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    // A subcommand's own subcommands have pages too.
    pages.retain(|page| page.matches('-').count() < 2 || expected.contains(page));
    pages.sort();
    expected.sort();
    assert_eq!(pages, expected);
    let stat = std::fs::read_to_string(dir.path().join("argoctl-stat.1")).unwrap();
    assert!(stat.contains("\\-\\-format") && stat.contains("ARGO_ADMIN"), "{stat}");
}
