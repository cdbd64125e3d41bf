//! The reception: accepts connections, notices hang-ups, and ends sessions.
//!
//! One thread that never waits for a guest: each attachment has a thread of its own, one at a time
//! for a domain.

mod port;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use argo_core::DomainId;
use rustix::net::SocketFlags;

use super::admin::AdminServer;
use super::arrivals::{self, NoRoom, Resting, accept};
use super::attach::attach;
use super::audit::refused_attachment;
use super::domain::HostDomain;
use super::host::{EndReason, Host};
use super::metrics::MetricsServer;
use super::peer::Peer;
use super::throttle::{Pass, Throttle};
use port::Source;
pub use port::{Notice, ReceptionPort};

/// Pause after an attachment before the next one to the same domain is looked at, so that a
/// process that attaches in a loop, or is refused in one, costs little.
const PAUSE: Duration = Duration::from_millis(2);

/// Receives until argod is told to stop.
pub fn run(host: &Arc<Host>, admin: &AdminServer, metrics: Option<&MetricsServer>) {
    Reception { host, admin, metrics, resting: Resting::default(), log: Throttle::default() }.run();
}

struct Reception<'r> {
    host: &'r Arc<Host>,
    admin: &'r AdminServer,
    metrics: Option<&'r MetricsServer>,
    /// Whose connections there was no room for.
    resting: Resting<Source>,
    log: Throttle,
}

impl Reception<'_> {
    fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        loop {
            self.host.reception().hear(&mut events, self.resting.time_left());
            for source in events.iter().filter_map(Source::of) {
                match source {
                    Source::Session(key) => _ = self.host.end_session(key, EndReason::Left),
                    Source::Notices if !read_notices(self.host) => return,
                    Source::Notices => {}
                    arrival => self.arrival(arrival),
                }
            }
            for rested in self.resting.rested() {
                self.listen_again(rested);
            }
        }
    }

    /// Lets one in, or has the listener rest.
    fn arrival(&mut self, source: Source) {
        let accepted = match (source, self.metrics) {
            (Source::Listener(id), _) => arrival(self.host, id),
            (Source::Admin, _) => {
                let accepted = self.admin.accept(self.host);
                accepted.inspect(|()| self.listen_again(Source::Admin))
            }
            (Source::Metrics, Some(metrics)) => metrics.accept(self.host),
            _ => Ok(()),
        };
        if let Err(error) = accepted {
            self.resting.add(source);
            if let Some(Pass { suppressed }) = self.log.pass() {
                tracing::error!(%error, suppressed, "who connects has to wait");
            }
        }
    }

    fn listen_again(&self, source: Source) {
        let port = self.host.reception();
        match (source, self.metrics) {
            (Source::Listener(id), _) => {
                if let Some(domain) = self.host.domain(id) {
                    port.listen_again(&domain);
                }
            }
            (Source::Admin, _) => port.listen_admin_again(self.admin.listener()),
            (Source::Metrics, Some(metrics)) => port.listen_metrics_again(metrics.listener()),
            _ => {}
        }
    }
}

/// `false`: argod stops.
fn read_notices(host: &Host) -> bool {
    for notice in host.reception().notices() {
        match notice {
            Notice::End(key, reason) => _ = host.end_session(key, reason),
            Notice::Discard(session) => drop(session),
            Notice::Stop => return false,
        }
    }
    true
}

/// Has a thread serve who connected to a domain.
///
/// # Errors
/// There is neither a thread nor a descriptor.
fn arrival(host: &Arc<Host>, id: DomainId) -> Result<(), NoRoom> {
    let Some(domain) = host.domain(id) else { return Ok(()) };
    let name = format!("attach-{}", domain.name());
    let its = (host.clone(), domain.clone());
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let (host, domain) = its;
        std::thread::sleep(serve_arrival(&host, &domain));
        host.reception().listen_again(&domain);
    });
    if let Err(error) = thread {
        turn_away(host, &domain, &error)?;
        host.reception().listen_again(&domain);
    }
    Ok(())
}

/// Turns away who connected: it would be what the next look finds again.
fn turn_away(host: &Host, domain: &HostDomain, error: &io::Error) -> Result<(), NoRoom> {
    accept(&domain.listener, SocketFlags::NONBLOCK)?;
    domain.meter().add_refused_attachment();
    refused_attachment(host, domain, None, error);
    if let Some(Pass { suppressed }) = domain.log.pass() {
        tracing::error!(domain = domain.name(), %error, suppressed, "no thread to attach");
    }
    Ok(())
}

/// Attaches who connected, or says why not; how long the next one has to wait.
fn serve_arrival(host: &Arc<Host>, domain: &Arc<HostDomain>) -> Duration {
    let socket = match accept(&domain.listener, SocketFlags::NONBLOCK) {
        Ok(Some(socket)) => socket,
        Ok(None) => return PAUSE,
        Err(error) => {
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::error!(domain = domain.name(), %error, suppressed, "attachment waits");
            }
            return arrivals::PAUSE;
        }
    };
    let by = Peer::of(&socket).ok();
    match attach(host, domain, socket) {
        Ok(peer) => {
            domain.meter().add_attachment();
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::info!(domain = domain.name(), %peer, suppressed, "attached");
            }
        }
        Err(error) => {
            domain.meter().add_refused_attachment();
            refused_attachment(host, domain, by, &error);
            // It may have been passed RAM before it failed.
            host.undertaker().call();
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::warn!(domain = domain.name(), %error, suppressed, "attachment refused");
            }
        }
    }
    PAUSE
}
