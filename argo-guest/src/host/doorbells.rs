//! The doorbells of a session: one a worker of argod, and each worker stays on a processor.

use alloc::boxed::Box;
use alloc::vec::Vec;
use std::os::fd::OwnedFd;

/// Rings the worker on the processor of whoever rings: it has the data in its cache.
pub(super) struct Doorbells {
    bells: Box<[OwnedFd]>,
    by_cpu: Box<[usize]>,
}

impl Doorbells {
    /// Doorbells (at least one) whose workers stay on these processors.
    pub(super) fn new(bells: Vec<OwnedFd>, cpus: &[u16]) -> Self {
        Self { by_cpu: by_cpu(cpus), bells: bells.into() }
    }

    pub(super) fn ring(&self) {
        let cpu = rustix::thread::sched_getcpu();
        let other = || cpu % self.bells.len();
        let bell = self.by_cpu.get(cpu).copied().unwrap_or_else(other);
        // The eventfd does not block; when it is full, the doorbell rings already.
        let _ = rustix::io::write(&self.bells[bell], &1u64.to_ne_bytes());
    }
}

/// Which doorbell to ring on each processor up to the last that has a worker. Those without one
/// share the doorbells evenly.
fn by_cpu(cpus: &[u16]) -> Box<[usize]> {
    let end = cpus.iter().max().map_or(0, |last| usize::from(*last) + 1);
    let own = |cpu| cpus.iter().position(|own| usize::from(*own) == cpu);
    (0..end).map(|cpu| own(cpu).unwrap_or(cpu % cpus.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::by_cpu;

    #[test]
    fn each_processor_with_a_worker_has_its_own_doorbell() {
        assert_eq!(*by_cpu(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(*by_cpu(&[5, 3]), [0, 1, 0, 1, 0, 0]);
    }

    #[test]
    fn two_workers_on_a_processor_are_no_harm() {
        assert_eq!(*by_cpu(&[1, 1]), [0, 0]);
    }
}
