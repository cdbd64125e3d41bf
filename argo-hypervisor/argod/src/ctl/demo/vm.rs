//! `argoctl demo --vm`: a virtual machine and two processes under one policy.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use argo_guest::host::HostSession;
use argo_guest::{Address, BindOptions, Datagram, Domain, DomainId, Port, SendError};
use tempfile::TempDir;

use super::Mishap;
use super::stage::{MYSELF, clean_up_on_signals};
use crate::admin::{AdminClient, DomainStat, MachineStat, MachineState, Request};
use crate::ctl::table::grouped;
use crate::started::StartedArgod;
use crate::tied::tied;

const MACHINE: u16 = 2;
/// Where it receives what it answers in capitals, and the message that ends it.
const PORT: Port = Port(7);
const FAREWELL: &[u8] = b"that is all";
/// It answers sooner, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that will come.
const NAP: Duration = Duration::from_millis(5);

const CONFIGURATION: &str = r#"wildcard_rings = true
lock_memory = "no"
policy = [
  { hook = "enable", from = "any" },
  { hook = "register_any_source", from = "machine" },
  { hook = "register_single_source", from = ["client", "stranger"], to = "machine" },
  { hook = "send", from = "client", to = "machine" },
  { hook = "send", from = "machine", to = "client" },
  { hook = "send", from = "stranger", to = "any", action = "deny" },
]
port = [
  { from = "client", to = "machine", to_port = 7, reply = true },
]

[[domain]]
id = 1
name = "client"
ram = "4MiB"

[[domain]]
id = 2
name = "machine"
kind = "kvm"
ram = "16MiB"
command = "role=serve"
"#;

const STRANGER: &str = "\n[[domain]]\nid = 3\nname = \"stranger\"\nram = \"4MiB\"\n";

/// Plays everything with this kernel. `true`: all went as claimed.
pub(super) fn play(kernel: &Path, each: Duration) -> Result<bool, Mishap> {
    let mut out = io::stdout().lock();
    let scene = Scene::set(kernel)?;
    let running = scene.machine()?;
    writeln!(
        out,
        "1. argod starts, and in it a virtual machine: domain {MACHINE}, {}.",
        running.state.name()
    )?;
    let (client, stranger) = (scene.socket("client")?, scene.socket("stranger")?);
    let answer = scene.first_answer(&client)?;
    writeln!(out, "2. A process sends it \"hello\", and it answers {answer:?}.")?;
    let refused = matches!(send(&stranger, b"hello"), Err(SendError::Denied { .. }));
    writeln!(
        out,
        "3. Another process, which the policy forbids it, is {}.",
        if refused { "refused" } else { "NOT REFUSED" }
    )?;
    let rounds = exchange(&client, each)?;
    writeln!(out, "4. {} messages went and came back in {each:?}.", grouped(rounds))?;
    let (sent, full) = flood(&client, each)?;
    writeln!(
        out,
        "5. {} messages sent without waiting for answers; {} times its ring was full.",
        grouped(sent),
        grouped(full)
    )?;
    drain(&client);
    let still = ask(&client, b"still there?")?;
    writeln!(out, "6. It still answers: {still:?}.")?;
    client.blocking_for(PATIENCE).send_to(FAREWELL, machine()?)?;
    let ended = scene.end()?;
    writeln!(
        out,
        "7. It is told that that is all: {}, after {} exits.",
        ended.last_end.as_deref().unwrap_or("no end"),
        grouped(ended.exits)
    )?;
    Ok(answer == "HELLO" && refused && rounds > 0 && sent > 0 && still == "STILL THERE?")
}

/// argod in a folder of its own; gone when dropped.
struct Scene {
    // First, so that it is dropped first.
    _argod: StartedArgod,
    folder: TempDir,
}

