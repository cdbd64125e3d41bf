//! One suite over tokio's Unix sockets and over ours: the same outcomes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

mod support;

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use argo_guest::stream::{
    ListenOptions, OwnedReadHalf, OwnedWriteHalf, Stream, StreamListener, StreamOptions,
};
use argo_guest::{Address, Domain, Port};
use futures::{SinkExt, StreamExt};
use support::{at, domain, system};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream, unix};
use tokio_util::codec::{Framed, LinesCodec};

const SMALL: StreamOptions = StreamOptions::new().ring_len(64 << 10).send_buffer(64 << 10);

/// What the suite needs of a listener and its streams, under their own names.
trait Net: Sized + Send + 'static {
    type Socket: Socket;

    fn bind() -> Self;
    fn connect(&self) -> impl Future<Output = Self::Socket> + Send;
    fn accept(&self) -> impl Future<Output = Self::Socket> + Send;
}

/// The inherent methods that the I/O traits do not have.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    type Reader: AsyncRead + Unpin + Send + 'static;
    type Writer: AsyncWrite + Unpin + Send + 'static;

    fn try_read(&self, out: &mut [u8]) -> io::Result<usize>;
    fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;
    fn writable(&self) -> impl Future<Output = io::Result<()>> + Send;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
    fn halves(&mut self) -> (impl AsyncRead + Unpin, impl AsyncWrite + Unpin);
    fn into_split(self) -> (Self::Reader, Self::Writer);
    fn reunite(reader: Self::Reader, writer: Self::Writer) -> Option<Self>;
}

struct Unix {
    listener: UnixListener,
    directory: tempfile::TempDir,
}

impl Net for Unix {
    type Socket = UnixStream;

    fn bind() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        Self { listener, directory }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("socket")).await.unwrap()
    }

    async fn accept(&self) -> UnixStream {
        self.listener.accept().await.unwrap().0
    }
}

struct Argo {
    listener: StreamListener,
    near: Domain,
    to: Address,
}

impl Net for Argo {
    type Socket = Stream;

    fn bind() -> Self {
        let system = system();
        let (near, far) = (domain(&system, 1), domain(&system, 2));
        let how = ListenOptions::port(Port(7)).stream(SMALL);
        let listener = StreamListener::bind_blocking(&far, how).unwrap();
        Self { listener, near, to: at(2, 7) }
    }

    async fn connect(&self) -> Stream {
        Stream::connect_with(&self.near, self.to, &SMALL).await.unwrap()
    }

    async fn accept(&self) -> Stream {
        self.listener.accept().await.unwrap().0
    }
}

/// The same names on both sides, so that a swap compiles.
macro_rules! socket {
    ($socket:ty, $reader:ty, $writer:ty) => {
        impl Socket for $socket {
            type Reader = $reader;
            type Writer = $writer;

            fn try_read(&self, out: &mut [u8]) -> io::Result<usize> {
                self.try_read(out)
            }
            fn try_read_vectored(&self, out: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.try_read_vectored(out)
            }
            fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.try_write(bytes)
            }
            fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
                self.try_write_vectored(parts)
            }
            async fn readable(&self) -> io::Result<()> {
                self.readable().await
            }
            async fn writable(&self) -> io::Result<()> {
                self.writable().await
            }
            fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.take_error()
            }
            fn halves(&mut self) -> (impl AsyncRead + Unpin, impl AsyncWrite + Unpin) {
                self.split()
            }
            fn into_split(self) -> ($reader, $writer) {
                self.into_split()
            }
            fn reunite(reader: $reader, writer: $writer) -> Option<Self> {
                reader.reunite(writer).ok()
            }
        }
    };
}

socket!(UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf);
socket!(Stream, OwnedReadHalf, OwnedWriteHalf);

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 1000) as u8).collect()
}

async fn connected<N: Net>() -> (N, N::Socket, N::Socket) {
    let net = N::bind();
    // Before anybody accepts.
    let client = net.connect().await;
    let server = net.accept().await;
    (net, client, server)
}

async fn parts_and_vectors<N: Net>() {
    let (_net, mut client, mut server) = connected::<N>().await;
    client.write_all(b"written before it is read").await.unwrap();
    client.flush().await.unwrap();
    let mut part = [0; 7];
    server.read_exact(&mut part).await.unwrap();
    assert_eq!(&part, b"written");
    server.readable().await.unwrap();
    let (mut first, mut second) = ([0; 8], [0; 32]);
    let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.try_read_vectored(&mut parts).unwrap(), 18);
    assert_eq!((&first, &second[..10]), (b" before ", &b"it is read"[..]));

    assert!(server.is_write_vectored());
    server.writable().await.unwrap();
    let parts = [IoSlice::new(b"and "), IoSlice::new(b""), IoSlice::new(b"back")];
    assert_eq!(server.try_write_vectored(&parts).unwrap(), 8);
    let mut back = [0; 8];
    client.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"and back");
    assert_eq!(client.try_read(&mut back).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(client.take_error().unwrap().is_none());
}

