//! Who takes part.

use std::path::Path;
use std::rc::Rc;

use rustix::thread::{sched_getaffinity, sched_setaffinity};

use super::trouble::{Kind, Trouble};
use crate::between::hypervisor;
use crate::between::ways::Way;
use crate::between::world::World;
use crate::case::Failure;
use crate::placement::{self, Place};

/// The attacker's domain. A second one of its is there to be shared with and sent to.
pub const ATTACKER: &str = "mallory";

/// Where everybody runs: argod has a worker on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cores {
    /// As many as there are; the attacker on any.
    Two,
    /// All on the same.
    One,
}

/// Processes that end when this is dropped.
pub struct Scene {
    /// Where.
    pub cores: Cores,
    /// argod, and the two that talk to each other.
    pub world: Rc<World>,
    /// Does everything wrong.
    pub attacker: Rc<Trouble>,
    /// Takes the processor only.
    pub burner: Rc<Trouble>,
}

impl Scene {
    /// Starts them.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start(cores: Cores) -> Result<Self, Failure> {
        let allowed = sched_getaffinity(None)?;
        if cores == Cores::One {
            // Who is started inherits it.
            placement::pin(Place::First)?;
        }
        let scene = Self::start_here(cores);
        sched_setaffinity(None, &allowed)?;
        scene
    }

    fn start_here(cores: Cores) -> Result<Self, Failure> {
        let world = World::around(|dir| hypervisor::start_with(dir, &configuration(dir)))?;
        world.meet(Way::Argo)?;
        let trouble = |kind| Ok::<_, Failure>(Rc::new(Trouble::start(kind, world.dir())?));
        let (attacker, burner) = (trouble(Kind::Attacker)?, trouble(Kind::Burner)?);
        Ok(Self { cores, world, attacker, burner })
    }

    /// The processes whose time is the cases' own.
    pub fn own(&self) -> Vec<u32> {
        let mut own = self.world.own();
        own.extend([self.attacker.pid(), self.burner.pid()]);
        own
    }
}

/// The ids are those that the attacker knows. It may send to a port of the first of the two.
fn configuration(dir: &Path) -> String {
    format!("runtime_dir = {dir:?}\n{POLICY}{DOMAINS}")
}

const POLICY: &str = r#"
wildcard_rings = true
policy = [
  { hook = ["enable", "register_any_source"], from = "any" },
  { hook = ["register_single_source", "send"], from = "label:good", to = "label:good" },
  { hook = ["register_single_source", "send", "grant", "event_channel"], from = "label:bad", to = "label:bad" },
  { hook = "send", from = "label:bad", to = "sender" },
]
port = [
  { from = "label:good", to = "label:good", to_port = "any" },
  { from = "label:bad", to = "label:bad", to_port = "any" },
  { from = "label:bad", to = "sender", to_port = 9 },
]
store = [
  { from = "label:bad", path = "~/data/*", access = "write" },
]
"#;

const DOMAINS: &str = r#"
[[domain]]
id = 1
name = "sender"
ram = "16MiB"
labels = ["good"]
[[domain]]
id = 2
name = "receiver"
ram = "16MiB"
labels = ["good"]
[[domain]]
id = 4
name = "mallory"
ram = "1MiB"
labels = ["bad"]
quotas = { sessions = 3 }
[[domain]]
id = 5
name = "accomplice"
ram = "1MiB"
labels = ["bad"]
"#;
