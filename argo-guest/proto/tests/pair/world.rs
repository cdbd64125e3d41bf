//! The two machines and the messages between them.

use std::collections::VecDeque;

use argo_core::Port;
use argo_stream::wire::{self, Acceptance, Flags};
use argo_stream::{Connection, Endpoint, Kind, Knock, Mode, Offer, Request, Verdict};

use crate::end::End;
use crate::support::{Message, endpoint, of_bytes};

const LISTENER: Port = Port(0x4000);

/// Where the acceptor receives.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// It knows the plain wire only.
    Plain,
    /// At the listener's port.
    Shared,
    /// At a port of its own.
    Own,
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Connect(Kind),
    Accept(Answer),
    /// The next message on its way to the connector or the listener arrives.
    Deliver(Side),
    Write(Side),
    Finish(Side),
    Reset(Side),
}

#[derive(Clone, Copy, Debug)]
pub enum Side {
    Connector,
    Acceptor,
}

/// Messages under way, with the port that each is for.
type Link = VecDeque<(Port, Message)>;

#[derive(Default)]
pub struct World {
    connector: Option<End>,
    requests: VecDeque<Request>,
    acceptors: Vec<End>,
    to_connector: Link,
    to_acceptor: Link,
    connections: u32,
}

fn client(port: Port) -> Endpoint {
    endpoint(1, port.0)
}

fn server(port: Port) -> Endpoint {
    endpoint(2, port.0)
}

fn is_end(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation)
}

/// The answer to a message of connection `conid` that means this.
fn answer(verdict: Verdict, conid: u32) -> Option<Message> {
    match verdict {
        Verdict::Stray { conid } => Some(of_bytes(&wire::head(Flags::RST, conid))),
        Verdict::Violation => Some(of_bytes(&wire::head(Flags::RST, conid))),
        _ => None,
    }
}

