//! A server of gRPC with tonic, and a client. The service is written by hand: what tonic's build
//! script would make of a `.proto` file is longer, and no other.
//!
//! Without argod: `cargo run --features tokio --example grpc`. See `support` for two domains of an
//! argod.

mod support;

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use argo_guest::stream::{AcceptError, Stream, StreamListener};
use argo_guest::{Address, Domain};
use futures::StreamExt;
use hyper_util::rt::TokioIo;
use support::Failure;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::server::Connected;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

const ECHO: &str = "/argo.Echo/Echo";

/// What goes both ways.
#[derive(Clone, PartialEq, prost::Message)]
struct Words {
    #[prost(string, tag = "1")]
    text: String,
}

type Codec = ProstCodec<Words, Words>;

fn main() -> Result<(), Failure> {
    support::run(
        |listener| runtime()?.block_on(serve(listener)),
        |domain, server| runtime()?.block_on(talk(domain, server)),
    )
}

fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

async fn serve(listener: StreamListener) -> Result<(), Failure> {
    // tonic tries again after an error; the end of the session is the last one.
    let present = |accepted: &_| ready(!matches!(accepted, Err(AcceptError::Gone(_))));
    let incoming = listener.incoming().take_while(present);
    let incoming = incoming.map(|accepted| accepted.map(|(stream, _)| Io(stream)));
    Ok(Server::builder().serve_with_incoming(service_fn(answer), incoming).await?)
}

async fn answer(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        ECHO => tonic::server::Grpc::new(Codec::default()).unary(service_fn(echo), request).await,
        other => Status::unimplemented(format!("no method {other}")).into_http(),
    })
}

async fn echo(request: Request<Words>) -> Result<Response<Words>, Status> {
    match request.into_inner() {
        words if words.text.is_empty() => Err(Status::invalid_argument("no words")),
        words => Ok(Response::new(words)),
    }
}

async fn talk(domain: &Domain, server: Address) -> Result<(), Failure> {
    let domain = domain.clone();
    let dial = service_fn(move |_| {
        let domain = domain.clone();
        async move { Stream::connect(&domain, server).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://argo").connect_with_connector(dial).await?;
    let mut client = tonic::client::Grpc::new(channel);
    let mut say = async |text: &str| {
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let words = Request::new(Words { text: text.to_owned() });
        client.unary(words, PathAndQuery::from_static(ECHO), Codec::default()).await
    };
    let answer: Response<Words> = say("hello over Argo").await?;
    assert_eq!(answer.into_inner().text, "hello over Argo");
    let refusal = say("").await.map(|_| ()).map_err(|status| status.code());
    assert_eq!(refusal, Err(Code::InvalidArgument));
    println!("1 answer and 1 refusal came back");
    Ok(())
}

/// A stream as tonic's server wants it: one that can say where it comes from.
struct Io(Stream);

impl Connected for Io {
    type ConnectInfo = Address;

    fn connect_info(&self) -> Address {
        self.0.peer_addr()
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, bytes)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
