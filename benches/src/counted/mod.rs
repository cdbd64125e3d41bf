//! What one call costs in instructions: paths that are run under callgrind, and the counts kept.

pub mod count;
pub mod kept;
pub mod paths;

use crate::case::{Case, Contestant, Failure, Figure, Plan, RatioOf, Unit};
use paths::{PATHS, Path};

/// The path that has a target, and what it is called among the ratios.
pub const TARGET: (&str, &str) = ("sendv_64", "sendv_instructions_64");

/// The instructions of row 3.
///
/// # Errors
/// There is no valgrind.
pub fn cases(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    if !count::is_possible() {
        return Err("there is no valgrind here".into());
    }
    let (name, ratio) = TARGET;
    let path = PATHS.iter().find(|path| path.name == name).ok_or("there is no such path")?;
    Ok(vec![Case {
        title: "instructions of one send of 64 bytes".into(),
        figures: vec![Figure { name: "instructions", unit: Unit::Instructions }],
        contestants: vec![Box::new(Counted { path, count: None })],
        ratios: vec![RatioOf { name: ratio, figure: 0, of: 0, to: 0 }],
        own: Vec::new(),
    }])
}

/// A path, counted once: it is the same in every round.
struct Counted {
    path: &'static Path,
    count: Option<f64>,
}

impl Contestant for Counted {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn run(&mut self, _plan: &Plan) -> Result<Vec<f64>, Failure> {
        let count = match self.count {
            Some(count) => count,
            None => count::instructions(self.path)?,
        };
        self.count = Some(count);
        Ok(vec![count])
    }
}