impl Scene {
    fn set(kernel: &Path) -> Result<Self, Mishap> {
        let folder = tempfile::Builder::new().prefix("argo-demo-").tempdir()?;
        clean_up_on_signals(folder.path().to_owned())?;
        let path = |path: &Path| path.to_str().map(toml::Value::from);
        let runtime_dir = path(folder.path()).ok_or("a folder whose name is not UTF-8")?;
        let image =
            fs::canonicalize(kernel).map_err(|error| format!("{}: {error}", kernel.display()))?;
        let image = path(&image).ok_or("a kernel whose name is not UTF-8")?;
        let config = folder.path().join("argod.toml");
        let text =
            format!("runtime_dir = {runtime_dir}\n{CONFIGURATION}image = {image}\n{STRANGER}");
        fs::write(&config, text)?;
        let mut argod = tied(Path::new(MYSELF), Path::new(MYSELF));
        argod.arg("argod");
        Ok(Self { _argod: StartedArgod::start(argod, &config)?, folder })
    }

    /// A socket of a process that may receive from the machine.
    fn socket(&self, domain: &str) -> Result<Datagram, Mishap> {
        let session = HostSession::attach(self.folder.path().join(format!("{domain}.sock")))?;
        let partner = BindOptions::any_port().partner(machine()?.domain);
        Ok(Datagram::bind_blocking(&Domain::new(session), partner)?)
    }

    fn machine(&self) -> Result<MachineStat, Mishap> {
        let mut admin = AdminClient::connect(&self.folder.path().join("admin.sock"))?;
        let domain: DomainStat = admin.request(&Request::Domain { domain: "machine".into() })?;
        Ok(domain.machine.ok_or("the domain is no machine")?)
    }

    /// Its answer, once it is there to give one.
    fn first_answer(&self, socket: &Datagram) -> Result<String, Mishap> {
        let begun = Instant::now();
        loop {
            match send(socket, b"hello") {
                Err(SendError::ConnectionRefused { .. }) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(NAP);
                }
                sent => {
                    sent?;
                    return hear(socket);
                }
            }
        }
    }

    fn end(&self) -> Result<MachineStat, Mishap> {
        let begun = Instant::now();
        loop {
            let machine = self.machine()?;
            if machine.state == MachineState::Ended || begun.elapsed() >= PATIENCE {
                return Ok(machine);
            }
            std::thread::sleep(NAP);
        }
    }
}

fn machine() -> Result<Address, Mishap> {
    Ok(Address { domain: DomainId::new(MACHINE).ok_or("a reserved id")?, port: PORT })
}

fn send(socket: &Datagram, bytes: &[u8]) -> Result<usize, SendError> {
    let domain = DomainId::new(MACHINE).unwrap_or(DomainId::CONTROL);
    socket.blocking_for(PATIENCE).send_to(bytes, Address { domain, port: PORT })
}

fn hear(socket: &Datagram) -> Result<String, Mishap> {
    let mut answer = [0; 64];
    let len = socket.blocking_for(PATIENCE).recv(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..len]).into_owned())
}

fn ask(socket: &Datagram, bytes: &[u8]) -> Result<String, Mishap> {
    send(socket, bytes)?;
    hear(socket)
}

/// How often a message went and came back.
fn exchange(socket: &Datagram, each: Duration) -> Result<u64, Mishap> {
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < each {
        let expected = format!("NUMBER {rounds}");
        if ask(socket, format!("number {rounds}").as_bytes())? != expected {
            return Err(format!("another answer than {expected:?}").into());
        }
        rounds += 1;
    }
    Ok(rounds)
}

/// How many messages were sent, and how often there was no room for one. Answers are read when there is
/// none, or the machine would wait for the client.
fn flood(socket: &Datagram, each: Duration) -> Result<(u64, u64), Mishap> {
    let (begun, to) = (Instant::now(), machine()?);
    let (mut sent, mut full) = (0, 0);
    while begun.elapsed() < each {
        match socket.try_send_to(b"a flood", to) {
            Ok(_) => sent += 1,
            Err(SendError::WouldBlock { .. }) => {
                full += 1;
                drain(socket);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((sent, full))
}

/// Reads until nothing comes any more.
fn drain(socket: &Datagram) {
    while socket.blocking_for(20 * NAP).recv(&mut [0; 64]).is_ok() {}
}