async fn a_full_socket_would_block<N: Net>() {
    let (_net, client, mut server) = connected::<N>().await;
    let chunk = pattern(10_000);
    let mut written = 0;
    // What was taken may go on to the peer for a while.
    let idle = std::time::Duration::from_millis(200);
    while tokio::time::timeout(idle, client.writable()).await.is_ok() {
        match client.try_write(&chunk[written % 10_000..]) {
            Ok(some) => written += some,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    let mut read = vec![0; written];
    server.read_exact(&mut read).await.unwrap();
    assert!(read.chunks(10_000).all(|part| part == &chunk[..part.len()]));
    client.writable().await.unwrap();
    assert!(client.try_write(b"room").unwrap() > 0);
}

async fn much_data_through_owned_halves<N: Net>() {
    let (_net, client, server) = connected::<N>().await;
    let sent = pattern(3_000_000);
    let (mut reader, mut writer) = client.into_split();
    let all = sent.clone();
    let writing = tokio::spawn(async move {
        writer.write_all(&all).await.unwrap();
        // Dropped: the peer reads the end.
    });
    let echo = tokio::spawn(async move {
        let (mut from, mut to) = server.into_split();
        tokio::io::copy(&mut from, &mut to).await.unwrap()
    });
    let mut echoed = Vec::new();
    reader.read_to_end(&mut echoed).await.unwrap();
    writing.await.unwrap();
    assert_eq!(echo.await.unwrap(), 3_000_000);
    assert!(echoed == sent);
}

async fn borrowed_halves_in_one_task<N: Net>() {
    let (_net, mut client, mut server) = connected::<N>().await;
    let sent = pattern(1_000_000);
    let mut received = vec![0; sent.len()];
    let ((mut client_in, mut client_out), (mut server_in, mut server_out)) =
        (client.halves(), server.halves());
    let mut small = [0; 4];
    let there = async { client_out.write_all(&sent).await.unwrap() };
    let here = async {
        server_in.read_exact(&mut received).await.unwrap();
        server_out.write_all(b"done").await.unwrap();
    };
    let answer = async { client_in.read_exact(&mut small).await.unwrap() };
    tokio::join!(there, here, answer);
    drop((client_in, client_out, server_in, server_out));
    assert!(received == sent && &small == b"done");
    // Dropping borrowed halves ends nothing.
    client.write_all(b"more").await.unwrap();
    server.read_exact(&mut small).await.unwrap();
}

async fn half_close_leaves_the_other_way_open<N: Net>() {
    let (_net, mut client, mut server) = connected::<N>().await;
    client.write_all(b"question").await.unwrap();
    AsyncWriteExt::shutdown(&mut client).await.unwrap();
    assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.unwrap();
    assert_eq!(question, b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
}

async fn a_dropped_peer_is_the_end_after_its_data<N: Net>() {
    let (_net, mut client, mut server) = connected::<N>().await;
    server.write_all(b"last words").await.unwrap();
    drop(server);
    let mut words = Vec::new();
    client.read_to_end(&mut words).await.unwrap();
    assert_eq!(words, b"last words");
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
    let refused = loop {
        if let Err(error) = client.write_all(b"anybody?").await {
            break error;
        }
    };
    assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
}

async fn halves_reunite_with_their_own<N: Net>() {
    let (net, client, server) = connected::<N>().await;
    let (one_in, one_out) = client.into_split();
    let (two_in, two_out) = net.connect().await.into_split();
    let _other = net.accept().await;
    let mut whole = N::Socket::reunite(one_in, one_out).unwrap();
    whole.write_all(b"whole").await.unwrap();
    let mut server = server;
    server.read_exact(&mut [0; 5]).await.unwrap();
    let (one_in, _one_out) = whole.into_split();
    assert!(N::Socket::reunite(one_in, two_out).is_none());
    drop(two_in);
}

async fn frames_and_proxies<N: Net>() {
    let (_net, client, mut middle) = connected::<N>().await;
    let (_net, mut onward, server) = connected::<N>().await;
    let proxy = tokio::spawn(async move { copy_bidirectional(&mut middle, &mut onward).await });
    let mut client = Framed::new(client, LinesCodec::new());
    let mut server = Framed::new(server, LinesCodec::new());
    for line in ["one", "", "three"] {
        client.send(line).await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), line);
        server.send("ok").await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), "ok");
    }
    SinkExt::<&str>::close(&mut client).await.unwrap();
    assert!(server.next().await.is_none());
    drop(server);
    assert_eq!(proxy.await.unwrap().unwrap(), (11, 9));
}

/// Each case over both.
macro_rules! suite {
    ($($case:ident),+ $(,)?) => {
        mod tokios { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case::<super::Unix>().await; }
        )+ }
        mod ours { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case::<super::Argo>().await; }
        )+ }
    };
}

suite!(
    parts_and_vectors,
    a_full_socket_would_block,
    much_data_through_owned_halves,
    borrowed_halves_in_one_task,
    half_close_leaves_the_other_way_open,
    a_dropped_peer_is_the_end_after_its_data,
    halves_reunite_with_their_own,
    frames_and_proxies,
);

/// As `tokio::net::TcpStream::peek`.
#[tokio::test]
async fn peeking_leaves_the_bytes() {
    let (_net, client, server) = connected::<Argo>().await;
    client.write(b"peek").await.unwrap();
    let mut buffer = [0; 8];
    for _ in 0..2 {
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 4);
    }
    assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
    assert_eq!(server.try_peek(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
}
