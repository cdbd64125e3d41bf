//! Which guests are started, how, and what they have to tell.

/// A machine that QEMU plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Guests from the device tree, no control domain.
    Arm64,
    /// One paravirtualized guest in the place of the control domain.
    X86,
}

impl Machine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86",
        }
    }
}

pub struct Scenario {
    pub name: &'static str,
    pub machine: Machine,
    /// The command line of each guest.
    pub guests: &'static [&'static str],
    /// What Xen is told beside what it always is.
    pub xen: &'static str,
    /// The port that the two guests have of an event channel between them, if there is one.
    pub channel: Option<u32>,
    pub tells: Tells,
    /// Where Xen answers otherwise than our engine, and is known to.
    pub known: &'static [Difference],
}

/// What the guests have to tell.
pub enum Tells {
    /// What they tell over our engine.
    AsOurs { mode: Mode },
    /// Just this.
    Lines(&'static [&'static str]),
}

/// How our engine judges who may talk to whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Dummy,
    Silo,
}

/// A line that differs, as docs/deviations.md says.
pub struct Difference {
    pub ours: &'static str,
    pub xens: &'static str,
}

/// The number of a machine's first guest.
pub fn first_domain(machine: Machine) -> usize {
    match machine {
        Machine::Arm64 => 1,
        Machine::X86 => 0,
    }
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name)
}

pub fn chosen(machine: Machine, names: &[String]) -> Vec<&'static Scenario> {
    let wanted = |scenario: &&Scenario| {
        names.is_empty() || names.iter().any(|name| scenario.name.starts_with(name.as_str()))
    };
    SCENARIOS.iter().filter(|scenario| scenario.machine == machine).filter(wanted).collect()
}

const OURS: Tells = Tells::AsOurs { mode: Mode::Dummy };
const ARGO: &str = "argo=yes,mac-permissive=1";
const ARGO_FOR_ALL: &str = "argo=yes,mac-permissive=1 xsm=dummy";

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "x86-loopback",
        machine: Machine::X86,
        guests: &["role=loopback"],
        xen: ARGO,
        channel: None,
        tells: OURS,
        known: &[],
    },
    Scenario {
        name: "x86-questions",
        machine: Machine::X86,
        guests: &["role=probe"],
        xen: ARGO,
        channel: None,
        tells: OURS,
        known: RINGS_COUNTED_TWICE,
    },
    Scenario {
        name: "x86-without-argo",
        machine: Machine::X86,
        guests: &["role=loopback"],
        xen: "argo=no",
        channel: None,
        tells: Tells::Lines(&[WITHOUT_ARGO]),
        known: &[],
    },
    Scenario {
        name: "arm64-questions",
        machine: Machine::Arm64,
        guests: &["role=probe"],
        xen: ARGO_FOR_ALL,
        channel: None,
        tells: OURS,
        known: RINGS_COUNTED_TWICE,
    },
    Scenario {
        name: "arm64-loopback",
        machine: Machine::Arm64,
        guests: &["role=loopback"],
        xen: ARGO_FOR_ALL,
        channel: None,
        tells: OURS,
        known: &[],
    },
    Scenario {
        name: "arm64-talk",
        machine: Machine::Arm64,
        guests: &["role=serve", "role=ask peer=1"],
        xen: ARGO_FOR_ALL,
        channel: None,
        tells: OURS,
        known: &[],
    },
    Scenario {
        name: "arm64-traffic",
        machine: Machine::Arm64,
        guests: &["role=count", "role=generate peer=1"],
        xen: ARGO_FOR_ALL,
        channel: None,
        tells: OURS,
        known: &[],
    },
    Scenario {
        name: "arm64-vchan",
        machine: Machine::Arm64,
        guests: &["role=pipe-serve peer=2 port=10 page=8", "role=pipe-ask peer=1 port=10 page=8"],
        xen: ARGO_FOR_ALL,
        channel: Some(10),
        tells: Tells::Lines(&[
            "(d1) guest: check: a client: ok",
            "(d1) guest: check: bytes sent back: ok",
            "(d2) guest: check: the server of a vchan: ok",
            "(d2) guest: check: bytes that came back: ok",
        ]),
        known: &[],
    },
    Scenario {
        name: "arm64-trap",
        machine: Machine::Arm64,
        guests: &["role=trap"],
        xen: ARGO,
        channel: None,
        // The fifth: of whoever traps on the stack that is in use.
        tells: Tells::Lines(&["(d1) trap: vector 4, syndrome 0xf2000077"]),
        known: &[],
    },
    Scenario {
        name: "arm64-silo",
        machine: Machine::Arm64,
        guests: &["role=idle", "role=forbidden peer=1"],
        xen: "argo=yes,mac-permissive=1 xsm=silo",
        channel: None,
        tells: Tells::AsOurs { mode: Mode::Silo },
        known: &[],
    },
];

const WITHOUT_ARGO: &str = "guest: probe: Argo                                          \
                            Argo is off in this Xen: its command line lacks argo=yes";

/// A re-registration uses up one of Xen's rings, for good.
const RINGS_COUNTED_TWICE: &[Difference] = &[
    Difference {
        ours: "register one ring again and again             1000 times, then 0",
        xens: "register one ring again and again             126 times, then -28",
    },
    Difference {
        ours: "register other rings                          128 rings, then -28",
        xens: "register other rings                          1 rings, then -28",
    },
];
