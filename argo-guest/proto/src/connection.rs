//! One end of one connection: what each message means to it.

use crate::arrival::{Arrival, Endpoint};
use crate::wire::{self, Acceptance, Flags, HEAD, HEAD_EXTENDED};

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

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing: it is dropped.
    Ignored,
    /// Payload, behind that many bytes of head. It may be empty.
    Data {
        /// Bytes before the payload.
        skip: u32,
    },
    /// The last payload, behind that many bytes of head, and then the end: the peer writes no more.
    Finished {
        /// Bytes before the payload.
        skip: u32,
    },
    /// The connection that was asked for is granted.
    Connected,
    /// It is refused.
    Refused,
    /// It is over: the peer is gone or wants no more.
    Reset,
    /// Not for this connection, or senseless in it: answer its sender with a plain RST of its
    /// connection id.
    Stray {
        /// The id to answer with.
        conid: u32,
    },
    /// It breaks the protocol: answer as for [`Stray`](Self::Stray); the connection is over.
    Violation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Connector,
    Acceptor,
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
    over: bool,
    max_message: Option<u32>,
}

impl Connection {
    /// The end that has sent, or is about to send, a SYN to `peer`.
    pub fn connecting(peer: Endpoint, conid: u32, kind: Kind) -> Self {
        let (role, mode) = (Role::Connector, None);
        Self { role, kind, peer, conid, mode, over: false, max_message: None }
    }

    /// The end that has answered, or is about to answer, a SYN of `peer`.
    pub fn accepted(peer: Endpoint, conid: u32, kind: Kind, mode: Mode) -> Self {
        let (role, mode) = (Role::Acceptor, Some(mode));
        Self { role, kind, peer, conid, mode, over: false, max_message: None }
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

    /// The longest message that the peer's ring takes, in bytes, if the peer has said.
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
                bytes[..HEAD as usize].copy_from_slice(&wire::head(flags, self.conid));
                (bytes, HEAD as usize)
            }
        }
    }

    /// What a message that has come means, in the order of arrival.
    pub fn receive(&mut self, arrival: &Arrival<'_>) -> Verdict {
        let Some((flags, conid)) = arrival.stream_head() else { return Verdict::Ignored };
        let verdict = if arrival.source != self.peer || conid != self.conid {
            stray(arrival, flags, conid)
        } else if self.over {
            // What the peer sent before it learnt of the end.
            Verdict::Ignored
        } else {
            self.receive_own(arrival, flags)
        };
        let ends = matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation);
        self.over |= ends;
        verdict
    }

    /// Whether a message is payload of this connection, and how many bytes precede that. For
    /// whoever reads again, in order, what [`receive`](Self::receive) has judged before.
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
            Some(skip) if flags.contains(Flags::FIN) && skip == HEAD_EXTENDED => {
                Verdict::Finished { skip }
            }
            Some(skip) => Verdict::Data { skip },
            // Of a peer that had these ports and this id before.
            None => Verdict::Stray { conid: self.conid },
        }
    }

    fn receive_ack(&mut self, arrival: &Arrival<'_>, flags: Flags) -> Verdict {
        match (self.mode, self.role) {
            (None, _) if arrival.is_bare() && self.kind == Kind::Stream => {
                self.mode = Some(Mode::Plain);
                Verdict::Connected
            }
            // It does not know messages with boundaries.
            (None, _) if arrival.is_bare() => Verdict::Violation,
            (None, _) if flags.contains(Flags::EXTENDED) => self.receive_acceptance(arrival),
            (Some(Mode::Plain), Role::Connector) if arrival.is_bare() => Verdict::Violation,
            (Some(Mode::Plain), Role::Acceptor) if arrival.is_bare() => {
                Verdict::Stray { conid: self.conid }
            }
            _ => Verdict::Ignored,
        }
    }

    fn receive_acceptance(&mut self, arrival: &Arrival<'_>) -> Verdict {
        let parsed = wire::parse_acceptance(arrival.head);
        let Some(Acceptance { port, max_message, epoch, .. }) = parsed else {
            return Verdict::Violation;
        };
        self.peer.port = argo_core::Port(port);
        self.max_message = Some(max_message);
        self.mode = Some(Mode::Extended { epoch });
        Verdict::Connected
    }

    fn receive_rst(&self, arrival: &Arrival<'_>, flags: Flags) -> Verdict {
        let ours = arrival.is_bare()
            || flags.contains(Flags::EXTENDED)
                && self.mode.is_some_and(|mode| mode == epoch_of(arrival));
        match self.mode {
            _ if !ours => Verdict::Ignored,
            None => Verdict::Refused,
            Some(_) => Verdict::Reset,
        }
    }

    /// How many bytes precede the payload of a data message of ours. `None`: it is not one.
    fn data_skip(&self, arrival: &Arrival<'_>, flags: Flags) -> Option<u32> {
        if flags.intersects(Flags::SYN | Flags::ACK | Flags::RST) {
            return None;
        }
        match self.mode {
            // Data may overtake the ACK.
            None | Some(Mode::Plain) => Some(HEAD),
            Some(mode) => {
                let ours = arrival.len >= HEAD_EXTENDED
                    && flags.contains(Flags::EXTENDED)
                    && mode == epoch_of(arrival);
                ours.then_some(HEAD_EXTENDED)
            }
        }
    }
}

/// The mode that a message's epoch speaks of; plain if it has none, which equals no extended mode.
fn epoch_of(arrival: &Arrival<'_>) -> Mode {
    arrival.epoch().map_or(Mode::Plain, |epoch| Mode::Extended { epoch })
}

/// What to do with a message that belongs to no connection and asks for none: an RST is never
/// answered, nor is a SYN with something behind it.
pub(crate) fn stray(arrival: &Arrival<'_>, flags: Flags, conid: u32) -> Verdict {
    let malformed = flags.contains(Flags::SYN) && !arrival.is_bare();
    if flags.contains(Flags::RST) || malformed {
        Verdict::Ignored
    } else {
        Verdict::Stray { conid }
    }
}
