//! What it costs to be many: figures over growing numbers of domains, rings and processes. Each
//! contestant is a point of a series; what it measures begins with nothing there.

pub mod attached;
pub mod crowd;

use crate::case::{Case, Contestant, Failure, Figure, Plan, Unit};

/// All series.
///
/// # Errors
/// None; points are set up in their rounds.
pub fn cases(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    let crowd = [time("set-up"), MEMORY, time("send of 64 bytes")];
    let attached =
        [time("start"), time("attaching a process"), MEMORY, time("datagram of 64 bytes")];
    Ok(vec![
        series("domains with 32 idle rings each, in one process", crowd, crowd::BY_DOMAINS),
        series("idle rings of each of 2 domains, in one process", crowd, crowd::BY_RINGS),
        series("processes with 8 idle rings each, attached to argod", attached, attached::POINTS),
    ])
}

const MEMORY: Figure = Figure { name: "memory, without the domains' RAM", unit: Unit::Bytes };

fn time(name: &'static str) -> Figure {
    Figure { name, unit: Unit::Nanoseconds }
}

fn series<P: Contestant + Copy + 'static, const N: usize>(
    title: &str,
    figures: [Figure; N],
    points: &[P],
) -> Case {
    let boxed = |point: &P| Box::new(*point) as Box<dyn Contestant>;
    Case {
        title: title.to_owned(),
        figures: figures.into(),
        contestants: points.iter().map(boxed).collect(),
        ratios: Vec::new(),
        own: Vec::new(),
    }
}
