//! Both ends of a ring, without an engine: a message in, a message out.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;

use argo_core::abi::{MessageHeader, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::ring::{Consumer, Producer, RingMem};
use argo_mem::{HeapRam, Memory, View};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const LEN: u32 = 1 << 20;

struct Ends<'r> {
    ring: View<'r>,
    producer: Producer,
    consumer: Consumer,
}

impl<'r> Ends<'r> {
    fn of(ram: &'r HeapRam) -> Self {
        let (ring, len) = (ram.view(), RingLen::check(LEN).unwrap());
        Self { ring, producer: Producer::adopt(&ring, len), consumer: Consumer::new(len) }
    }

    fn put(&mut self, bytes: &[u8]) {
        let payload = PayloadLen::check(bytes.len() as u32).unwrap();
        let room = self.producer.reserve(&self.ring, payload).unwrap();
        let header = MessageHeader { len: SLOT + payload.bytes(), ..MessageHeader::default() };
        room.write_header(&self.ring, &header);
        let spans = room.payload(0, payload.bytes());
        let (first, second) = bytes.split_at(spans.first.len as usize);
        RingMem::write(&self.ring, spans.first.at, first);
        RingMem::write(&self.ring, spans.second.at, second);
        self.producer.publish(&self.ring, room);
    }

    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let message = self.consumer.peek(&self.ring).unwrap().unwrap();
        let len = message.copy_to(&self.ring, bytes);
        self.consumer.consume(&self.ring, message);
        len
    }
}

fn put_and_take(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring");
    for len in [0, 64, 1024, 4096, 65536] {
        let ram = HeapRam::zeroed(LEN as usize + 4096);
        let (mut ends, mut bytes) = (Ends::of(&ram), vec![7; len]);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("put and take", len), |bencher| {
            bencher.iter(|| {
                ends.put(black_box(&bytes));
                black_box(ends.take(&mut bytes))
            });
        });
    }
    group.finish();
}

/// Looks into a ring with nothing in it.
fn look(criterion: &mut Criterion) {
    let ram = HeapRam::zeroed(LEN as usize + 4096);
    let ends = Ends::of(&ram);
    criterion.bench_function("ring/look", |bencher| {
        bencher.iter(|| black_box(ends.consumer.peek(&ends.ring)));
    });
}

criterion_group!(benches, put_and_take, look);
criterion_main!(benches);
