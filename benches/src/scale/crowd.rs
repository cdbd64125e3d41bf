//! Many domains or rings in one process, which is a new one for each point.

use std::io;
use std::path::Path;
use std::process;
use std::time::Instant;

use crate::between::party::Party;
use crate::case::{Contestant, Failure, Plan};
use crate::inside::growth::{Crowd, Sends};
use crate::memory::Memory;
use crate::placement::{self, Place};

/// What the process is called among the roles.
pub const ROLE: &str = "crowd";

/// A point of a series.
#[derive(Clone, Copy)]
pub struct Point {
    name: &'static str,
    crowd: Crowd,
}

/// More and more domains.
pub const BY_DOMAINS: &[Point] = &[
    Point { name: "2 domains", crowd: Crowd { domains: 2, rings: 32 } },
    Point { name: "32 domains", crowd: Crowd { domains: 32, rings: 32 } },
    Point { name: "256 domains", crowd: Crowd { domains: 256, rings: 32 } },
    Point { name: "1,000 domains", crowd: Crowd { domains: 1000, rings: 32 } },
];

/// More and more rings.
pub const BY_RINGS: &[Point] = &[
    Point { name: "no rings", crowd: Crowd { domains: 2, rings: 0 } },
    Point { name: "8 rings", crowd: Crowd { domains: 2, rings: 8 } },
    Point { name: "32 rings", crowd: Crowd { domains: 2, rings: 32 } },
    Point { name: "127 rings", crowd: Crowd { domains: 2, rings: 127 } },
];

/// Blocks of sends in a round.
const BLOCKS: f64 = 100.0;

impl Contestant for Point {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let Crowd { domains, rings } = self.crowd;
        let blocks = ((BLOCKS * plan.effort) as u32).max(1);
        let mut process = Party::start(ROLE, Path::new("."))?;
        process.order(&format!("{domains} {rings} {blocks}"))?;
        match process.answer()?[..] {
            [set_up, memory, thousand] => {
                Ok(vec![set_up as f64, memory as f64, thousand as f64 / 1000.0])
            }
            _ => Err("a crowd told something else".into()),
        }
    }
}

/// The life of the process: an order `DOMAINS RINGS BLOCKS`, and the answer `ok SET_UP MEMORY
/// THOUSAND`: nanoseconds of the set-up, bytes, nanoseconds of a thousand sends.
///
/// # Errors
/// The order makes no sense, or the engine refuses.
pub fn live() -> Result<(), Failure> {
    let mut order = String::new();
    io::stdin().read_line(&mut order)?;
    let numbers = order.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    let [domains, rings, blocks] = numbers[..] else { return Err("not an order".into()) };
    placement::pin(Place::First)?;
    let before = Memory::of(process::id())?;
    let begun = Instant::now();
    let mut sends = Sends::new("", Crowd { domains: domains.try_into()?, rings })?;
    let set_up = begun.elapsed().as_nanos();
    let memory = Memory::of(process::id())?.own.saturating_sub(before.own + sends.ram());
    let thousand = (sends.time(blocks)? * 1000.0) as u64;
    println!("ok {set_up} {memory} {thousand}");
    Ok(())
}
