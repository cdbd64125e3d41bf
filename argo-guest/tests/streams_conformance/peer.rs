//! The driver as recorded as the peer of our library: its messages in its order, ours in the place
//! of the raw peer.
//!
//! What the raw peer did that no peer does who keeps the protocol, our library cannot be made to
//! do; such steps are left out, and the connection that they concern counts as derailed from then
//! on: what becomes of it is not compared any more, only that nothing is answered to an RST.

use std::collections::BTreeMap;

use argo_core::{Errno, Partner};
use argo_guest::Port;
use argo_guest::stream::{ListenOptions, StreamListener};

use super::link::{Link, State};
use super::raw::{Raw, Taken};
use super::replay::{RAW, STREAM, SYN, system};
use super::session::{RING_LEN, Session, options};
use super::trace::{Direction, Message, Scenario, Step, Who, number};

pub const DRIVER: u16 = 0;
pub const ACK: u32 = 2;
pub const RST: u32 = 4;
/// The ports that stand for the driver's automatic ones begin here.
const AUTO_PORTS: u32 = 0x9000_0000;

pub struct Peer {
    pub script: Raw,
    pub ours: Session,
    pub listeners: BTreeMap<u32, StreamListener>,
    pub links: BTreeMap<String, Link>,
    ports: BTreeMap<String, u32>,
}

/// Plays a scenario; the error names the step at which our library did not behave.
pub fn replay(scenario: &Scenario) -> Result<(), String> {
    let mut peer = Peer::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        let outcome = peer.step(step);
        outcome.map_err(|fault| format!("{} step {at}: {fault}", scenario.id))?;
    }
    peer.end().map_err(|fault| format!("{} at its end: {fault}", scenario.id))
}

