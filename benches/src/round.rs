//! Rounds: one way, then the other, again and again; disturbed rounds are thrown away.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::party::{Ends, Load, Way};
use crate::payload;

/// Rounds that are tried for each that counts, at most.
const TRIES: usize = 4;

/// The two ends, and who else works for them.
pub struct Pair {
    /// For all ways in Rust.
    pub rust: Ends,
    /// For Debian's library, if it is there.
    pub debian: Option<Ends>,
    /// All processes whose time is the round's own.
    pub own: Vec<u32>,
}

impl Pair {
    /// Whether it has this way.
    pub fn has(&self, way: Way) -> bool {
        way != Way::Debian || self.debian.is_some()
    }

    fn ends(&mut self, way: Way) -> io::Result<&mut Ends> {
        match way {
            Way::Debian => self.debian.as_mut().ok_or(io::ErrorKind::NotFound.into()),
            _ => Ok(&mut self.rust),
        }
    }
}

/// What a comparison found: for each way, in their order, messages a second, one figure a round.
pub struct Comparison {
    /// Of each way.
    pub rates: Vec<Vec<f64>>,
    /// Rounds that were thrown away.
    pub disturbed: usize,
}

impl Comparison {
    /// Rounds that count.
    pub fn rounds(&self) -> usize {
        self.rates.first().map_or(0, Vec::len)
    }

    /// The rounds' ratios of the first way to the `peer`th.
    pub fn ratios(&self, peer: usize) -> Vec<f64> {
        let both = self.rates[0].iter().zip(&self.rates[peer]);
        both.map(|(first, peer)| first / peer).collect()
    }
}

/// The median; of none: not a number.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// Compares the ways over `rounds` undisturbed rounds of this load. `strangers` is the processor
/// time of others (or taken by the machine's host) that a way's part of a round may contain, as a
/// share of its length.
///
/// # Errors
/// A party failed, or a sum was wrong.
pub fn compare(
    pair: &mut Pair,
    ways: &[Way],
    load: Load,
    rounds: usize,
    strangers: f64,
) -> io::Result<Comparison> {
    let mut found = Comparison { rates: vec![Vec::new(); ways.len()], disturbed: 0 };
    for _ in 0..rounds * TRIES {
        if found.rounds() == rounds {
            break;
        }
        let times = ways.iter().map(|way| one(pair, *way, load, strangers));
        let times = times.collect::<io::Result<Vec<_>>>()?;
        match times.into_iter().collect::<Option<Vec<_>>>() {
            Some(times) => {
                for (rates, time) in found.rates.iter_mut().zip(times) {
                    rates.push(load.count as f64 / time.as_secs_f64());
                }
            }
            None => found.disturbed += 1,
        }
    }
    Ok(found)
}

/// One way, once. `None`: strangers took too much of the machine.
fn one(pair: &mut Pair, way: Way, load: Load, strangers: f64) -> io::Result<Option<Duration>> {
    let before = Usage::now(&pair.own)?;
    let begun = Instant::now();
    let ends = pair.ends(way)?;
    ends.receiver.order(way, load)?;
    ends.sender.order(way, load)?;
    let sum = ends.receiver.answer()?;
    let took = begun.elapsed();
    ends.sender.answer()?;
    if sum != payload::expected(load.len, load.count) {
        return Err(io::Error::other(format!("{way:?} changed the messages")));
    }
    let after = Usage::now(&pair.own)?;
    Ok((after.strangers_since(&before) <= took.as_secs_f64() * strangers).then_some(took))
}

/// Processor time so far, in seconds.
struct Usage {
    everybody: f64,
    own: f64,
}

/// `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

impl Usage {
    fn now(own: &[u32]) -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let ticks = fields(stat.lines().next().unwrap_or_default(), 1);
        // user nice system idle iowait irq softirq steal
        let everybody: f64 = ticks.iter().take(8).sum::<f64>() - ticks[3..5].iter().sum::<f64>();
        let own = own.iter().map(|pid| process_ticks(*pid)).sum::<io::Result<f64>>()?;
        Ok(Self { everybody: everybody / TICKS, own: own / TICKS })
    }

    fn strangers_since(&self, before: &Self) -> f64 {
        (self.everybody - before.everybody) - (self.own - before.own)
    }
}

fn process_ticks(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    // The 14th and 15th field of the whole line, the first two being before this part.
    Ok(fields(after_name, 0).iter().skip(11).take(2).sum())
}

/// The numbers in a line, after `skip` words; other words count as 0.
fn fields(line: &str, skip: usize) -> Vec<f64> {
    let words = line.split_whitespace().skip(skip);
    let mut fields: Vec<f64> = words.map(|word| word.parse().unwrap_or(0.0)).collect();
    fields.resize(fields.len().max(16), 0.0);
    fields
}
