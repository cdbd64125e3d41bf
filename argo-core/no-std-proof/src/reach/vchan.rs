//! What a peer of a vchan reaches beside the rings' words: the meeting, the channel, and its end.

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use argo_core::DomainId;
use argo_mem::HeapRam;
use vchan::platform::{
    Access, Committed, EventChannel, Fault, GrantRef, Platform, Port, Store, Transaction,
    UnmapNotify, Wake, Watch,
};
use vchan::{
    Channel, Client, Meeting, Server, SharedPage, Signal, leave, start_client, start_server,
};
use vchan::{Geometry, Role};

/// A platform that is somebody else's, behind tables of functions.
#[derive(Clone, Copy)]
pub struct Theirs(&'static dyn Backend);

/// What the platform answers.
pub trait Backend: Sync {
    /// Pages, shared or mapped.
    fn pages(&self, references: &[GrantRef]) -> Result<HeapRam, Fault>;
    /// The references of pages that are shared.
    fn reference(&self) -> GrantRef;
    /// A port.
    fn line(&self) -> Result<&'static dyn EventChannel, Fault>;
    /// The time.
    fn now(&self) -> Duration;
    /// The store.
    fn store(&self) -> &dyn Store<Watch = Nothing>;
}

/// A port that is somebody else's.
pub struct Line(&'static dyn EventChannel);

/// A watch that tells of a change at once.
pub struct Nothing;

impl Watch for Nothing {
    fn wait(&self, _: Option<Duration>) -> Result<Wake, Fault> {
        Ok(Wake::Event)
    }
}

impl EventChannel for Line {
    fn port(&self) -> Port {
        self.0.port()
    }

    fn notify(&self) -> Result<(), Fault> {
        self.0.notify()
    }

    fn seen(&self) -> u32 {
        self.0.seen()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        self.0.wait(seen, timeout)
    }

    fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl Platform for Theirs {
    type Pages = HeapRam;
    type ReadPages = HeapRam;
    type Channel = Line;

    fn share(
        &self,
        _: DomainId,
        _: Access,
        references: &mut [GrantRef],
        _: Option<UnmapNotify>,
    ) -> Result<HeapRam, Fault> {
        references.fill_with(|| self.0.reference());
        self.0.pages(references)
    }

    fn map(
        &self,
        _: DomainId,
        references: &[GrantRef],
        _: Option<UnmapNotify>,
    ) -> Result<HeapRam, Fault> {
        self.0.pages(references)
    }

    fn map_to_read(&self, _: DomainId, references: &[GrantRef]) -> Result<HeapRam, Fault> {
        self.0.pages(references)
    }

    fn alloc_unbound(&self, _: DomainId) -> Result<Line, Fault> {
        self.0.line().map(Line)
    }

    fn bind_interdomain(&self, _: DomainId, _: Port) -> Result<Line, Fault> {
        self.0.line().map(Line)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}

impl Store for Theirs {
    type Watch = Nothing;

    fn domain(&self) -> Result<DomainId, Fault> {
        self.0.store().domain()
    }

    fn begin(&self) -> Result<Transaction, Fault> {
        self.0.store().begin()
    }

    fn commit(&self, transaction: Transaction) -> Result<Committed, Fault> {
        self.0.store().commit(transaction)
    }

    fn abandon(&self, transaction: Transaction) {
        self.0.store().abandon(transaction);
    }

    fn read(&self, within: Transaction, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.0.store().read(within, path)
    }

    fn write(&self, within: Transaction, path: &str, value: &[u8]) -> Result<(), Fault> {
        self.0.store().write(within, path, value)
    }

    fn remove(&self, within: Transaction, path: &str) -> Result<(), Fault> {
        self.0.store().remove(within, path)
    }

    fn set_reader(&self, within: Transaction, path: &str, reader: DomainId) -> Result<(), Fault> {
        self.0.store().set_reader(within, path, reader)
    }

    fn watch(&self, path: &str) -> Result<Nothing, Fault> {
        self.0.store().watch(path)
    }
}

/// How a channel begins and ends in the shared page.
#[unsafe(no_mangle)]
pub fn strict_vchan_session(page: &dyn SharedPage, geometry: Geometry, role: Role) -> bool {
    start_server(page, geometry);
    start_client(page) == Signal::Needed && leave(page, role) == Signal::Needed
}

/// Any keys in the store, and any page and ports that they lead to.
#[unsafe(no_mangle)]
pub fn trusting_vchan_client(
    platform: &Theirs,
    client: Client,
    path: &str,
    timeout: Option<Duration>,
) -> Option<Channel<Theirs>> {
    drop(client.connect(platform, path));
    client.connect_within(platform, path, timeout).ok()
}

/// The server's side of it.
#[unsafe(no_mangle)]
pub fn trusting_vchan_server(
    platform: &Theirs,
    server: &Server,
    port: u32,
) -> Option<(Channel<Theirs>, Meeting)> {
    drop(server.listen(platform, port));
    server.share(platform).ok()
}

/// A channel whose peer writes and signals anything.
#[unsafe(no_mangle)]
pub fn trusting_vchan_reads(
    channel: &mut Channel<Theirs>,
    buffer: &mut [u8],
    timeout: Option<Duration>,
) -> Option<usize> {
    channel.accept(timeout).ok()?;
    channel.wait(timeout).ok()?;
    channel.recv(buffer, timeout).ok()?;
    let shown = channel.peek(timeout).ok()?.len();
    channel.consume(shown);
    channel.halves().0.discard().ok()?;
    channel.read(buffer, timeout).ok()?;
    channel.data_ready().ok()
}

/// The same, to write.
#[unsafe(no_mangle)]
pub fn trusting_vchan_writes(
    channel: &mut Channel<Theirs>,
    data: &[u8],
    timeout: Option<Duration>,
) -> Option<usize> {
    channel.send(data, timeout).ok()?;
    channel.write(data, timeout).ok()?;
    channel.write_all(data, timeout).ok()?;
    channel.buffer_space().ok()
}

/// The end of a channel.
#[unsafe(no_mangle)]
pub fn trusting_vchan_end(channel: Channel<Theirs>) {
    channel.withdraw();
    channel.close();
}