impl Peer {
    fn new() -> Self {
        let system = system();
        let script = Raw::new(&system, argo_guest::DomainId::new(DRIVER).unwrap());
        let ours = Session::new(&system, RAW);
        let (listeners, links, ports) = Default::default();
        Self { script, ours, listeners, links, ports }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Message(message) if message.dir == Direction::FromDriver => self.send(message),
            Step::Message(message) => self.act(message),
            Step::Call(call) => {
                let port = call.fields.port.as_deref();
                match (call.who, call.op.as_str(), port) {
                    (Who::Raw, "register", Some(port)) => self.listen(number(port)),
                    (Who::Raw, "unregister", Some(port)) => {
                        self.listeners.remove(&number(port));
                    }
                    (Who::Driver, "bind", Some(port)) if port != "0x0" => {
                        self.script_port(port);
                    }
                    _ => {}
                }
                Ok(())
            }
            Step::Note { .. } => Ok(()),
        }
    }

    /// The raw peer's ports 0x50xx are those on which it accepts; from 0x60xx it connects.
    fn listen(&mut self, port: u32) {
        if port & 0xFF00 == 0x5000 {
            let how = ListenOptions::port(Port(port)).stream(options());
            let listener = StreamListener::bind_blocking(&self.ours.domain, how).unwrap();
            self.listeners.insert(port, listener);
        }
    }

    /// The script's port of that name, with a ring.
    pub fn script_port(&mut self, name: &str) -> u32 {
        if let Some(port) = self.ports.get(name) {
            return *port;
        }
        let port = match name.strip_prefix("auto") {
            Some(digits) => AUTO_PORTS + digits.parse::<u32>().unwrap(),
            None => number(name),
        };
        self.script.register(port, Partner::Any, RING_LEN).unwrap();
        self.ports.insert(name.into(), port);
        port
    }

    /// A message of the driver.
    fn send(&mut self, message: &Message) -> Result<(), String> {
        let source = self.script_port(&message.src_port);
        let (Some(name), Some(flags)) = (&message.conid, message.flags()) else {
            return self.send_unrelated(source, message);
        };
        if flags == SYN {
            let link = Link::asked(source, number(&message.dst_port), conid_of(name));
            self.script_sends(&link, SYN, 0, source)?;
            self.links.entry(name.clone()).or_insert(link);
            return Ok(());
        }
        let Some(mut link) = self.links.remove(name) else {
            return self.send_stray(source, flags, conid_of(name), message);
        };
        let outcome = self.send_on(&mut link, source, flags, message.len - 8);
        let over = link.is_gone();
        self.links.insert(name.clone(), link);
        outcome?;
        if over { self.close_connector(&message.src_port, flags) } else { Ok(()) }
    }

    /// A datagram that the driver used to fill the raw peer's ring: nothing to our streams.
    fn send_unrelated(&mut self, source: u32, message: &Message) -> Result<(), String> {
        let to = (self.ours.domain.id(), number(&message.dst_port));
        if self.listeners.contains_key(&to.1) {
            let payload = vec![0; message.len as usize];
            let sent = self.script.send(source, to, message.message_type(), &payload);
            sent.map_err(|errno| format!("not sent: {errno}"))?;
        }
        Ok(())
    }

    /// A message of no connection that ours knows (yet), to where a listener hears it.
    fn send_stray(
        &mut self,
        source: u32,
        flags: u32,
        conid: u32,
        message: &Message,
    ) -> Result<(), String> {
        let to = number(&message.dst_port);
        if !self.listeners.contains_key(&to) {
            return Ok(());
        }
        let link = Link::asked(source, to, conid);
        self.script_sends(&link, flags, message.len as usize - 8, source)?;
        self.nothing_comes(source)?;
        self.close_connector(&message.src_port, flags)
    }

    /// The driver's connector is no more once it has sent its RST.
    fn close_connector(&mut self, name: &str, flags: u32) -> Result<(), String> {
        if flags != RST || !name.starts_with("auto") {
            return Ok(());
        }
        match self.script.unregister(self.ports[name]) {
            // One that derailed.
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(format!("{name} cannot be closed: {errno}")),
        }
    }

    fn send_on(
        &mut self,
        link: &mut Link,
        source: u32,
        flags: u32,
        len: u32,
    ) -> Result<(), String> {
        if !self.deliver(link, flags, len as usize, source)? || link.derailed {
            return Ok(());
        }
        match flags {
            0 => {
                link.expect(len as usize);
                Ok(())
            }
            ACK => link.connected(),
            RST => {
                link.ended()?;
                self.nothing_comes(source)
            }
            other => Err(format!("flags {other:#x}")),
        }
    }

    /// Sends, with our user reading meanwhile if the ring is full; `false`: nobody is there.
    fn deliver(
        &mut self,
        link: &mut Link,
        flags: u32,
        len: usize,
        source: u32,
    ) -> Result<bool, String> {
        if link.is_gone() {
            return Ok(false);
        }
        self.script.interrupted();
        if self.script_sends(link, flags, len, source).is_ok() {
            self.ours.watched.settle();
            return Ok(true);
        }
        link.read_all()?;
        self.ours.watched.settle();
        if !self.script.interrupted() {
            return Err("read, but the waiting sender was not told".into());
        }
        self.script_sends(link, flags, len, source).map(|()| true)
    }

    fn script_sends(&self, link: &Link, flags: u32, len: usize, source: u32) -> Result<(), String> {
        let payload = link.message(flags, len);
        let sent = self.script.send(source, (self.ours.domain.id(), link.port), STREAM, &payload);
        sent.map(|_| ()).map_err(|errno| format!("not sent: {errno}"))
    }

    fn nothing_comes(&mut self, port: u32) -> Result<(), String> {
        self.ours.watched.settle();
        let taken: Option<Taken> = self.script.take(port);
        taken.map_or(Ok(()), |taken| Err(format!("an answer to an RST: {taken:?}")))
    }

    /// Everything that came is read; then each connection that is still open ends with one RST.
    fn end(mut self) -> Result<(), String> {
        for (name, mut link) in std::mem::take(&mut self.links) {
            let open = matches!(link.state, State::Open(_));
            if open && !link.derailed {
                link.read_all().map_err(|fault| format!("{name}: {fault}"))?;
                link.state = State::Over;
                self.expect(&link, RST, 0).map_err(|fault| format!("{name}: {fault}"))?;
            }
        }
        Ok(())
    }
}

/// The connection id that the script gives to a symbol of the record.
fn conid_of(name: &str) -> u32 {
    0xD0D0_0000 + name[1..].parse::<u32>().unwrap()
}
