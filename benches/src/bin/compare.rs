//! Argo through argod against framed Unix sockets, between the same two processes.
//!
//! Both write each message anew and look at all of it; argod is a third process. The rounds
//! alternate, and a ratio is the median of the rounds' ratios.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argod::config::Config;
use argod::daemon::Daemon;
use benches::party::{self, End, Load, Party, RECEIVER, SENDER};
use benches::round::{Pair, compare, median};
use benches::way::Failure;
use clap::Parser;

/// Compares Argo through argod with framed Unix sockets, side by side.
#[derive(Parser)]
struct Arguments {
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
    /// Internal: where the sockets are.
    #[arg(long, hide = true, default_value = ".")]
    dir: PathBuf,
}

/// Sizes with the number of messages that take about a third of a second.
const LOADS: [(&str, Load); 3] = [
    ("64", Load { len: 64, count: 300_000 }),
    ("4k", Load { len: 4096, count: 120_000 }),
    ("64k", Load { len: 65536, count: 20_000 }),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.party {
        Some(end) => party::live(end, &arguments.dir),
        None if arguments.hypervisor => hypervisor(&arguments.dir),
        None => report(arguments.rounds, arguments.strangers / 100.0),
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
         [[policy]]\nhook = \"send\"\nfrom = \"sender\"\nto = \"receiver\"\n"
    );
    let daemon = Daemon::start(Config::parse("compare", &text)?)?;
    println!("ok 0");
    daemon.join();
    Ok(())
}

fn report(rounds: usize, strangers: f64) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let mut argod = Party::hypervisor(dir.path())?;
    argod.answer()?;
    let mut receiver = Party::start(End::Receiver, dir.path())?;
    receiver.answer()?;
    let mut sender = Party::start(End::Sender, dir.path())?;
    sender.answer()?;
    receiver.answer()?;
    let own = vec![argod.pid(), receiver.pid(), sender.pid(), std::process::id()];
    let mut pair = Pair { sender, receiver, own };
    println!("size   argod msg/s    unix msg/s   argod MB/s  rounds  disturbed");
    let mut ratios = Vec::new();
    for (name, load) in LOADS {
        let found = compare(&mut pair, load, rounds, strangers)?;
        let (rounds, disturbed, ratio) = (found.argo.len(), found.disturbed, found.ratio());
        let (argo, peer) = (median(found.argo), median(found.peer));
        let rate = argo * load.len as f64 / 1e6;
        println!(
            "{name:<4}  {argo:>12.0}  {peer:>12.0}  {rate:>11.0}  {rounds:>6}  {disturbed:>9}"
        );
        ratios.push((name, ratio));
    }
    for (name, ratio) in ratios {
        println!("ratio argod_vs_unix_{name} {ratio:.2}");
    }
    Ok(())
}
