//! The engine called in this process, against what threads of one process would use instead.
//!
//! A domain's payload is written anew into its RAM, sent in one call under argod's policy, and
//! looked at in the receiver's ring. The bare ring's is written anew into a buffer, copied into the
//! ring and looked at there: as many copies. The channel hands over what it is given.

pub mod copying;
pub mod end;
pub mod engine;
pub mod growth;
pub mod in_place;
pub mod peers;
pub mod threads;
pub mod world;

use crate::case::{Case, Contestant, Failure, Figure, Plan, RatioOf, Unit};
use end::End;
use threads::{Flow, Trips};

/// Bytes of each ring.
const RING: u32 = 1 << 20;

/// Rows 1, 2 and 3, but for the instructions (see [`counted`](crate::counted)).
///
/// # Errors
/// They cannot be set up.
pub fn cases(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    Ok(vec![
        throughput("64 KiB", 64 << 10, 4_000, "engine_vs_ring_64k")?,
        throughput("4 KiB", 4 << 10, 50_000, "engine_vs_ring_4k")?,
        messages()?,
        round_trips()?,
        copying::case()?,
    ])
}

fn throughput(size: &str, len: u32, count: u64, ratio: &'static str) -> Result<Case, Failure> {
    let title = format!("messages of {size} between two threads");
    let bytes = f64::from(len);
    let contestants = vec![
        flow("engine", engine::pair(RING, len)?, len, count, bytes),
        flow("bare ring (rtrb)", peers::bare(RING, len), len, count, bytes),
        flow("crossbeam-channel", peers::channels::<Vec<u8>>(RING, len), len, count, bytes),
    ];
    let figure = Figure { name: "throughput", unit: Unit::BytesPerSecond };
    Ok(first_to_second(&title, figure, contestants, ratio))
}

fn messages() -> Result<Case, Failure> {
    const COUNT: u64 = 300_000;
    let channels = peers::channels::<[u8; 64]>(RING, 64);
    let contestants = vec![
        flow("engine", engine::pair(RING, 64)?, 64, COUNT, 1.0),
        flow("crossbeam-channel", channels, 64, COUNT, 1.0),
        flow("bare ring (rtrb)", peers::bare(RING, 64), 64, COUNT, 1.0),
    ];
    let figure = Figure { name: "rate", unit: Unit::MessagesPerSecond };
    let title = "messages of 64 bytes between two threads";
    Ok(first_to_second(title, figure, contestants, "engine_rate_vs_crossbeam_64"))
}

fn round_trips() -> Result<Case, Failure> {
    const COUNT: u64 = 30_000;
    let channels = peers::channels::<[u8; 64]>(RING, 64);
    let contestants = vec![
        trips("engine", engine::pair(RING, 64)?, COUNT),
        trips("bare ring (rtrb)", peers::bare(RING, 64), COUNT),
        trips("crossbeam-channel", channels, COUNT),
    ];
    let figure = Figure { name: "p50", unit: Unit::Nanoseconds };
    let title = "64 bytes to and fro between two threads";
    Ok(first_to_second(title, figure, contestants, "engine_rtt_vs_ring_64"))
}

/// The case of contestants with one figure, of which the first is compared with the second.
fn first_to_second(
    title: &str,
    figure: Figure,
    contestants: Vec<Box<dyn Contestant>>,
    ratio: &'static str,
) -> Case {
    Case {
        title: title.to_owned(),
        figures: vec![figure],
        contestants,
        ratios: vec![RatioOf { name: ratio, figure: 0, of: 0, to: 1 }],
        own: Vec::new(),
    }
}

/// The time of one call.
const TIME: Figure = Figure { name: "time", unit: Unit::Nanoseconds };

fn flow<E: End + 'static>(
    name: &'static str,
    ends: [E; 2],
    len: u32,
    count: u64,
    unit: f64,
) -> Box<dyn Contestant> {
    Box::new(Flow { name, ends, len: len as usize, count, unit })
}

fn trips<E: End + 'static>(name: &'static str, ends: [E; 2], count: u64) -> Box<dyn Contestant> {
    Box::new(Trips { name, ends, len: 64, count })
}
