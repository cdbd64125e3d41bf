//! `argoctl demo --vm`: two virtual machines and two processes under one policy.

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
  { hook = "register_single_source", from = "intruder", to = "intruder" },
  { hook = "send", from = "intruder", to = "intruder" },
]
port = [
  { from = "client", to = "machine", to_port = 7, reply = true },
  { from = "intruder", to = "intruder", to_port = 7 },
]

[[domain]]
id = 1
name = "client"
ram = "4MiB"

[[domain]]
id = 3
name = "stranger"
ram = "4MiB"

[[domain]]
id = 2
name = "machine"
kind = "kvm"
ram = "16MiB"
command = "role=serve"
image = IMAGE

[[domain]]
id = 4
name = "intruder"
kind = "kvm"
ram = "16MiB"
command = "role=forbidden peer=1"
image = IMAGE
"#;

/// What the intruder says once it was refused all that it tried with the client, and nothing else.
const REFUSED: &str = "check: a message to oneself: ok";

/// Plays everything with this kernel. `true`: all went as claimed.
pub(super) fn play(kernel: &Path, each: Duration) -> Result<bool, Mishap> {
    let mut out = io::stdout().lock();
    let scene = Scene::set(kernel)?;
    let running = scene.stat("machine")?.0;
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
    let (contained, tries) = scene.intruder()?;
    writeln!(
        out,
        "4. Another machine tries to receive from that process, and to send to it: {tries} times {}.",
        if contained { "refused" } else { "NOT REFUSED" }
    )?;
    let rounds = exchange(&client, each)?;
    writeln!(out, "5. {} messages went and came back in {each:?}.", grouped(rounds))?;
    let (sent, full) = flood(&client, each)?;
    writeln!(
        out,
        "6. {} messages sent without waiting for answers; {} times its ring was full.",
        grouped(sent),
        grouped(full)
    )?;
    drain(&client);
    let still = ask(&client, b"still there?")?;
    writeln!(out, "7. It still answers: {still:?}.")?;
    client.blocking_for(PATIENCE).send_to(FAREWELL, machine()?)?;
    let ended = scene.end("machine")?.0;
    writeln!(
        out,
        "8. It is told that that is all: {}, after {} exits.",
        ended.last_end.as_deref().unwrap_or("no end"),
        grouped(ended.exits)
    )?;
    let answered = answer == "HELLO" && still == "STILL THERE?";
    let moved = rounds > 0 && sent > 0;
    Ok(answered && moved && refused && contained && is_well(&ended))
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
        let described = CONFIGURATION.replace("IMAGE", &image.to_string());
        fs::write(&config, format!("runtime_dir = {runtime_dir}\n{described}"))?;
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

    /// What there is to say about a machine, and how often its domain was refused something.
    fn stat(&self, domain: &str) -> Result<(MachineStat, u64), Mishap> {
        let mut admin = AdminClient::connect(&self.folder.path().join("admin.sock"))?;
        let domain: DomainStat = admin.request(&Request::Domain { domain: domain.into() })?;
        let refused = domain.denied.values().sum();
        Ok((domain.machine.ok_or("the domain is no machine")?, refused))
    }

    /// Whether the machine that tries what it must not was refused all of it, and how often.
    fn intruder(&self) -> Result<(bool, u64), Mishap> {
        let (ended, refused) = self.end("intruder")?;
        let said = &ended.console;
        let all = said.contains(REFUSED) && !said.contains("FAILED");
        Ok((all && refused > 0 && is_well(&ended), refused))
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

    /// What became of a machine that is to end by itself.
    fn end(&self, domain: &str) -> Result<(MachineStat, u64), Mishap> {
        let begun = Instant::now();
        loop {
            let stat = self.stat(domain)?;
            if stat.0.state == MachineState::Ended || begun.elapsed() >= PATIENCE {
                return Ok(stat);
            }
            std::thread::sleep(NAP);
        }
    }
}

/// Whether it has ended by itself, and says that all is well.
fn is_well(machine: &MachineStat) -> bool {
    machine.state == MachineState::Ended && machine.failures == 0
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
