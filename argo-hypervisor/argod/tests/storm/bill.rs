//! What argod bills to whom, beside what it takes of the processors: told, not judged.

use std::time::Duration;

use argod::admin::{DomainStat, Stat};

use crate::common::Argod;

/// Ticks of /proc in a second: Linux tells them to user space so on every architecture.
const TICKS: f64 = 100.0;

/// argod at the beginning of a storm. A domain that is made anew meanwhile begins at zero again, so all
/// differences saturate.
pub struct Bill {
    before: Stat,
    all: f64,
    workers: f64,
}

impl Bill {
    pub fn open(argod: &Argod) -> Self {
        Self { before: argod.stat(), all: all(argod), workers: workers(argod) }
    }

    pub fn print(&self, argod: &Argod) {
        let (all, workers) = (all(argod) - self.all, workers(argod) - self.workers);
        let now = argod.stat();
        println!(
            "argod took {all:.2} s of processors, its workers {workers:.2} s of them; {:.2} s for \
             domains that are gone, {:.2} s are nobody's",
            (now.gone_ns - self.before.gone_ns) as f64 / 1e9,
            (now.nobodys_ns().saturating_sub(self.before.nobodys_ns())) as f64 / 1e9,
        );
        for (was, is) in self.before.domains.iter().zip(&now.domains) {
            print_domain(was, is);
        }
    }
}

fn print_domain(was: &DomainStat, is: &DomainStat) {
    let seconds =
        |now: u64, then: u64| Duration::from_nanos(now.saturating_sub(then)).as_secs_f64();
    let spent = [
        ("calls", seconds(is.service_ns, was.service_ns)),
        ("doorbells", seconds(is.doorbell_ns, was.doorbell_ns)),
        ("interrupts", seconds(is.interrupt_ns, was.interrupt_ns)),
        ("attachments", seconds(is.attachment_ns, was.attachment_ns)),
        ("services", seconds(is.services_ns, was.services_ns)),
        ("endings", seconds(is.ending_ns, was.ending_ns)),
    ];
    let spent = spent.map(|(what, seconds)| format!("{seconds:.2} s for {what}")).join(", ");
    println!("{}: {spent}; {} sent", is.name, is.messages.saturating_sub(was.messages));
    let asked = is.services.requests.saturating_sub(was.services.requests);
    let denied = is.services.refused.saturating_sub(was.services.refused);
    println!("  asked {asked} times for services, {denied} refused");
    let since = |(errno, count): (&String, &u64)| {
        let count = count.saturating_sub(*was.refused.get(errno).unwrap_or(&0));
        (count > 0).then(|| format!("{count} {errno}"))
    };
    let refused: Vec<_> = is.refused.iter().filter_map(since).collect();
    if !refused.is_empty() {
        println!("  refused: {}", refused.join(", "));
    }
}

/// Seconds of all threads, those that ended included.
fn all(argod: &Argod) -> f64 {
    seconds(&format!("/proc/{}/stat", argod.process.id()))
}

fn workers(argod: &Argod) -> f64 {
    let threads = argod.threads().into_iter().filter(|(_, name)| name.starts_with("worker-"));
    let tasks = format!("/proc/{}/task", argod.process.id());
    threads.map(|(number, _)| seconds(&format!("{tasks}/{number}/stat"))).sum()
}

/// Time in user space and in the kernel, by a file of /proc; 0 if a thread is gone.
fn seconds(file: &str) -> f64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}
