//! Contestants of two threads, each on its core.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::end::{End, Patience};
use crate::case::{Contestant, Failure, Plan};
use crate::payload;
use crate::placement::{self, Place};

/// Messages of one length, as many as the second end can take: what it measures is what goes
/// through in a second, in units of so much a message.
pub struct Flow<E> {
    /// What it is called.
    pub name: &'static str,
    /// Who sends, and who receives.
    pub ends: [E; 2],
    /// Bytes of a message.
    pub len: usize,
    /// Messages in a round.
    pub count: u64,
    /// What a message counts for.
    pub unit: f64,
}

/// Messages to and fro, one at a time: what it measures is how long the middle one of all trips
/// took, in nanoseconds.
pub struct Trips<E> {
    /// What it is called.
    pub name: &'static str,
    /// Who begins, and who answers.
    pub ends: [E; 2],
    /// Bytes of a message.
    pub len: usize,
    /// Trips in a round.
    pub count: u64,
}

impl<E: End> Contestant for Flow<E> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let count = scaled(self.count, plan);
        let [first, second] = &mut self.ends;
        let send = |patience: &Patience| (0..count).try_for_each(|n| first.send(n, patience));
        let (_, (sum, took)) = together(send, |patience| {
            let begun = Instant::now();
            Ok((receive_all(second, count, patience)?, begun.elapsed()))
        })?;
        check(sum, self.len, count)?;
        Ok(vec![count as f64 * self.unit / took.as_secs_f64()])
    }
}

impl<E: End> Contestant for Trips<E> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let count = scaled(self.count, plan);
        let [first, second] = &mut self.ends;
        let ask = |patience: &Patience| {
            let trip = |number| trip(first, number, patience);
            (0..count).map(trip).collect::<Result<Vec<_>, _>>()
        };
        let answer = |patience: &Patience| {
            let mut sum = 0u64;
            for number in 0..count {
                sum = sum.wrapping_add(second.receive(patience)?);
                second.send(number, patience)?;
            }
            Ok(sum)
        };
        let (mut trips, sum) = together(ask, answer)?;
        check(sum, self.len, count)?;
        trips.sort_unstable();
        let median = trips.get(trips.len() / 2).ok_or("no trips")?;
        Ok(vec![median.as_nanos() as f64])
    }
}

#[inline]
fn trip(end: &mut impl End, number: u64, patience: &Patience) -> Result<Duration, Failure> {
    let begun = Instant::now();
    end.send(number, patience)?;
    end.receive(patience)?;
    Ok(begun.elapsed())
}

fn receive_all(end: &mut impl End, count: u64, patience: &Patience) -> Result<u64, Failure> {
    let one = |sum: u64, _| Ok(sum.wrapping_add(end.receive(patience)?));
    (0..count).try_fold(0, one)
}

fn scaled(count: u64, plan: &Plan) -> u64 {
    ((count as f64 * plan.effort) as u64).max(1)
}

fn check(sum: u64, len: usize, count: u64) -> Result<(), Failure> {
    if sum == payload::expected(len, count) { Ok(()) } else { Err("the messages changed".into()) }
}

/// Has both begin at once, each on its core.
fn together<A: Send, B: Send>(
    first: impl FnOnce(&Patience) -> Result<A, Failure> + Send,
    second: impl FnOnce(&Patience) -> Result<B, Failure> + Send,
) -> Result<(A, B), Failure> {
    let (patience, start) = (Patience::new()?, Barrier::new(2));
    thread::scope(|scope| {
        let second = scope.spawn(|| placed(Place::Second, &start, &patience, second));
        let first = scope.spawn(|| placed(Place::First, &start, &patience, first));
        let (first, second) = (first.join(), second.join());
        let panicked = |_| "a thread panicked";
        Ok((first.map_err(panicked)??, second.map_err(panicked)??))
    })
}

/// Does the work on its core; should it fail, the other one is not to wait for it.
fn placed<T>(
    place: Place,
    start: &Barrier,
    patience: &Patience,
    work: impl FnOnce(&Patience) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let pinned = placement::pin(place);
    start.wait();
    let result = pinned.map_err(Failure::from).and_then(|()| work(patience));
    if result.is_err() {
        patience.end();
    }
    result
}
