//! One end of one connection: what each message means to it.

use argo_core::Port;

use crate::arrival::{Arrival, Endpoint};
use crate::verdict::{Verdict, stray};
use crate::wire::{self, ACCEPTANCE, Acceptance, Flags, HEAD, HEAD_EXTENDED};

/// Whether a connection carries bytes or messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes: message boundaries mean nothing.
    Stream,
    /// Messages, each received as it was sent. Extended wire only.
    Seqpacket,
}

/// Which wire an established connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The Linux driver's.
    Plain,
    /// Ours.
    Extended {
        /// The connection's epoch.
        epoch: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Connector,
    Acceptor,
}

/// What has come from the peer, as far as it limits what may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    /// Nothing, or what was judged by a known mode.
    Open,
    /// Data before the ACK, judged as plain: the ACK must not say otherwise.
    Early,
    /// The end of the data.
    Finished,
    /// The end of the connection, or the reason for it.
    Over,
}

/// One end of a connection.
///
/// The connector's end begins with [`connecting`](Self::connecting), the acceptor's with
/// [`accepted`](Self::accepted). It judges messages; whether data is buffered or left in a ring is
/// its owner's business.
#[derive(Clone, Debug)]
pub struct Connection {
    role: Role,
    kind: Kind,
    /// Where the peer's messages come from and ours go to.
    peer: Endpoint,
    conid: u32,
    mode: Option<Mode>,
    inbound: Inbound,
    max_message: Option<u32>,
}

impl Connection {
    /// The end that has sent, or is about to send, a SYN to `peer`.
    pub fn connecting(peer: Endpoint, conid: u32, kind: Kind) -> Self {
        let (role, mode) = (Role::Connector, None);
        Self { role, kind, peer, conid, mode, inbound: Inbound::Open, max_message: None }
    }

    /// The end that has answered, or is about to answer, a SYN of `peer`.
    pub fn accepted(peer: Endpoint, conid: u32, kind: Kind, mode: Mode) -> Self {
        let (role, mode) = (Role::Acceptor, Some(mode));
        Self { role, kind, peer, conid, mode, inbound: Inbound::Open, max_message: None }
    }

    /// Where messages to the peer go: of an extended connection, the port that its ACK named.
    pub fn peer(&self) -> Endpoint {
        self.peer
    }

    /// The connection id, chosen by the connecting end.
    pub fn conid(&self) -> u32 {
        self.conid
    }

    /// Whether it keeps message boundaries.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which wire it speaks; `None` until it is granted.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The longest message that the peer's ring takes, in bytes and heads included, if the peer has
    /// said: an acceptor has. Of others, [`wire::MESSAGE_GUARANTEED`] is known.
    pub fn max_message(&self) -> Option<u32> {
        self.max_message
    }

    /// The SYN that asks for this connection.
    pub fn syn(&self) -> [u8; HEAD as usize] {
        let kind = match self.kind {
            Kind::Stream => Flags::empty(),
            Kind::Seqpacket => Flags::SEQPACKET,
        };
        wire::head(Flags::SYN | Flags::EXTENDED | kind, self.conid)
    }

    /// The head of a message of ours with these flags, and its length.
    pub fn head(&self, flags: Flags) -> ([u8; HEAD_EXTENDED as usize], usize) {
        let mut bytes = [0; HEAD_EXTENDED as usize];
        match self.mode {
            Some(Mode::Extended { epoch }) => {
                bytes = wire::head_extended(flags, self.conid, epoch);
                (bytes, HEAD_EXTENDED as usize)
            }
            Some(Mode::Plain) | None => {
                let plain = wire::head(flags, self.conid);
                bytes.iter_mut().zip(plain).for_each(|(place, byte)| *place = byte);
                (bytes, HEAD as usize)
            }
        }
    }

