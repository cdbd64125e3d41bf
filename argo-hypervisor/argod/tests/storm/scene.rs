//! Who takes part: two bystanders, one that nobody may reach, and two attackers.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

pub use argod_hostile::places::*;

use crate::common::Argod;

/// The attackers, with the users that they are.
pub const ATTACKERS: [(u16, &str, u32); 2] =
    [(MALLORY, "mallory", 65_533), (ACCOMPLICE, "accomplice", 65_534)];

const POLICY: &str = r#"
wildcard_rings = true
policy = [
  { hook = ["enable", "register_any_source"], from = "any" },
  { hook = ["register_single_source", "send"], from = "label:good", to = "label:good" },
  { hook = ["register_single_source", "send"], from = "label:bad", to = "label:bad" },
  { hook = ["grant", "event_channel"], from = "label:bad", to = "label:bad" },
  { hook = "send", from = "label:bad", to = "left" },
]
port = [
  { from = "label:good", to = "label:good", to_port = "any" },
  { from = "label:bad", to = "label:bad", to_port = "any" },
  { from = "accomplice", to = "left", to_port = 9, messages_per_second = 5000 },
  { from = "label:bad", to = "left", to_port = 9 },
]
store = [
  { from = "label:bad", path = "~/data/*", access = "write" },
  { from = "label:bad", path = "~/data", access = "read" },
]
"#;

/// An argod for all of them.
pub fn start() -> Argod {
    let good = [(LEFT, "left"), (RIGHT, "right")];
    let good =
        good.map(|(id, name)| "[[domain]]\nlabels = [\"good\"]\n".to_owned() + &domain(id, name));
    let deaf = "[[domain]]\n".to_owned() + &domain(DEAF, "deaf");
    let bad = ATTACKERS.map(|(_, name, _)| format!("[[domain]]\n{}", attacker_table(name)));
    let argod = Argod::start(&format!("{POLICY}{}{deaf}{}", good.concat(), bad.concat()));
    open_to_all(argod.dir.path(), 0o711);
    let own = std::env::current_exe().unwrap();
    std::fs::copy(own, argod.path("attacker")).unwrap();
    open_to_all(&argod.path("attacker"), 0o755);
    argod
}

/// What describes an attacker's domain: several sessions, and a user of its own where the test may be
/// somebody else.
pub fn attacker_table(name: &str) -> String {
    let (id, _, user) = ATTACKERS.into_iter().find(|(_, known, _)| *known == name).unwrap();
    let owner = if is_root() { format!("uid = {user}\ngid = {user}\n") } else { String::new() };
    domain(id, name) + &owner + "labels = [\"bad\"]\nquotas = { sessions = 3 }\n"
}

fn domain(id: u16, name: &str) -> String {
    format!("id = {id}\nname = \"{name}\"\nram = \"1MiB\"\n")
}

/// What runs this test's binary as the attacker's user.
pub fn command(argod: &Argod, user: u32) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(argod.path("attacker"));
    if is_root() {
        command.uid(user).gid(user);
    }
    command
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn open_to_all(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
