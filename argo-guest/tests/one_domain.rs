//! Both ends of a stream in one domain, whose session submits what makes room and what waits for
//! it at the same time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod support;

use std::io::{Read, Write};

use argo_guest::Port;
use argo_guest::stream::{ListenOptions, Stream, StreamListener, StreamOptions};
use support::{PATIENCE, at, domain, system};

const RING_LEN: u32 = 32_800;
const WRITES: usize = 4000;
const WRITE: usize = 16 << 10;

#[test]
fn a_reader_and_a_writer_of_one_session_do_not_wait_for_each_other() {
    let system = system();
    let domain = domain(&system, 1);
    let options = StreamOptions::new().ring_len(RING_LEN).send_buffer(WRITE);
    let listener =
        StreamListener::bind_blocking(&domain, ListenOptions::port(Port(7)).stream(options));
    let listener = listener.unwrap();
    let writer = Stream::connect_blocking_with(&domain, at(1, 7), &options).unwrap();
    let (reader, _) = listener.accept_blocking(Some(PATIENCE)).unwrap();

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = writer.blocking_for(PATIENCE);
            for _ in 0..WRITES {
                writer.write_all(&[7; WRITE]).unwrap();
            }
        });
        let mut buffer = vec![0; WRITE];
        for _ in 0..WRITES {
            reader.blocking_for(PATIENCE).read_exact(&mut buffer).unwrap();
        }
    });
}
