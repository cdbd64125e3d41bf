//! What our user does so that our library sends what the raw peer sent.

use argo_guest::stream::AcceptError;

use super::link::{Link, State};
use super::peer::{ACK, DRIVER, Peer, RST};
use super::replay::{EXTENDED, STREAM, SYN};
use super::session::address;
use super::trace::Message;
use super::waiting::Blocked;

impl Peer {
    /// A message of the raw peer: what our user does so that our library sends it.
    pub fn act(&mut self, message: &Message) -> Result<(), String> {
        let Some(name) = &message.conid else { return Ok(()) };
        let proper = message.message_type() == STREAM;
        let flags = message.flags().filter(|_| proper).unwrap_or(u32::MAX);
        let bare = message.len == 8;
        match (flags, self.links.remove(name)) {
            (SYN, None) if bare && message.src_port.starts_with("0x60") => {
                let link = self.connect(&message.dst_port)?;
                self.links.insert(name.clone(), link);
                Ok(())
            }
            (_, None) => Ok(()),
            (flags, Some(mut link)) => {
                let outcome = self.act_on(&mut link, flags, message.len as usize - 8);
                self.links.insert(name.clone(), link);
                outcome
            }
        }
    }

    fn act_on(&mut self, link: &mut Link, flags: u32, len: usize) -> Result<(), String> {
        match (flags, &link.state) {
            (ACK, State::Asked) if len == 0 && !link.derailed => self.accept(link),
            // Our user cannot refuse, but accept and close.
            (RST, State::Asked) if len == 0 && !link.derailed => {
                self.accept(link)?;
                link.state = State::Over;
                self.expect(link, RST, 0)
            }
            (0, State::Open(_)) if !link.derailed => self.write(link, len),
            (RST, State::Open(_) | State::Connecting(_)) if len == 0 && !link.derailed => {
                link.state = State::Over;
                self.expect(link, RST, 0)
            }
            _ => {
                link.derailed = true;
                Ok(())
            }
        }
    }

    fn connect(&mut self, to: &str) -> Result<Link, String> {
        let port = self.script_port(to);
        self.ours.watched.settle();
        while let Some(taken) = self.script.take(port) {
            let of_derailed = |link: &Link| link.derailed && taken.conid() == Some(link.conid);
            if !self.links.values().any(of_derailed) {
                return Err(format!("unexpected: {taken:?}"));
            }
        }
        let mut link = Link::connecting(&self.ours.domain, address(DRIVER, port).unwrap())?;
        let syn = self.script.wait_for(port).ok_or("no SYN")?;
        if syn.flags() != Some(SYN | EXTENDED) || syn.payload.len() != 8 {
            return Err(format!("not our SYN: {syn:?}"));
        }
        link.port = syn.source;
        link.conid = syn.conid().unwrap();
        Ok(link)
    }

    fn accept(&mut self, link: &mut Link) -> Result<(), String> {
        let listener = &self.listeners[&link.port];
        if self.script.ports().contains(&link.script) {
            link.accept(listener)?;
            return self.expect(link, ACK, 0);
        }
        // It closed before its SYN came: whoever gets it reads the end.
        self.ours.watched.settle();
        match listener.try_accept() {
            Ok((stream, _)) => link.is_dead(&stream),
            Err(AcceptError::WouldBlock) => Ok(()),
            Err(error) => Err(format!("accept: {error}")),
        }
    }

    /// Our user writes; the script drains its ring and says so.
    fn write(&mut self, link: &mut Link, len: usize) -> Result<(), String> {
        let mut writing = Blocked::new(link.writing(len));
        let mut come = 0;
        while come < len {
            while writing.stir() {
                self.ours.watched.settle();
            }
            let taken = self.script.wait_for(link.script).ok_or("data is missing")?;
            link.check(&taken, 0)?;
            come += taken.payload.len() - 8;
            self.script.notify();
            self.ours.watched.settle();
        }
        let written = writing.finish().ok_or("the write does not end")?;
        written.map_err(|error| format!("write of {len}: {error}"))
    }

    pub fn expect(&mut self, link: &Link, flags: u32, len: usize) -> Result<(), String> {
        let taken = self.script.wait_for(link.script).ok_or(format!("no flags {flags:#x}"))?;
        if taken.payload.len() != 8 + len {
            return Err(format!("{taken:?}"));
        }
        link.check(&taken, flags)
    }
}