impl World {
    const CLIENT: Port = Port(0x9000);

    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Connect(kind) if self.connector.is_none() => self.connect(kind),
            Step::Accept(answer) => self.accept(answer),
            Step::Deliver(Side::Connector) => self.deliver_to_connector(),
            Step::Deliver(Side::Acceptor) => self.deliver_to_acceptor(),
            Step::Write(side) => self.write(side),
            Step::Finish(side) => self.finish(side),
            Step::Reset(side) => self.reset(side),
            Step::Connect(_) => {}
        }
        self.check_agreement();
    }

    fn connect(&mut self, kind: Kind) {
        self.connections += 1;
        let connection = Connection::connecting(server(LISTENER), self.connections, kind);
        let syn = of_bytes(&connection.syn());
        self.connector = Some(End::new(connection, Self::CLIENT));
        self.send(Side::Connector, Self::CLIENT, LISTENER, syn);
    }

    fn accept(&mut self, answer: Answer) {
        let Some(Request { key, kind, wire }) = self.requests.pop_front() else { return };
        let port = match answer {
            Answer::Own => Port(LISTENER.0 + key.conid),
            Answer::Plain | Answer::Shared => LISTENER,
        };
        let plain = matches!(answer, Answer::Plain) || wire == Offer::Plain;
        let epoch = u64::from(key.conid) << 32;
        let (kind, mode, ack) = if plain {
            (Kind::Stream, Mode::Plain, wire::head(Flags::ACK, key.conid).to_vec())
        } else {
            let max_message = wire::MESSAGE_GUARANTEED;
            let acceptance =
                Acceptance { version: wire::VERSION, port: port.0, max_message, pad: 0, epoch };
            let ack = wire::acceptance(key.conid, acceptance).to_vec();
            (kind, Mode::Extended { epoch }, ack)
        };
        let connection = Connection::accepted(key.peer, key.conid, kind, mode);
        self.acceptors.push(End::new(connection, port));
        self.send(Side::Acceptor, LISTENER, key.peer.port, of_bytes(&ack));
    }

    fn send(&mut self, side: Side, from: Port, to: Port, message: Message) {
        match side {
            Side::Connector => self.to_acceptor.push_back((to, message.from(client(from)))),
            Side::Acceptor => self.to_connector.push_back((to, message.from(server(from)))),
        }
    }

    fn deliver_to_connector(&mut self) {
        let Some((_, message)) = self.to_connector.pop_front() else { return };
        // Without a connection there is no ring: the message never arrived.
        let Some(end) = &mut self.connector else { return };
        let verdict = end.connection.receive(&message.arrival());
        end.read(&message, verdict);
        let answer = answer(verdict, end.connection.conid());
        if is_end(verdict) {
            self.connector = None;
        }
        if let Some(answer) = answer {
            self.send(Side::Connector, Self::CLIENT, message.source.port, answer);
        }
    }

    fn deliver_to_acceptor(&mut self) {
        let Some((to, message)) = self.to_acceptor.pop_front() else { return };
        let Some(verdict) = self.judge(to, &message) else { return };
        let conid = u32::from_le_bytes(*message.bytes[4..].first_chunk().unwrap());
        if let Some(answer) = answer(verdict, conid) {
            self.send(Side::Acceptor, to, message.source.port, answer);
        }
    }

    /// `None`: there is no ring at that port.
    fn judge(&mut self, to: Port, message: &Message) -> Option<Verdict> {
        let arrival = message.arrival();
        let conid = u32::from_le_bytes(*message.bytes[4..].first_chunk().unwrap());
        // The listener's port speaks for connections at ports of their own, too: who has not seen
        // the ACK knows no other.
        let at = self.acceptors.iter().position(|end| {
            let same = end.connection.peer() == message.source && end.connection.conid() == conid;
            same && (end.port == to || to == LISTENER)
        });
        let Some(at) = at else {
            return (to == LISTENER).then(|| self.knock(message));
        };
        let end = &mut self.acceptors[at];
        let verdict = end.connection.receive(&arrival);
        end.read(message, verdict);
        if is_end(verdict) {
            self.acceptors.remove(at);
        }
        Some(verdict)
    }

    fn knock(&mut self, message: &Message) -> Verdict {
        match Knock::of(&message.arrival()) {
            Knock::Request(request) => self.requests.push_back(request),
            Knock::Withdrawal(key) => self.requests.retain(|request| request.key != key),
            Knock::Other(verdict) => return verdict,
        }
        Verdict::Ignored
    }

    fn end(&mut self, side: Side) -> Option<&mut End> {
        match side {
            Side::Connector => self.connector.as_mut(),
            Side::Acceptor => self.acceptors.last_mut(),
        }
    }

    fn write(&mut self, side: Side) {
        let Some(end) = self.end(side) else { return };
        if end.connection.mode().is_none() || end.finished {
            return;
        }
        let message = end.message(Flags::empty(), &end.written.to_le_bytes());
        end.written += 1;
        let (from, to) = (end.port, end.connection.peer().port);
        self.send(side, from, to, message);
    }

    fn finish(&mut self, side: Side) {
        let Some(end) = self.end(side) else { return };
        let extended = matches!(end.connection.mode(), Some(Mode::Extended { .. }));
        if !extended || end.finished {
            return;
        }
        end.finished = true;
        let message = end.message(Flags::FIN, &[]);
        let (from, to) = (end.port, end.connection.peer().port);
        self.send(side, from, to, message);
    }

    fn reset(&mut self, side: Side) {
        let end = match side {
            Side::Connector => self.connector.take(),
            Side::Acceptor => self.acceptors.pop(),
        };
        let Some(end) = end else { return };
        let message = end.message(Flags::RST, &[]);
        self.send(side, end.port, end.connection.peer().port, message);
    }

    /// The acceptor's end of the connector's connection.
    fn partner(&self) -> Option<&End> {
        let conid = self.connector.as_ref()?.connection.conid();
        self.acceptors.iter().find(|end| end.connection.conid() == conid)
    }

    fn check_agreement(&self) {
        let (Some(connector), Some(acceptor)) = (&self.connector, self.partner()) else { return };
        let granted = connector.connection.mode();
        assert!(granted.is_none() || granted == acceptor.connection.mode());
    }

    /// Lets everything arrive that is under way; each message causes one more at most, and that
    /// none.
    pub fn settle(&mut self) {
        let mut left = 2 * (self.to_connector.len() + self.to_acceptor.len());
        while !(self.to_connector.is_empty() && self.to_acceptor.is_empty()) {
            assert!(left > 0, "an endless exchange");
            let before = self.to_connector.len() + self.to_acceptor.len();
            self.deliver_to_acceptor();
            self.deliver_to_connector();
            left -= 1;
            assert!(self.to_connector.len() + self.to_acceptor.len() <= before);
        }
        self.check_agreement();
    }

    pub fn check_settled(&self) {
        let waiting = self.requests.iter().map(|request| request.key.conid);
        let Some(connector) = &self.connector else {
            assert!(self.acceptors.is_empty() && waiting.count() == 0, "half a connection");
            return;
        };
        let conid = connector.connection.conid();
        assert!(waiting.eq(connector.connection.mode().is_none().then_some(conid)));
        assert!(self.acceptors.iter().all(|end| end.connection.conid() == conid));
        let Some(acceptor) = self.partner() else {
            assert_eq!(connector.connection.mode(), None, "half a connection");
            return;
        };
        assert_eq!(connector.connection.mode(), acceptor.connection.mode());
        assert_eq!(connector.connection.kind(), acceptor.connection.kind());
        for (from, to) in [(connector, acceptor), (acceptor, connector)] {
            assert_eq!((to.read, to.peer_finished), (from.written, from.finished));
        }
    }
}
