//! Cases between two processes, ours through argod as a third, and what one would use instead.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | argod, the relay and the two ends, started for a group of cases |
//! | [`party`] | a process that takes orders, as the one that started it sees it |
//! | [`end`] | the life of either end |
//! | [`hypervisor`] | argod as a process |
//! | [`relay`] | the life of the relay |
//! | [`ways`] | what they send over |
//! | [`debian`] | Debian's libxenvchan, in C |

pub mod debian;
pub mod end;
pub mod hypervisor;
pub mod party;
pub mod relay;
pub mod ways;
pub mod world;

use std::rc::Rc;

use crate::case::{Case, Contestant, Failure, Figure, Plan, RatioOf, Unit};
use party::Load;
use ways::Way;
use world::{Moves, Turns, World};

/// A case of the tables below: ours, and each peer with what the ratio to it is called.
struct Row {
    title: &'static str,
    /// So many that they take about a third of a second.
    load: Load,
    unit: Unit,
    ours: Way,
    peers: &'static [(Way, &'static str)],
}

const fn load(len: usize, count: u64) -> Load {
    Load { len, count }
}

const DATAGRAMS: &[Row] = &[
    Row {
        title: "datagrams of 64 bytes",
        load: load(64, 300_000),
        unit: Unit::MessagesPerSecond,
        ours: Way::Argo,
        peers: &[
            (Way::Framed, "argod_vs_unix_64"),
            (Way::Relayed, "argod_vs_relay_64"),
            (Way::Gathered, "argod_vs_unix_gathered_64"),
            (Way::RelayedGathered, "argod_vs_relay_gathered_64"),
            (Way::Packets, "argod_vs_seqpacket_64"),
            (Way::Pipe, "argod_vs_pipe_64"),
            #[cfg(feature = "peers")]
            (Way::Iceoryx, "argod_vs_iceoryx2_64"),
        ],
    },
    Row {
        title: "datagrams of 4 KiB",
        load: load(4096, 120_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Argo,
        peers: &[
            (Way::Framed, "argod_vs_unix_4k"),
            (Way::Relayed, "argod_vs_relay_4k"),
            (Way::Gathered, "argod_vs_unix_gathered_4k"),
            (Way::RelayedGathered, "argod_vs_relay_gathered_4k"),
            (Way::Packets, "argod_vs_seqpacket_4k"),
            (Way::Pipe, "argod_vs_pipe_4k"),
            #[cfg(feature = "peers")]
            (Way::Iceoryx, "argod_vs_iceoryx2_4k"),
        ],
    },
    Row {
        title: "datagrams of 64 KiB",
        load: load(65536, 20_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Argo,
        peers: &[
            (Way::Framed, "argod_vs_unix_64k"),
            (Way::Relayed, "argod_vs_relay_64k"),
            (Way::Gathered, "argod_vs_unix_gathered_64k"),
            (Way::RelayedGathered, "argod_vs_relay_gathered_64k"),
            (Way::Packets, "argod_vs_seqpacket_64k"),
            (Way::Pipe, "argod_vs_pipe_64k"),
            #[cfg(feature = "peers")]
            (Way::Iceoryx, "argod_vs_iceoryx2_64k"),
        ],
    },
];

const STREAMS: &[Row] = &[
    Row {
        title: "streams in writes of 64 bytes",
        load: load(64, 200_000),
        unit: Unit::MessagesPerSecond,
        ours: Way::Stream,
        peers: &[(Way::Relay, "stream_vs_relay_64"), (Way::Unix, "stream_vs_unix_64")],
    },
    Row {
        title: "streams in writes of 4 KiB",
        load: load(4096, 60_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Stream,
        peers: &[(Way::Relay, "stream_vs_relay_4k"), (Way::Unix, "stream_vs_unix_4k")],
    },
    Row {
        title: "streams in writes of 64 KiB",
        load: load(65536, 10_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Stream,
        peers: &[(Way::Relay, "stream_vs_relay_64k"), (Way::Unix, "stream_vs_unix_64k")],
    },
];

const VCHANS: &[Row] = &[
    Row {
        title: "vchans in writes of 64 bytes",
        load: load(64, 400_000),
        unit: Unit::MessagesPerSecond,
        ours: Way::Vchan,
        peers: &[
            (Way::Unix, "vchan_vs_unix_64"),
            (Way::Bare, "vchan_vs_ring_64"),
            (Way::Debian, "vchan_vs_libxenvchan_64"),
        ],
    },
    Row {
        title: "vchans in writes of 4 KiB",
        load: load(4096, 100_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Vchan,
        peers: &[
            (Way::Unix, "vchan_vs_unix_4k"),
            (Way::Bare, "vchan_vs_ring_4k"),
            (Way::Debian, "vchan_vs_libxenvchan_4k"),
        ],
    },
    Row {
        title: "vchans in writes of 64 KiB",
        load: load(65536, 15_000),
        unit: Unit::BytesPerSecond,
        ours: Way::Vchan,
        peers: &[
            (Way::Unix, "vchan_vs_unix_64k"),
            (Way::Bare, "vchan_vs_ring_64k"),
            (Way::Debian, "vchan_vs_libxenvchan_64k"),
        ],
    },
];

/// Datagrams against what carries messages.
///
/// # Errors
/// Somebody does not start.
pub fn datagrams(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    throughput(DATAGRAMS)
}

/// Streams against streams.
///
/// # Errors
/// Somebody does not start.
pub fn streams(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    throughput(STREAMS)
}

/// Vchans against streams, a bare ring and Debian's library.
///
/// # Errors
/// Somebody does not start.
pub fn vchans(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    throughput(VCHANS)
}

/// A datagram there and one back.
///
/// # Errors
/// Somebody does not start.
pub fn round_trips(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    let world = World::start()?;
    let mut contestants: Vec<Box<dyn Contestant>> = Vec::new();
    for way in [Way::Argo, Way::Framed, Way::Relayed] {
        world.meet(way)?;
        contestants.push(Box::new(Turns { world: world.clone(), way, load: load(64, 15_000) }));
    }
    let figure = |name, unit| Figure { name, unit };
    let (p50, tail) = (0, 2);
    let (argod, unix, relay) = (0, 1, 2);
    let ratio = |name, figure, to| RatioOf { name, figure, of: argod, to };
    Ok(vec![Case {
        title: "round trip of 64 bytes".into(),
        figures: vec![
            figure("p50", Unit::Nanoseconds),
            figure("p99", Unit::Nanoseconds),
            figure("p99/p50", Unit::Times),
        ],
        contestants,
        ratios: vec![
            ratio("argod_rtt_vs_unix_64", p50, unix),
            ratio("argod_rtt_vs_relay_64", p50, relay),
            ratio("argod_tail_vs_unix_64", tail, unix),
        ],
        own: world.own(),
    }])
}

fn throughput(rows: &[Row]) -> Result<Vec<Case>, Failure> {
    let world = World::start()?;
    let mut cases = rows.iter().map(|row| case(&world, row)).collect::<Result<Vec<_>, _>>()?;
    // Only now are all there.
    cases.iter_mut().for_each(|case| case.own = world.own());
    Ok(cases)
}

fn case(world: &Rc<World>, row: &Row) -> Result<Case, Failure> {
    let moves = |way| Moves { world: world.clone(), way, load: row.load, unit: row.unit };
    world.meet(row.ours)?;
    let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(moves(row.ours))];
    let mut ratios = Vec::new();
    for (peer, name) in row.peers {
        if world.meet(*peer)? {
            ratios.push(RatioOf { name, figure: 0, of: 0, to: contestants.len() });
            contestants.push(Box::new(moves(*peer)));
        }
    }
    Ok(Case {
        title: row.title.into(),
        figures: vec![Figure { name: "rate", unit: row.unit }],
        contestants,
        ratios,
        own: Vec::new(),
    })
}
