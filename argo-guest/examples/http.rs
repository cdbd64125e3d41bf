//! A server of HTTP with hyper, and a client.
//!
//! Without argod: `cargo run --features tokio --example http`. See `support` for two domains of an
//! argod.

mod support;

use std::convert::Infallible;

use argo_guest::stream::{AcceptError, Stream, StreamListener};
use argo_guest::{Address, Domain};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use hyper_util::rt::TokioIo;
use support::Failure;
use tokio::runtime;

fn main() -> Result<(), Failure> {
    support::run(
        |listener| runtime()?.block_on(serve(listener)),
        |domain, server| runtime()?.block_on(talk(domain, server)),
    )
}

fn runtime() -> std::io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().build()
}

async fn serve(listener: StreamListener) -> Result<(), Failure> {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(AcceptError::Gone(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        tokio::spawn(async move {
            let answering = service_fn(answer);
            let serving = server::conn::http1::Builder::new();
            if let Err(error) = serving.serve_connection(TokioIo::new(stream), answering).await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match request.uri().path() {
        "/" => (StatusCode::OK, "hello over Argo"),
        _ => (StatusCode::NOT_FOUND, "nothing here"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

async fn talk(domain: &Domain, server: Address) -> Result<(), Failure> {
    let stream = Stream::connect(domain, server).await?;
    let (mut requests, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    for (path, status, text) in
        [("/", StatusCode::OK, "hello over Argo"), ("/else", StatusCode::NOT_FOUND, "nothing here")]
    {
        let request = Request::get(path).header("host", "argo").body(Empty::<Bytes>::new())?;
        let response = requests.send_request(request).await?;
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await?.to_bytes(), text);
        println!("{path}: {status}");
    }
    drop(requests);
    Ok(connection.await??)
}
