//! The traits of tokio, on a runtime of tokio.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod world;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::runtime::Builder;
use tokio::time::timeout;
use vchan::Geometry;
use world::{World, bytes};

#[test]
fn the_traits_of_tokio() {
    let (mut server, client) = World::new().pair_of(Geometry::new(12, 13).unwrap());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async move {
        let (mut reader, mut writer) = client.into_split();
        let echo = tokio::spawn(async move {
            let copied = copy(&mut reader, &mut writer).await;
            writer.shutdown().await.unwrap();
            copied
        });
        let (data, mut got) = (bytes(3000, 5), vec![0; 3000]);
        for _ in 0..20 {
            AsyncWriteExt::write_all(&mut server, &data).await.unwrap();
            server.read_exact(&mut got).await.unwrap();
            assert_eq!(got, data);
        }
        let silent = server.read_u8();
        timeout(Duration::from_millis(10), silent).await.unwrap_err();
        server.shutdown().await.unwrap();
        assert_eq!(echo.await.unwrap().unwrap(), 20 * 3000);
        assert_eq!(AsyncReadExt::read(&mut server, &mut got).await.unwrap(), 0);
    });
}
