//! Plays a scenario step by step, the raw peer as recorded, the driver's part by our library.

use argo_core::{DomainId, Errno, Partner};
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, WildcardRings};

use super::differences::{self, Difference, NOTHING, What};
use super::driver::{DRIVER, Driver, RULED_OUT, Returns, STILL_WAITING, UNEXPECTED};
use super::expected;
use super::names::Names;
use super::payload::Payloads;
use super::raw::{Raw, Taken};
use super::trace::{Call, Direction, Fields, Message, Scenario, Step, Who, number};

/// The raw peer's domain in the record.
pub const RAW: u16 = 1;
/// The type of stream messages.
pub const STREAM: u32 = 0x3574_526D;
pub const SYN: u32 = 1;
/// Our offer, in the SYN.
pub const EXTENDED: u32 = 1 << 20;

/// Scenarios in which the raw peer does not read a ring to its end, or dies.
const UNREAD: &[&str] = &["f2", "f5", "g4", "y1"];

pub struct Replay<'s> {
    scenario: &'s Scenario,
    system: InProcess<AllowAll>,
    raw: Raw,
    driver: Driver,
    names: Names,
    payloads: Payloads,
}

pub fn system() -> InProcess<AllowAll> {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    InProcess::new(config, AllowAll)
}

/// Plays a scenario; the error names the steps that are neither as recorded nor as listed.
pub fn replay(scenario: &Scenario) -> Result<(), String> {
    let mut replay = Replay::new(scenario);
    let mut faults = Vec::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        let outcome = replay.settled(at).and_then(|()| replay.step(at, step));
        faults.extend(outcome.err().map(|fault| format!("{} step {at}: {fault}", scenario.id)));
    }
    let end = replay.settled(scenario.steps.len()).and_then(|()| replay.no_message_is_left());
    faults.extend(end.err().map(|fault| format!("{} at its end: {fault}", scenario.id)));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

