//! Argo through argod against Unix sockets, between the same two processes: datagrams against
//! framed messages, streams against streams, direct and through a relay, and vchans against Unix
//! streams, a bare ring and Debian's C library.
//!
//! All write each message anew and look at all of it; argod and the relay are processes of their
//! own. The rounds alternate, and a ratio is the median of the rounds' ratios.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argod::config::Config;
use argod::daemon::Daemon;
use benches::party::{self, End, Ends, Load, Party, RECEIVER, SENDER, Way};
use benches::round::{Comparison, Pair, compare, median};
use benches::way::Failure;
use benches::{debian, plain};
use clap::{Parser, ValueEnum};

/// Compares Argo through argod with Unix sockets, side by side.
#[derive(Parser)]
struct Arguments {
    /// Only these ways.
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// Only this size: 64, 4k or 64k.
    #[arg(long)]
    size: Option<String>,
    /// Rounds that count, for each size.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Processor time of others that a round may contain, in percent of the round.
    #[arg(long, default_value_t = 5.0)]
    strangers: f64,
    /// Internal: be one end.
    #[arg(long, hide = true)]
    party: Option<End>,
    /// Internal: be argod.
    #[arg(long, hide = true)]
    hypervisor: bool,
    /// Internal: be the relay.
    #[arg(long, hide = true)]
    relay: bool,
    /// Internal: where the sockets are.
    #[arg(long, hide = true, default_value = ".")]
    dir: PathBuf,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Datagrams against framed messages.
    Datagrams,
    /// Streams against streams.
    Streams,
    /// Vchans against streams.
    Vchans,
}

/// Ways of one kind, side by side: the first is ours.
struct Table {
    kind: Kind,
    title: &'static str,
    ways: &'static [Way],
    /// Sizes with the number of messages that take about a third of a second.
    loads: [(&'static str, Load); 3],
    /// Of each peer: what the ratio to it is called, with its row in the performance page and what
    /// is to be reached there with which size.
    peers: &'static [Peer],
}

struct Peer {
    name: &'static str,
    targets: &'static [(u32, &'static str, f64)],
}

