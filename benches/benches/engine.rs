//! The engine in this process, under argod's policy: one uncontended call, by kind and size, and by
//! how many domains and rings there are.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::time::Duration;

use argo_core::claim::RingLen;
use benches::inside::growth::{Crowd, Notifies, Sends};
use benches::inside::in_place::{Inbox, Solo};
use benches::inside::world::{Rate, SMALL, World, pages_for_inbox};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A send, and the message taken out of the ring without a look at it.
fn sendv(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sendv");
    for len in [0, 16, 64, 256, 1024, 4096, 16384, 65536] {
        let mut solo = Solo::new(RingLen::check(1 << 20).unwrap(), len).unwrap();
        group.throughput(Throughput::Bytes(len.into()));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| {
                solo.send().unwrap();
                solo.skip().unwrap();
            });
        });
    }
    group.finish();
}

/// A send of 64 bytes between two domains of so many, with so many idle rings each.
fn crowd(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sendv/crowd");
    for (domains, rings) in [(2, 0), (2, 127), (32, 32), (1000, 0), (1000, 32)] {
        let mut sends = Sends::new("", Crowd { domains, rings }).unwrap();
        let id = BenchmarkId::from_parameter(format!("{domains}x{rings}"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|calls| {
                let blocks = u32::try_from(calls.div_ceil(1000)).unwrap();
                Duration::from_nanos((sends.time(blocks).unwrap() * calls as f64) as u64)
            });
        });
    }
    group.finish();
}

/// Nobody waits in any of so many rings; then somebody in one.
fn notify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("notify");
    for rings in [1, 8, 32, 128] {
        let world = World::new(1, Rate::Free).unwrap();
        let owner = world.guest(1, 16).unwrap();
        for port in 0..rings {
            owner.register(port, SMALL.start).unwrap();
        }
        group.bench_function(BenchmarkId::new("nobody waits", rings), |bencher| {
            bencher.iter(|| owner.notify().unwrap());
        });
    }
    for rings in [1, 8, 32, 128] {
        let mut notifies = Notifies::new("", rings).unwrap();
        group.bench_function(BenchmarkId::new("somebody waits", rings), |bencher| {
            bencher.iter_custom(|calls| {
                let rows = u32::try_from(calls.div_ceil(64)).unwrap();
                Duration::from_nanos((notifies.time(rows).unwrap() * calls as f64) as u64)
            });
        });
    }
    group.finish();
}

/// A ring of so many bytes that is there is registered anew.
fn register(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("register");
    for len in [4032, 1 << 16, 1 << 20] {
        let len = RingLen::check(len).unwrap();
        let world = World::new(1, Rate::Free).unwrap();
        let guest = world.guest(1, pages_for_inbox(len)).unwrap();
        let mut inbox = Inbox::open(guest, 7, len).unwrap();
        group.bench_function(BenchmarkId::new("again", len.bytes()), |bencher| {
            bencher.iter(|| inbox.register_again().unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, sendv, crowd, notify, register);
criterion_main!(benches);