    /// What a message that has come means, in the order of arrival. A message with RST is never to
    /// be answered, whatever else it says.
    pub fn receive(&mut self, arrival: &Arrival<'_>) -> Verdict {
        let Some((flags, conid)) = arrival.stream_head() else { return Verdict::Ignored };
        let mut verdict = if arrival.source != self.peer || conid != self.conid {
            stray(arrival, flags, conid)
        } else if self.inbound == Inbound::Over {
            // What the peer sent before it learnt of the end.
            Verdict::Ignored
        } else {
            self.receive_own(arrival, flags)
        };
        if flags.contains(Flags::RST) {
            verdict = self.unanswered(verdict);
        }
        if matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation) {
            self.inbound = Inbound::Over;
        }
        verdict
    }

    /// Whether a message is payload of this connection, and how many bytes precede that. For
    /// whoever reads again, in order, what [`receive`](Self::receive) has judged before: up to the
    /// first message that was [`Finished`](Verdict::Finished) or ended the connection, since this
    /// does not remember where that was.
    pub fn payload(&self, arrival: &Arrival<'_>) -> Option<u32> {
        let (flags, conid) = arrival.stream_head()?;
        if arrival.source != self.peer || conid != self.conid {
            return None;
        }
        self.data_skip(arrival, flags)
    }

    fn receive_own(&mut self, arrival: &Arrival<'_>, flags: Flags) -> Verdict {
        if flags.contains(Flags::SYN) {
            return stray(arrival, flags, self.conid);
        }
        if flags.contains(Flags::ACK) {
            return self.receive_ack(arrival, flags);
        }
        if flags.contains(Flags::RST) {
            return self.receive_rst(arrival, flags);
        }
        match self.data_skip(arrival, flags) {
            Some(skip) => self.receive_data(flags, skip),
            // Of a peer that had these ports and this id before.
            None => Verdict::Stray { conid: self.conid },
        }
    }

    fn receive_ack(&mut self, arrival: &Arrival<'_>, flags: Flags) -> Verdict {
        let bare = arrival.is_bare();
        let extended = flags.contains(Flags::EXTENDED);
        match (self.mode, self.role) {
            (None, _) if bare => self.receive_plain_ack(),
            (None, _) if extended => self.receive_acceptance(arrival),
            // It would grant a connection again that there is already, perhaps by another wire.
            (Some(_), Role::Connector) if bare || extended => Verdict::Violation,
            (Some(_), Role::Acceptor) if bare => Verdict::Stray { conid: self.conid },
            _ => Verdict::Ignored,
        }
    }

    fn receive_plain_ack(&mut self) -> Verdict {
        if self.kind == Kind::Seqpacket {
            // The peer does not know messages with boundaries.
            return Verdict::Violation;
        }
        self.mode = Some(Mode::Plain);
        self.inbound = Inbound::Open;
        Verdict::Connected
    }

    fn receive_acceptance(&mut self, arrival: &Arrival<'_>) -> Verdict {
        let whole = arrival.len == ACCEPTANCE && self.inbound == Inbound::Open;
        let parsed = if whole { wire::parse_acceptance(arrival.head) } else { None };
        let Some(Acceptance { port, max_message, epoch, .. }) = parsed else {
            return Verdict::Violation;
        };
        self.peer.port = Port(port);
        self.max_message = Some(max_message);
        self.mode = Some(Mode::Extended { epoch });
        Verdict::Connected
    }

    fn receive_rst(&self, arrival: &Arrival<'_>, flags: Flags) -> Verdict {
        let extended = arrival.len == HEAD_EXTENDED && self.is_of_epoch(arrival, flags);
        if arrival.is_bare() || extended { self.ended() } else { Verdict::Ignored }
    }

    fn receive_data(&mut self, flags: Flags, skip: u32) -> Verdict {
        match (self.mode, self.kind) {
            _ if self.inbound == Inbound::Finished => Verdict::Violation,
            (None, Kind::Seqpacket) => Verdict::Violation,
            (None, Kind::Stream) => {
                self.inbound = Inbound::Early;
                Verdict::Data { skip }
            }
            (Some(Mode::Extended { .. }), _) if flags.contains(Flags::FIN) => {
                self.inbound = Inbound::Finished;
                Verdict::Finished { skip }
            }
            _ => Verdict::Data { skip },
        }
    }

    /// The same verdict without an answer.
    fn unanswered(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Violation => self.ended(),
            Verdict::Stray { .. } => Verdict::Ignored,
            other => other,
        }
    }

    fn ended(&self) -> Verdict {
        if self.mode.is_none() { Verdict::Refused } else { Verdict::Reset }
    }

    /// How many bytes precede the payload of a data message of ours. `None`: it is not one.
    fn data_skip(&self, arrival: &Arrival<'_>, flags: Flags) -> Option<u32> {
        if flags.intersects(Flags::SYN | Flags::ACK | Flags::RST) {
            return None;
        }
        match self.mode {
            // Data may overtake the ACK.
            None | Some(Mode::Plain) => Some(HEAD),
            Some(Mode::Extended { .. }) => {
                self.is_of_epoch(arrival, flags).then_some(HEAD_EXTENDED)
            }
        }
    }

    /// Whether a message has the head of this extended connection.
    fn is_of_epoch(&self, arrival: &Arrival<'_>, flags: Flags) -> bool {
        let Some(Mode::Extended { epoch }) = self.mode else { return false };
        arrival.len >= HEAD_EXTENDED
            && flags.contains(Flags::EXTENDED)
            && arrival.epoch() == Some(epoch)
    }
}