const TABLES: [Table; 3] = [
    Table {
        kind: Kind::Datagrams,
        title: "datagrams: argod, unix framed",
        ways: &[Way::Argo, Way::Framed],
        loads: [
            ("64", Load { len: 64, count: 300_000 }),
            ("4k", Load { len: 4096, count: 120_000 }),
            ("64k", Load { len: 65536, count: 20_000 }),
        ],
        peers: &[Peer { name: "argod_vs_unix", targets: &[] }],
    },
    Table {
        kind: Kind::Streams,
        title: "streams: argod, unix, unix through a relay",
        ways: &[Way::Stream, Way::Unix, Way::Relay],
        loads: [
            ("64", Load { len: 64, count: 200_000 }),
            ("4k", Load { len: 4096, count: 60_000 }),
            ("64k", Load { len: 65536, count: 10_000 }),
        ],
        peers: &[
            Peer { name: "stream_vs_unix", targets: &[] },
            Peer { name: "stream_vs_relay", targets: &[(8, "64k", 3.0)] },
        ],
    },
    Table {
        kind: Kind::Vchans,
        title: "vchans: vchan, unix, the bare ring, Debian's libxenvchan",
        ways: &[Way::Vchan, Way::Unix, Way::Bare, Way::Debian],
        loads: [
            ("64", Load { len: 64, count: 400_000 }),
            ("4k", Load { len: 4096, count: 100_000 }),
            ("64k", Load { len: 65536, count: 15_000 }),
        ],
        peers: &[
            Peer {
                name: "vchan_vs_unix",
                targets: &[(7, "64k", 2.2), (7, "4k", 4.0), (7, "64", 10.0)],
            },
            Peer { name: "vchan_vs_ring", targets: &[(7, "64k", 0.85)] },
            Peer { name: "vchan_vs_libxenvchan", targets: &[(7, "64k", 1.5)] },
        ],
    },
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.party {
        Some(end) => party::live(end, &arguments.dir),
        None if arguments.hypervisor => hypervisor(&arguments.dir),
        None if arguments.relay => {
            plain::relay(&arguments.dir, || println!("ok 0")).map_err(Failure::from)
        }
        None => report(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn hypervisor(dir: &Path) -> Result<(), Failure> {
    let text = format!(
        "runtime_dir = {dir:?}\nwildcard_rings = true\n\
         [[domain]]\nid = {SENDER}\nname = \"sender\"\nram = \"16MiB\"\n\
         [[domain]]\nid = {RECEIVER}\nname = \"receiver\"\nram = \"16MiB\"\n\
         [[policy]]\nhook = \"enable\"\nfrom = \"any\"\n\
         [[policy]]\nhook = \"register_any_source\"\nfrom = \"any\"\n\
         [[policy]]\nhook = \"register_single_source\"\nfrom = \"any\"\nto = \"any\"\n\
         [[policy]]\nhook = \"send\"\nfrom = \"any\"\nto = \"any\"\n\
         [[port]]\nfrom = \"any\"\nto = \"any\"\nto_port = \"any\"\n\
         [[policy]]\nhook = [\"grant\", \"event_channel\"]\nfrom = \"any\"\nto = \"any\"\n\
         [[store]]\nfrom = \"any\"\npath = \"/local/domain\"\naccess = \"write\"\n"
    );
    let daemon = Daemon::start(Config::parse("compare", &text)?)?;
    println!("ok 0");
    daemon.join()?;
    Ok(())
}

fn report(arguments: &Arguments) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let mut argod = Party::hypervisor(dir.path())?;
    argod.answer()?;
    let mut relay = Party::relay(dir.path())?;
    relay.answer()?;
    let mut receiver = Party::start(End::Receiver, dir.path())?;
    receiver.answer()?;
    let mut sender = Party::start(End::Sender, dir.path())?;
    sender.answer()?;
    receiver.answer()?;
    let rust = Ends { sender, receiver };
    let tables = TABLES.iter().filter(|table| arguments.kind.is_none_or(|kind| kind == table.kind));
    let debian = match tables.clone().any(|table| table.ways.contains(&Way::Debian)) {
        true => debian::start(dir.path())?,
        false => None,
    };
    let mut own = vec![argod.pid(), relay.pid(), std::process::id()];
    own.extend([Some(&rust), debian.as_ref()].into_iter().flatten().flat_map(Ends::pids));
    let mut pair = Pair { rust, debian, own };
    let mut lines = Vec::new();
    let strangers = arguments.strangers / 100.0;
    for table in tables {
        let ways: Vec<Way> = table.ways.iter().copied().filter(|way| pair.has(*way)).collect();
        println!("{}: messages/s, MB/s", table.title);
        let wanted = |size: &str| arguments.size.as_deref().is_none_or(|only| only == size);
        for (size, load) in table.loads.into_iter().filter(|(size, _)| wanted(size)) {
            let found = compare(&mut pair, &ways, load, arguments.rounds, strangers)?;
            print_row(size, load, &found);
            lines.extend(ratio_lines(table, size, &found));
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn print_row(size: &str, load: Load, found: &Comparison) {
    print!("{size:<4}");
    for rates in &found.rates {
        let rate = median(rates.clone());
        print!("  {rate:>9.0} {:>6.0}", rate * load.len as f64 / 1e6);
    }
    for peer in 1..found.rates.len() {
        let mut ratios = found.ratios(peer);
        ratios.sort_by(f64::total_cmp);
        if let (Some(low), Some(high)) = (ratios.first(), ratios.last()) {
            print!("  ratio {low:.2} to {high:.2}");
        }
    }
    println!("  rounds {} disturbed {}", found.rounds(), found.disturbed);
}

fn ratio_lines(table: &Table, size: &str, found: &Comparison) -> Vec<String> {
    let line = |(index, peer): (usize, &Peer)| {
        let ratio = median(found.ratios(index + 1));
        let name = format!("{}_{size}", peer.name);
        match peer.targets.iter().find(|(_, at, _)| *at == size) {
            Some((row, _, target)) => format!("ratio {row} {name} {ratio:.2} {target}"),
            None => format!("ratio {name} {ratio:.2}"),
        }
    };
    // A peer that is not there has no rates; it is the last.
    table.peers.iter().take(found.rates.len() - 1).enumerate().map(line).collect()
}
