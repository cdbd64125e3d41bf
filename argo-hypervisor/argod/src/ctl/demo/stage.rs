//! What the demo runs on: a folder, an argod, and a process for each domain.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use argo_guest::{DomainId, Port};
use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use super::line::Line;
use super::{Mishap, Role};
use crate::admin::{AdminClient, Request, Stat};
use crate::started::StartedArgod;
use crate::tied::tied;

/// A domain of the demo.
pub(super) struct Domain {
    pub(super) id: u16,
    pub(super) name: &'static str,
    role: Role,
    /// Its user, where each has one.
    pub(super) uid: u32,
}

pub(super) const CLIENT: Domain = Domain { id: 1, name: "client", role: Role::Client, uid: 61001 };
pub(super) const SERVER: Domain = Domain { id: 2, name: "server", role: Role::Server, uid: 61002 };
pub(super) const ATTACKER: Domain =
    Domain { id: 3, name: "attacker", role: Role::Attacker, uid: 61003 };
/// The id of no domain.
pub(super) const NOBODY: u16 = 99;
/// Where the server receives.
pub(super) const SERVER_PORT: Port = Port(7);

/// The policy, a rule a line.
const POLICY: &str = r#"policy = [
  { hook = "enable", from = "any" },
  { hook = "register_any_source", from = "server" },
  { hook = "register_single_source", from = "client", to = "server" },
  { hook = "register_single_source", from = "attacker", to = "attacker" },
  { hook = "send", from = "client", to = "server" },
  { hook = "send", from = "server", to = "client" },
  { hook = "send", from = "attacker", to = "any", action = "deny" },
  { hook = "grant", from = "server", to = "client" },
  { hook = "event_channel", from = ["server", "client"], to = ["server", "client"] },
]
port = [
  { from = "client", to = "server", to_port = 7, reply = true },
]
store = [
  { from = "server", path = "~", access = "write" },
  { from = "client", path = "/local/domain/2/data/vchan/1" },
]
"#;

/// This program, wherever it lies and whoever may look there.
pub(super) const MYSELF: &str = "/proc/self/exe";
/// A process of the demo answers sooner, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the domains are protected from each other outside argod too.
pub(super) enum Users {
    /// Each has a uid of its own.
    OneEach,
    /// All have argod's; why.
    Shared(String),
}

/// Everything that runs. Nothing of it is left when it is dropped, or when this process ends.
pub(super) struct Stage {
    // First, so that it is dropped first.
    _argod: StartedArgod,
    pub(super) users: Users,
    folder: TempDir,
}

impl Stage {
    /// Starts argod in a folder of its own.
    pub(super) fn set() -> Result<Self, Mishap> {
        let folder = tempfile::Builder::new().prefix("argo-demo-").tempdir()?;
        clean_up_on_signals(folder.path().to_owned())?;
        // Others may pass through to the sockets, which have owners, but not look around.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let users = users(folder.path());
        let config = folder.path().join("argod.toml");
        fs::write(&config, configuration(folder.path(), &users)?)?;
        let mut argod = tied(Path::new(MYSELF), Path::new(MYSELF));
        argod.arg("argod").process_group(0);
        Ok(Self { _argod: StartedArgod::start(argod, &config)?, users, folder })
    }

    /// Starts the process of a domain; returns once it says that it is ready.
    pub(super) fn enter(&self, domain: &Domain) -> Result<Actor, Mishap> {
        let (line, theirs) = Line::pair(PATIENCE)?;
        let mut command = actor(domain.role, &self.socket(domain))?;
        if matches!(self.users, Users::OneEach) {
            command.uid(domain.uid).gid(domain.uid);
        }
        // Ctrl-C is for us, who clean up; they end with us.
        let process = command.stdin(theirs).stdout(Stdio::null()).process_group(0).spawn()?;
        let mut actor = Actor { name: domain.name, process, line };
        actor.hear::<serde_json::Value>()?;
        Ok(actor)
    }

    pub(super) fn socket(&self, domain: &Domain) -> PathBuf {
        self.folder.path().join(format!("{}.sock", domain.name))
    }

    /// What argod says about itself.
    pub(super) fn stat(&self) -> Result<Stat, Mishap> {
        let mut admin = AdminClient::connect(&self.folder.path().join("admin.sock"))?;
        Ok(admin.request(&Request::Stat)?)
    }

    /// A text of argod's without the path of the folder.
    pub(super) fn shortened(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }

    /// The lines of the configuration that hold the policy, with their numbers.
    pub(super) fn policy(&self) -> Result<Vec<(usize, String)>, Mishap> {
        let text = fs::read_to_string(self.folder.path().join("argod.toml"))?;
        let lines = (1..).zip(text.lines().map(str::to_owned));
        Ok(lines.filter(|(_, line)| line.contains("from =")).collect())
    }
}

/// The process of a domain; killed when dropped.
pub(super) struct Actor {
    name: &'static str,
    process: Child,
    line: Line,
}

impl Actor {
    pub(super) fn tell(&mut self, order: &impl Serialize) -> Result<(), Mishap> {
        self.line.say(order).map_err(|error| format!("the {}: {error}", self.name).into())
    }

    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Mishap> {
        let heard = self.line.hear::<Result<T, String>>();
        match heard.map_err(|error| format!("the {}: {error}", self.name))? {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(format!("the {}: {error}", self.name).into()),
            None => Err(format!("the {} ended", self.name).into()),
        }
    }

    pub(super) fn ask<T: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<T, Mishap> {
        self.tell(order)?;
        self.hear()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn actor(role: Role, path: &Path) -> Result<Command, Mishap> {
    let role = role.to_possible_value().ok_or("a role without a name")?;
    let mut command = tied(Path::new(MYSELF), Path::new(MYSELF));
    command.arg("demo-actor").arg(role.get_name()).arg(path);
    Ok(command)
}

/// Whether we can start processes of other users, and these can reach the folder.
fn users(folder: &Path) -> Users {
    if !rustix::process::geteuid().is_root() {
        return Users::Shared("only root can give each domain a uid of its own".into());
    }
    let probe = || -> Result<bool, Mishap> {
        let mut command = actor(Role::Probe, folder)?;
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(quiet.uid(CLIENT.uid).gid(CLIENT.uid).status()?.success())
    };
    match probe() {
        Ok(true) => Users::OneEach,
        Ok(false) => Users::Shared(format!("{} is closed to other uids", folder.display())),
        Err(error) => Users::Shared(format!("no process can be started as another uid: {error}")),
    }
}

fn configuration(folder: &Path, users: &Users) -> Result<String, Mishap> {
    let folder = folder.to_str().ok_or("the folder for temporary files has a name not in UTF-8")?;
    let folder = toml::Value::from(folder);
    let mut text = format!("runtime_dir = {folder}\nwildcard_rings = true\nlock_memory = \"no\"\n");
    text += POLICY;
    for Domain { id, name, uid, .. } in [CLIENT, SERVER, ATTACKER] {
        text += &format!("\n[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"4MiB\"\n");
        if matches!(users, Users::OneEach) {
            text += &format!("uid = {uid}\ngid = {uid}\n");
        }
    }
    Ok(text)
}

/// The processes end with this one by themselves, but the folder would stay.
pub(super) fn clean_up_on_signals(folder: PathBuf) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // An error means that it is gone already, or that nothing can be done about it.
            let _ = fs::remove_dir_all(folder);
            // What a shell says of a process that a signal ended.
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// The id of a domain of the demo.
pub(super) fn id(domain: Domain) -> Result<DomainId, Mishap> {
    Ok(DomainId::new(domain.id).ok_or("a reserved id")?)
}