impl<'s> Replay<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        let system = system();
        let driver = Driver::new(&system);
        let raw = Raw::new(&system, DomainId::new(RAW).unwrap());
        let mut names = Names::default();
        if scenario.id == "i4" {
            names.set_conid("R1", 0);
        }
        let payloads = Payloads::new(&scenario.id);
        Self { scenario, system, raw, driver, names, payloads }
    }

    /// Everything that has happened is dealt with.
    fn settled(&mut self, before: usize) -> Result<(), String> {
        self.driver.settle();
        self.extras(before)
    }

    fn step(&mut self, at: usize, step: &Step) -> Result<(), String> {
        let listed = self.listed(at, What::Outcome);
        let (recorded, ours) = match step {
            Step::Note { note } => return self.note(note),
            Step::Message(message) if message.dir == Direction::FromDriver => {
                if listed.is_some_and(|listed| listed.ours == NOTHING) {
                    return Ok(());
                }
                (self.shown(message), self.receive(at, message)?)
            }
            Step::Message(message) => (expected::result(message), self.send(message)),
            Step::Call(call) if call.who == Who::Raw => {
                (expected::raw_call(call), self.raw_call(call))
            }
            Step::Call(call) => {
                let later = listed.is_some_and(|listed| listed.ours == STILL_WAITING);
                let returns = if later { Returns::Later } else { Returns::Now };
                let (recorded, ours) =
                    (expected::driver_call(call), self.driver.call(call, returns));
                let ours = self.with_names(call, ours);
                if let Some(name) = self.listed(at, What::Name) {
                    self.driver.rename(UNEXPECTED, name.ours);
                }
                if let Some(sock) = self.listed(at, What::AlsoClosed) {
                    self.driver.close(sock.ours);
                }
                if ours == RULED_OUT && expected::may_be_ruled_out(call, &self.driver) {
                    return Ok(());
                }
                (recorded, ours)
            }
        };
        judge(&recorded, &ours, listed)
    }

    fn listed(&self, at: usize, what: What) -> Option<&'static Difference> {
        differences::at(&self.scenario.id, at, what).next()
    }

    fn note(&mut self, note: &str) -> Result<(), String> {
        match note {
            "xl destroy raw" => {
                let raw = DomainId::new(RAW).unwrap();
                self.system.engine().destroy_domain(raw).map_err(|error| error.to_string())
            }
            "6 s without an answer, non-blocking" => {
                self.driver.session.watched.advance(std::time::Duration::from_secs(6));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The messages that ours sends and the driver does not, before the step. The peer goes on
    /// reading for them, and says so.
    fn extras(&mut self, at: usize) -> Result<(), String> {
        for extra in differences::at(&self.scenario.id, at, What::MessageBefore) {
            self.raw.notify();
            self.driver.settle();
            let (what, ports) = extra.ours.rsplit_once(' ').unwrap();
            let conid = what.split(' ').nth(1);
            let (source, to) = ports.split_once("->").unwrap();
            let taken = self.raw.wait_for(number(to)).ok_or(format!("no {}", extra.ours))?;
            let ours = self.text(&taken, source, conid, to);
            if ours != extra.ours {
                return Err(format!("ours is {ours:?}, not {:?}", extra.ours));
            }
        }
        Ok(())
    }

    fn shown(&self, message: &Message) -> String {
        let Message { src_port, dst_port, len, .. } = message;
        let what = match (message.message_type(), message.flags()) {
            (STREAM, Some(flags)) => expected::flags(flags),
            (message_type, _) => format!("type {message_type:#x}"),
        };
        let conid = message.conid.as_deref().unwrap_or("-");
        format!("{what} {conid} len={len} {src_port}->{dst_port}")
    }

    /// Takes the message that the raw peer is to get next on that port.
    fn receive(&mut self, at: usize, message: &Message) -> Result<String, String> {
        let port = number(&message.dst_port);
        let taken = self.raw.wait_for(port).ok_or("no message came")?;
        if let Some(name) = self.listed(at, What::Port) {
            self.names.rename_port(name.ours, taken.source);
        }
        self.payloads.check(&taken)?;
        let conid = message.conid.as_deref();
        Ok(self.text(&taken, &message.src_port, conid, &message.dst_port))
    }

    fn text(&mut self, taken: &Taken, src: &str, conid: Option<&str>, dst: &str) -> String {
        let (what, id) = summary(taken);
        let conid = match (conid, id) {
            (Some(name), Some(id)) if self.names.meet_conid(name, id) => name.into(),
            (_, Some(id)) => self.names.conid_name(id),
            (_, None) => "-".into(),
        };
        let src = match self.names.meet_port(src, taken.source) {
            true => src.into(),
            false => format!("{:#x}", taken.source),
        };
        format!("{what} {conid} len={} {src}->{dst}", taken.payload.len())
    }

    fn send(&mut self, message: &Message) -> String {
        let driver = DomainId::new(DRIVER).unwrap();
        let Some(port) = self.names.port(&message.dst_port) else { return "no such port".into() };
        let payload = self.payloads.of(message, &mut self.names);
        let source = number(&message.src_port);
        let sent = self.raw.send(source, (driver, port), message.message_type(), &payload);
        sent.map_or_else(Errno::ret, i64::from).to_string()
    }

    fn raw_call(&mut self, call: &Call) -> String {
        let fields = &call.fields;
        let port = fields.port.as_deref().and_then(|port| self.names.port(port));
        match call.op.as_str() {
            "register" => {
                let partner = match number(fields.partner.as_deref().unwrap()) {
                    0x7FF4 => Partner::Any,
                    raw => Partner::Domain(DomainId::new(raw as u16).unwrap()),
                };
                result(self.raw.register(port.unwrap(), partner, fields.ring_len))
            }
            "unregister" => self.unregister(port.unwrap()),
            "notify" => self.ask(port, fields),
            "notify_null" => {
                self.raw.notify();
                "0".into()
            }
            "recv_nothing" => {
                let port = number(fields.on.as_str().unwrap());
                self.raw.take(port).map_or(NOTHING.into(), |taken| left(&taken))
            }
            "virq_argo_pending_read_and_clear" => u32::from(self.raw.interrupted()).to_string(),
            op => format!("an unknown call {op}"),
        }
    }

    /// Where the record's peer has read everything, ours has to have sent nothing more.
    fn unregister(&mut self, port: u32) -> String {
        let taken = self.raw.take(port);
        let gone = result(self.raw.unregister(port));
        match taken {
            Some(taken) if !UNREAD.contains(&self.scenario.id.as_str()) => {
                format!("{gone}, but left {}", left(&taken))
            }
            _ => gone,
        }
    }

    fn ask(&self, port: Option<u32>, fields: &Fields) -> String {
        let to = DomainId::new(fields.dst_dom).unwrap();
        let Some(port) = port else { return "no such port".into() };
        let answer = self.raw.ask((to, port), fields.space);
        expected::answer(answer.flags.bits().into(), answer.max_payload.unwrap_or(0))
    }

    /// The record's names for the ports in an answer of our library, where they are right.
    fn with_names(&mut self, call: &Call, ours: String) -> String {
        let fields = &call.fields;
        let names = [&fields.port, &fields.peer_port, &fields.src_port];
        for name in names.into_iter().flatten() {
            let Some((head, port)) = ours.rsplit_once("0x") else { continue };
            let port = u32::from_str_radix(port, 16).unwrap();
            if self.names.meet_port(name, port) {
                return format!("{head}{name}");
            }
        }
        ours
    }

    fn no_message_is_left(&mut self) -> Result<(), String> {
        if UNREAD.contains(&self.scenario.id.as_str()) {
            return Ok(());
        }
        for port in self.raw.ports() {
            if let Some(taken) = self.raw.take(port) {
                return Err(format!("{} was left on port {port:#x}", left(&taken)));
            }
        }
        Ok(())
    }
}

/// What a message is, and the connection id of a stream's.
fn summary(taken: &Taken) -> (String, Option<u32>) {
    match (taken.message_type, taken.flags()) {
        (STREAM, Some(flags)) if flags == SYN | EXTENDED => ("SYN".into(), taken.conid()),
        (STREAM, Some(SYN)) => ("SYN without our offer".into(), taken.conid()),
        (STREAM, Some(flags)) => (expected::flags(flags), taken.conid()),
        (other, _) => (format!("type {other:#x}"), None),
    }
}

fn left(taken: &Taken) -> String {
    format!("{} len={}", summary(taken).0, taken.payload.len())
}

fn result(done: Result<(), Errno>) -> String {
    done.map_or_else(Errno::ret, |()| 0).to_string()
}

fn judge(recorded: &str, ours: &str, listed: Option<&Difference>) -> Result<(), String> {
    match listed {
        None if recorded == ours => Ok(()),
        None => Err(format!("recorded {recorded:?}, ours {ours:?}")),
        Some(listed) if recorded == listed.ours => Err("it is listed, but no difference".into()),
        Some(listed) if ours == listed.ours => Ok(()),
        Some(listed) => {
            Err(format!("recorded {recorded:?}, listed {:?}, ours {ours:?}", listed.ours))
        }
    }
}
