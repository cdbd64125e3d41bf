//! Streams: what the protocol costs a message, and bytes between two domains of this process.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::thread;

use argo_guest::stream::{Stream, StreamListener};
use argo_guest::{Domain, DomainId, Port};
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, WildcardRings};
use argo_stream::wire::{Flags, STREAM};
use argo_stream::{Arrival, Connection, Endpoint, Kind, Mode};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// The machine alone: a head written, a head understood.
fn protocol(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream/protocol");
    let peer = Endpoint { domain: DomainId::new(2).unwrap(), port: Port(7) };
    let modes = [("plain", Mode::Plain), ("extended", Mode::Extended { epoch: 9 })];
    for (name, mode) in modes {
        let mut connection = Connection::accepted(peer, 0xC0FFEE, Kind::Stream, mode);
        group.bench_function(BenchmarkId::new("head", name), |bencher| {
            bencher.iter(|| black_box(connection.head(black_box(Flags::empty()))));
        });
        let (head, len) = connection.head(Flags::empty());
        let arrival = Arrival { source: peer, message_type: STREAM, len: 4096, head: &head[..len] };
        group.bench_function(BenchmarkId::new("receive", name), |bencher| {
            bencher.iter(|| black_box(connection.receive(black_box(&arrival))));
        });
    }
    group.finish();
}

/// Two ends that are connected.
fn ends() -> (Stream, Stream) {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, AllowAll);
    let domain = |id| Domain::new(system.domain(DomainId::new(id).unwrap(), 2048).unwrap());
    let (client, server) = (domain(1), domain(2));
    let listener = StreamListener::bind_blocking(&server, Port(7)).unwrap();
    let address = listener.local_addr();
    let accepting = thread::spawn(move || listener.accept_blocking(None).unwrap().0);
    let stream = Stream::connect_blocking(&client, address).unwrap();
    (stream, accepting.join().unwrap())
}

/// So many bytes written and read again, by one thread.
fn bytes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream/bytes");
    for len in [64, 4096, 65536] {
        let (from, to) = ends();
        let mut bytes = vec![7; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| {
                from.blocking().write_all(&bytes).unwrap();
                to.blocking().read_exact(&mut bytes).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, protocol, bytes);
criterion_main!(benches);
