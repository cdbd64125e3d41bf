//! What a guest that does everything wrong costs two others who talk to each other.
//!
//! The two exchange datagrams while the attacker goes as fast as it can, and while in its place as
//! many threads do nothing but count: on the same cores. The first is compared with the second.
//!
//! | module | what |
//! |---|---|
//! | [`scene`] | an argod with the two and with the attackers' domains |
//! | [`trouble`] | the attacker and who stands in for it |

pub mod scene;
pub mod trouble;

use std::rc::Rc;

use crate::between::party::Load;
use crate::between::ways::Way;
use crate::between::world::{Moves, Turns, World};
use crate::case::{Case, Contestant, Failure, Figure, Plan, RatioOf, Unit};
use scene::{Cores, Scene};
use trouble::{Beside, Kind, Trouble};

/// The two move messages, or send each there and back.
struct Row {
    title: &'static str,
    load: Load,
    does: Does,
    /// What the ratio is called on two cores, and on one.
    ratios: [&'static str; 2],
}

#[derive(Clone, Copy)]
enum Does {
    Move,
    Turn,
}

/// So many messages that a round takes about a second.
const ROWS: &[Row] = &[
    Row {
        title: "64 bytes beside an attacker",
        load: Load { len: 64, count: 30_000 },
        does: Does::Move,
        ratios: ["isolation_throughput", "isolation_throughput_one_core"],
    },
    Row {
        title: "4 KiB beside an attacker",
        load: Load { len: 4096, count: 10_000 },
        does: Does::Move,
        ratios: ["isolation_throughput_4k", "isolation_throughput_4k_one_core"],
    },
    Row {
        title: "round trip of 64 bytes beside an attacker",
        load: Load { len: 64, count: 1_000 },
        does: Does::Turn,
        ratios: ["isolation_p99", "isolation_p99_one_core"],
    },
    Row {
        title: "round trip of 4 KiB beside an attacker",
        load: Load { len: 4096, count: 1_000 },
        does: Does::Turn,
        ratios: ["isolation_p99_4k", "isolation_p99_4k_one_core"],
    },
];

/// On two cores, then with everybody on one.
///
/// # Errors
/// Somebody does not start.
pub fn cases(_plan: &Plan) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for cores in [Cores::Two, Cores::One] {
        let scene = Scene::start(cores)?;
        cases.extend(ROWS.iter().map(|row| case(&scene, row)));
    }
    Ok(cases)
}

fn case(scene: &Scene, row: &Row) -> Case {
    let beside = |trouble: &Rc<Trouble>, name| -> Box<dyn Contestant> {
        Box::new(Beside::new(trouble.clone(), name, victims(&scene.world, row)))
    };
    let (suffix, ratio) = match scene.cores {
        Cores::Two => ("", row.ratios[0]),
        Cores::One => (", on one core", row.ratios[1]),
    };
    let (figures, figure) = match row.does {
        Does::Move => (vec![Figure { name: "rate", unit: Unit::MessagesPerSecond }], 0),
        Does::Turn => {
            let figure = |name, unit| Figure { name, unit };
            let figures = [("p50", Unit::Nanoseconds), ("p99", Unit::Nanoseconds)];
            let figures = figures.map(|(name, unit)| figure(name, unit));
            (figures.into_iter().chain([figure("p99/p50", Unit::Times)]).collect(), 1)
        }
    };
    Case {
        title: format!("{}{suffix}", row.title),
        figures,
        contestants: vec![
            beside(&scene.attacker, Kind::Attacker.title()),
            beside(&scene.burner, Kind::Burner.title()),
        ],
        ratios: vec![RatioOf { name: ratio, figure, of: 0, to: 1 }],
        own: scene.own(),
    }
}

fn victims(world: &Rc<World>, row: &Row) -> Box<dyn Contestant> {
    let (world, way, load) = (world.clone(), Way::Argo, row.load);
    match row.does {
        Does::Move => Box::new(Moves { world, way, load, unit: Unit::MessagesPerSecond }),
        Does::Turn => Box::new(Turns { world, way, load }),
    }
}
