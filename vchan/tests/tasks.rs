//! Tasks on channels: the traits of futures, no runtime of ours, and dropping what waits.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod world;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::executor::block_on;
use futures::future::{join, join_all, join4};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use vchan::inprocess::Domain;
use vchan::{AcceptError, Channel, Client, Presence, ReadError, RecvError, SendError, Server};
use world::{LONG, World, bytes, id};

/// More than any ring of these tests holds.
const LEN: usize = 100_000;

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_traits_of_futures_in_one_thread() {
    let (mut server, client) = World::new().pair();
    let (mut reader, mut writer) = client.into_split();
    let (up, down) = (bytes(LEN, 1), bytes(LEN, 2));
    let (mut got_up, mut got_down) = (vec![0; LEN], vec![0; LEN]);
    let (server_reads, server_writes) = server.halves();
    let (a, b, c, d) = block_on(join4(
        AsyncWriteExt::write_all(&mut writer, &up),
        server_reads.read_exact(&mut got_up),
        AsyncWriteExt::write_all(server_writes, &down),
        reader.read_exact(&mut got_down),
    ));
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    assert!(got_up == up && got_down == down);
}

#[test]
fn closing_the_writer_ends_the_stream_after_its_data() {
    let (mut server, mut client) = World::new().pair();
    let data = bytes(LEN, 3);
    let mut got = Vec::new();
    let writes = async {
        AsyncWriteExt::write_all(&mut client, &data).await.unwrap();
        AsyncWriteExt::close(&mut client).await.unwrap();
    };
    block_on(join(writes, async { server.read_to_end(&mut got).await.unwrap() }));
    assert!(got == data);
    assert_eq!(server.peer(), Presence::Gone);
    let error = block_on(AsyncWriteExt::write(&mut server, b"x")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

async fn echo(mut channel: Channel<Domain>) {
    let mut packet = [0; 700];
    while channel.recv_async(&mut packet).await.is_ok() {
        channel.send_async(&packet).await.unwrap();
    }
}

async fn ask(mut channel: Channel<Domain>) {
    for round in 0..50 {
        let (sent, mut got) = (bytes(700, round), [0; 700]);
        channel.send_async(&sent).await.unwrap();
        channel.recv_async(&mut got).await.unwrap();
        assert_eq!(got[..], sent);
    }
}

#[test]
fn many_tasks_in_two_threads() {
    let world = World::new();
    let pair = |number: u32| {
        let server = Server::new(id(2)).listen(&world.one, number).unwrap();
        (echo(server), ask(Client::new(id(1)).connect(&world.two, number).unwrap()))
    };
    let (echo, asks): (Vec<_>, Vec<_>) = (0..20).map(pair).unzip();
    thread::scope(|scope| {
        scope.spawn(|| block_on(join_all(echo)));
        block_on(join_all(asks));
    });
}

#[test]
fn a_task_and_a_thread_on_one_channel() {
    let (server, client) = World::new().pair();
    let (mut reader, mut writer) = server.into_split();
    let echo = thread::spawn(move || block_on(echo(client)));
    let (sent, mut got) = (bytes(700, 4), [0; 700]);
    thread::scope(|scope| {
        scope.spawn(|| (0..50).for_each(|_| writer.send(&sent, LONG).unwrap()));
        block_on(async {
            for _ in 0..50 {
                reader.recv_async(&mut got).await.unwrap();
                assert_eq!(got[..], sent);
            }
        });
    });
    drop((reader, writer));
    echo.join().unwrap();
}

#[test]
fn a_wait_that_is_dropped_takes_and_writes_nothing() {
    let (mut server, mut client) = World::new().pair();
    let mut buffer = [9; 4];
    assert!(poll_once(server.recv_async(&mut buffer)).is_pending());
    client.try_send(b"abc").unwrap();
    assert!(poll_once(server.recv_async(&mut buffer)).is_pending());
    assert_eq!(buffer, [9; 4]);
    assert_eq!(poll_once(server.read_async(&mut buffer)), Poll::Ready(Ok(3)));
    assert_eq!(&buffer[..3], b"abc");

    client.try_send(&[1; 1024]).unwrap();
    assert!(poll_once(client.send_async(b"lost")).is_pending());
    assert!(poll_once(client.write_async(b"lost")).is_pending());
    let mut all = [0; 2000];
    assert_eq!(server.try_read(&mut all), Ok(1024));
    assert_eq!(server.try_read(&mut all), Err(ReadError::WouldBlock));
    assert_eq!(poll_once(client.send_async(b"kept")), Poll::Ready(Ok(())));
}

#[test]
fn errors_reach_a_task_that_waits() {
    let (mut server, mut client) = World::new().pair();
    client.try_send(&[0; 1024]).unwrap();
    let reads = async {
        assert_eq!(
            server.recv_async(&mut [0; 1025]).await,
            Err(RecvError::TooBig { len: 1025, size: 1024 })
        );
        server.recv_async(&mut [0; 1024]).await.unwrap();
        server.recv_async(&mut [0; 1024]).await
    };
    let goes = async {
        client.send_async(b"x").await.unwrap();
        drop(client);
    };
    let (read, ()) = block_on(join(reads, goes));
    assert_eq!(read, Err(RecvError::Closed { ready: 1 }));
    assert_eq!(block_on(server.send_async(b"x")), Err(SendError::Closed));
    assert_eq!(block_on(server.accept_async()), Err(AcceptError::Closed));
}

#[test]
fn a_persistent_server_accepts_in_a_task() {
    let world = World::new();
    let mut server = Server::new(id(2)).persistent().listen(&world.one, 7).unwrap();
    for _ in 0..3 {
        let comes = async { world.client() };
        let (accepted, client) = block_on(join(server.accept_async(), comes));
        assert_eq!(accepted, Ok(()));
        drop(client);
        assert_eq!(block_on(server.read_async(&mut [0])), Err(ReadError::Closed));
    }
}
