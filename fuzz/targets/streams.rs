//! The stream protocol. Any messages in any state: no answer to an RST, no data after the end, one
//! grant. A pair of honest ends, with a third domain and late messages of earlier connections in
//! between: what is written arrives once, in order, and only before the end.
#![no_main]

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use argo_core::Port;
use argo_fuzz::message::{CLIENT, CONID, EPOCH, Message, Source, arrival, endpoint, word};
use argo_fuzz::world::domain;
use argo_stream::wire::{self, Flags};
use argo_stream::{Connection, Endpoint, Kind, Mode, Verdict};
use libfuzzer_sys::fuzz_target;

const SERVER: Port = Port(7);

#[derive(Arbitrary, Debug)]
struct Input<'b> {
    start: Start,
    messages: Vec<Message<'b>>,
    moves: Vec<Move<'b>>,
}

#[derive(Arbitrary, Debug)]
enum Start {
    Connecting { seqpacket: bool },
    Plain,
    Extended { seqpacket: bool },
}

/// What two honest ends do, and what comes in between.
#[derive(Arbitrary, Debug)]
enum Move<'b> {
    Write { end: bool },
    Finish { end: bool },
    Deliver { to: bool },
    Stray { to: bool, message: Message<'b> },
}

fuzz_target!(|input: Input| {
    any_messages(&input.start, &input.messages);
    honest_pair(&input.start, &input.moves);
});

fn any_messages(start: &Start, messages: &[Message]) {
    let mut connection = start.connection();
    let (mut over, mut finished) = (false, false);
    for message in messages {
        let (source, bytes) = (message.from.endpoint(), message.bytes());
        let arrival = message.arrival(source, &bytes);
        let granted = connection.mode();
        let verdict = connection.receive(&arrival);
        let is_rst = word(&bytes) & Flags::RST.bits() != 0;
        let answered = matches!(verdict, Verdict::Stray { .. } | Verdict::Violation);
        assert!(!(answered && is_rst), "an RST is answered");
        assert!(skip(verdict).is_none_or(|skip| skip as usize <= bytes.len()));
        assert!(!finished || skip(verdict).is_none(), "data after its end");
        assert!(
            !over || matches!(verdict, Verdict::Ignored | Verdict::Stray { .. }),
            "{verdict:?}"
        );
        assert_eq!(verdict == Verdict::Connected, connection.mode() != granted);
        assert!(granted.is_none() || connection.mode() == granted, "the wire changed");
        over |= matches!(verdict, Verdict::Refused | Verdict::Reset | Verdict::Violation);
        finished |= matches!(verdict, Verdict::Finished { .. });
        // Who left it in the ring finds the same payload there, unless a grant came in between.
        if skip(verdict).is_some() {
            assert_eq!(connection.payload(&arrival), skip(verdict));
        }
    }
}

/// One end: what it has written, what waits for it, what it has read.
struct End {
    connection: Connection,
    own: Endpoint,
    queue: VecDeque<Vec<u8>>,
    written: u32,
    read: u32,
    finished: bool,
    peer_finished: bool,
}

fn honest_pair(start: &Start, moves: &[Move]) {
    let (kind, mode) = start.established();
    let ports = [endpoint(1, SERVER), endpoint(2, CLIENT)];
    let end = |own: usize| End {
        connection: Connection::accepted(ports[1 - own], CONID, kind, mode),
        own: ports[own],
        queue: VecDeque::new(),
        written: 0,
        read: 0,
        finished: false,
        peer_finished: false,
    };
    let mut ends = [end(0), end(1)];
    moves.iter().for_each(|step| step.of(&mut ends));
    for to in [false, true] {
        while !ends[usize::from(to)].queue.is_empty() {
            Move::Deliver { to }.of(&mut ends);
        }
        let (reader, writer) = (&ends[usize::from(to)], &ends[usize::from(!to)]);
        assert_eq!((reader.read, reader.peer_finished), (writer.written, writer.finished));
    }
}

impl Move<'_> {
    fn of(&self, ends: &mut [End; 2]) {
        match self {
            Move::Write { end } => {
                let end = usize::from(*end);
                if !ends[end].finished {
                    let number = ends[end].written.to_le_bytes();
                    let message = ends[end].message(Flags::empty(), &number);
                    ends[end].written += 1;
                    ends[1 - end].queue.push_back(message);
                }
            }
            Move::Finish { end } => {
                let end = usize::from(*end);
                let extended = matches!(ends[end].connection.mode(), Some(Mode::Extended { .. }));
                if extended && !ends[end].finished {
                    ends[end].finished = true;
                    let message = ends[end].message(Flags::FIN, &[]);
                    ends[1 - end].queue.push_back(message);
                }
            }
            Move::Deliver { to } => {
                let to = usize::from(*to);
                let source = ends[1 - to].own;
                if let Some(bytes) = ends[to].queue.pop_front() {
                    ends[to].hears(source, &bytes);
                }
            }
            Move::Stray { to, message } => ends[usize::from(*to)].hears_stray(message),
        }
    }
}

impl End {
    fn message(&self, flags: Flags, payload: &[u8]) -> Vec<u8> {
        let (head, len) = self.connection.head(flags);
        [&head[..len], payload].concat()
    }

    fn hears(&mut self, source: Endpoint, bytes: &[u8]) {
        let verdict = self.connection.receive(&arrival(source, wire::STREAM, bytes));
        let Some(skip) = skip(verdict) else { panic!("{verdict:?} of an honest message") };
        if bytes.len() > skip as usize {
            assert_eq!(word(&bytes[skip as usize..]), self.read, "in order, without a gap");
            self.read += 1;
        }
        self.peer_finished |= matches!(verdict, Verdict::Finished { .. });
    }

    /// A message of a third domain, or of the peer's from an earlier connection.
    fn hears_stray(&mut self, message: &Message) {
        let peer = self.connection.peer();
        let source = match message.from {
            Source::OtherDomain(id) if domain(id) != peer.domain => endpoint(id, peer.port),
            Source::OtherPort(port) if Port(port) != peer.port => {
                Endpoint { port: Port(port), ..peer }
            }
            _ => return,
        };
        let bytes = message.bytes();
        let verdict = self.connection.receive(&message.arrival(source, &bytes));
        assert!(matches!(verdict, Verdict::Ignored | Verdict::Stray { .. }), "{verdict:?}");
    }
}

impl Start {
    fn kind(&self) -> Kind {
        match self {
            Start::Connecting { seqpacket: true } | Start::Extended { seqpacket: true } => {
                Kind::Seqpacket
            }
            _ => Kind::Stream,
        }
    }

    fn connection(&self) -> Connection {
        match self {
            Start::Connecting { .. } => {
                Connection::connecting(Source::Listener.endpoint(), CONID, self.kind())
            }
            Start::Plain => {
                Connection::accepted(Source::Listener.endpoint(), CONID, self.kind(), Mode::Plain)
            }
            Start::Extended { .. } => {
                let mode = Mode::Extended { epoch: EPOCH };
                Connection::accepted(Source::OwnPort.endpoint(), CONID, self.kind(), mode)
            }
        }
    }

    fn established(&self) -> (Kind, Mode) {
        match self {
            Start::Plain => (Kind::Stream, Mode::Plain),
            _ => (self.kind(), Mode::Extended { epoch: EPOCH }),
        }
    }
}

fn skip(verdict: Verdict) -> Option<u32> {
    match verdict {
        Verdict::Data { skip } | Verdict::Finished { skip } => Some(skip),
        _ => None,
    }
}
