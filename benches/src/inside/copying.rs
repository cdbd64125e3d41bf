//! One send of 64 KiB that nobody disturbs, against a plain copy of as much to where it goes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::claim::RingLen;
use parking_lot::Mutex;

use super::in_place::Solo;
use super::{TIME, first_to_second};
use crate::case::{Case, Contestant, Failure, Plan};

const LEN: u32 = 64 << 10;
const RING: u32 = 1 << 20;
/// What a message takes up in the ring, with its header.
const MESSAGE: usize = LEN as usize + 16;
/// How many of these the ring has place for.
const PLACES: usize = RING as usize / MESSAGE;
/// Sends or copies in a row; they fit into the ring.
const BLOCK: u32 = 8;
/// Blocks of either in a round.
const BLOCKS: u32 = 100;

/// Sends and copies in turn, a few of each at a time.
struct Sends {
    solo: Solo,
    /// Where the next copy goes.
    copied_to: usize,
    /// Nanoseconds of a copy, for who tells of it.
    copying: Arc<Mutex<f64>>,
}

/// Tells of the copies made between the sends of the same round.
struct Copies(Arc<Mutex<f64>>);

/// The case of row 3.
///
/// # Errors
/// It cannot be set up.
pub fn case() -> Result<Case, Failure> {
    let copying = Arc::new(Mutex::new(f64::NAN));
    let solo = Solo::new(RingLen::check(RING)?, LEN)?;
    let contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(Sends { solo, copied_to: 0, copying: copying.clone() }),
        Box::new(Copies(copying)),
    ];
    let title = "one send of 64 KiB in this process";
    Ok(first_to_second(title, TIME, contestants, "sendv_vs_memcpy_64k"))
}

impl Contestant for Sends {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let blocks = ((f64::from(BLOCKS) * plan.effort) as u32).max(1);
        let (mut sending, mut copying) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..blocks {
            sending += self.send_block()?;
            copying += self.copy_block()?;
        }
        let each = |time: Duration| time.as_nanos() as f64 / f64::from(blocks * BLOCK);
        *self.copying.lock() = each(copying);
        Ok(vec![each(sending)])
    }
}

impl Sends {
    fn send_block(&mut self) -> Result<Duration, Failure> {
        let begun = Instant::now();
        for _ in 0..BLOCK {
            self.solo.send()?;
        }
        let took = begun.elapsed();
        for _ in 0..BLOCK {
            self.solo.skip()?;
        }
        Ok(took)
    }

    /// Goes around the window as the sends do.
    fn copy_block(&mut self) -> Result<Duration, Failure> {
        let (from, window) = self.solo.window(LEN)?;
        let begun = Instant::now();
        for _ in 0..BLOCK {
            let place =
                window.get_mut(self.copied_to..).and_then(|rest| rest.get_mut(..from.len()));
            place.ok_or("outside of the window")?.copy_from_slice(black_box(from));
            self.copied_to = (self.copied_to + MESSAGE) % (PLACES * MESSAGE);
        }
        Ok(begun.elapsed())
    }
}

impl Contestant for Copies {
    fn name(&self) -> &'static str {
        "memcpy"
    }

    fn run(&mut self, _plan: &Plan) -> Result<Vec<f64>, Failure> {
        Ok(vec![*self.0.lock()])
    }
}
