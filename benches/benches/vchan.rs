//! A vchan between two domains of this process: so many bytes written and read again, by one thread.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;

use argo_core::DomainId;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vchan::inprocess::{AllowAll, Hub};
use vchan::{Client, Server};

const RING: usize = 1 << 20;

fn transfer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vchan");
    let hub = Hub::new(AllowAll);
    let id = |id| DomainId::new(id).unwrap();
    let (first, second) = (hub.domain(id(1)), hub.domain(id(2)));
    let server = Server::new(id(2)).minimums(RING, RING).unwrap();
    let mut server = server.listen(&first, 7).unwrap();
    let mut client = Client::new(id(1)).connect(&second, 7).unwrap();
    for len in [16, 64, 1024, 4096, 65536] {
        let mut bytes = vec![7; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("send and recv", len), |bencher| {
            bencher.iter(|| {
                client.try_send(&bytes).unwrap();
                server.try_recv(black_box(&mut bytes)).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, transfer);
criterion_main!(benches);
