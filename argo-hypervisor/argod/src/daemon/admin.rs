//! The admin socket's server: a thread a connection, a few at a time.

use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SocketFlags, SocketType};
use serde::Serialize;

use super::arrivals::{NoRoom, accept};
use super::audit::Deed;
use super::doors::Doors;
use super::host::Host;
use super::listener::ListenError;
use super::made_path::MadePath;
use super::peer::Peer;
use super::stat::{domain_in_full, stat};
use super::throttle::{Pass, Throttle};
use crate::admin::{Answer, Changed, Request, read_line, write_line};
use crate::config;
use crate::systemd::Passed;

/// Bytes of a domain's or file's name in a request: what Linux allows a path.
const FILE_NAME_MAX: usize = 4096;
/// How long an administrator may be silent, or not read, before the connection is closed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Accepts administrators.
pub struct AdminServer {
    /// None if systemd made the socket. Before the listener: dropped in this order.
    _path: Option<MadePath>,
    listener: UnixListener,
    log: Throttle,
}

impl AdminServer {
    /// A server there, on the socket that systemd passed or else on one of its own.
    ///
    /// # Errors
    /// Nobody can listen there.
    pub fn open(
        at: &config::Socket,
        passed: &Passed,
        doors: &Arc<Doors>,
    ) -> Result<Self, ListenError> {
        let listener = doors.listen(at, SocketType::STREAM, passed)?.into();
        let is_made = passed.socket(&at.path).is_none();
        let path = is_made.then(|| MadePath::new(at.path.clone(), doors.clone()));
        Ok(Self { _path: path, listener, log: Throttle::default() })
    }

    /// The socket.
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Accepts one connection, if there is one.
    ///
    /// # Errors
    /// It has to wait.
    pub fn accept(&self, host: &Arc<Host>) -> Result<(), NoRoom> {
        let Some(socket) = accept(&self.listener, SocketFlags::empty())? else { return Ok(()) };
        self.seat(host, socket.into());
        Ok(())
    }

    fn seat(&self, host: &Arc<Host>, stream: UnixStream) {
        let Some(seat) = host.admins().take() else {
            if let Some(Pass { suppressed }) = self.log.pass() {
                let allowed = host.admins().limit();
                tracing::warn!(allowed, suppressed, "too many administrators");
            }
            return;
        };
        let host = host.clone();
        let serve = move || {
            let _seat = seat;
            if let Err(error) = serve(&host, stream) {
                tracing::debug!(%error, "administrator gone");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("admin".into()).spawn(serve) {
            tracing::error!(%error, "no thread for an administrator");
        }
    }
}

fn serve(host: &Arc<Host>, stream: UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let by = Peer::of(&stream)?;
    let mut stream = BufReader::new(stream);
    while let Some(line) = read_line(&mut stream)? {
        let answer = match serde_json::from_str(&line) {
            Ok(request) => match odd_name(&request) {
                None => answer_and_tell(host, by, request),
                Some(why) => Answer::Error(why),
            },
            Err(error) => Answer::Error(format!("not a request: {error}")),
        };
        write_line(stream.get_mut(), &answer)?;
    }
    Ok(())
}

/// What is wrong with the names in a request: they appear in the log and in the audit stream, where
/// one with a line's end would pass for a line of its own.
fn odd_name(request: &Request) -> Option<String> {
    let name = match request {
        Request::Stat | Request::Reload | Request::Explain(_) => return None,
        Request::Domain { domain }
        | Request::Destroy { domain }
        | Request::SoftReset { domain }
        | Request::Start { domain }
        | Request::Stop { domain }
        | Request::Detach { domain, .. } => domain,
        Request::Create { file, .. } => file.as_ref()?,
        Request::Policy { file, .. } => file,
    };
    let odd = name.len() > FILE_NAME_MAX || name.contains(char::is_control);
    odd.then(|| format!("a name of more than {FILE_NAME_MAX} bytes or with control characters"))
}

fn answer_and_tell(host: &Arc<Host>, by: Peer, request: Request) -> Answer {
    let deed = Deed::of(host, &request);
    let answer = answer(host, request);
    if let Some(deed) = deed {
        let error = match &answer {
            Answer::Ok(_) => None,
            Answer::Error(error) => Some(error.as_str()),
        };
        deed.tell(host, Some(by), error);
    }
    answer
}

fn answer(host: &Arc<Host>, request: Request) -> Answer {
    match request {
        Request::Stat => done(Ok::<_, String>(stat(host))),
        Request::Domain { domain } => done(domain_in_full(host, &domain)),
        Request::Create { file, domain } => {
            done(create(host, file.as_deref().unwrap_or("domain"), &domain))
        }
        Request::Destroy { domain } => done(host.destroy_domain(&domain)),
        Request::SoftReset { domain } => done(host.soft_reset(&domain)),
        Request::Start { domain } => done(host.start_machine(&domain)),
        Request::Stop { domain } => done(host.stop_machine(&domain)),
        Request::Reload => done(host.reload_policy()),
        Request::Explain(inquiry) => done(host.policy().snapshot().inquire(&inquiry)),
        Request::Detach { domain, pid } => done(host.detach(&domain, pid)),
        Request::Policy { file, text, standing } => {
            done(host.replace_policy(&file, &text, standing))
        }
    }
}

fn create(host: &Host, file: &str, text: &str) -> Result<Changed, String> {
    let machine = config::Host::detect().with_workers(host.worker_count());
    let runtime_dir = &host.config().runtime_dir;
    let domain = config::Domain::parse(file, text, &machine, runtime_dir)
        .map_err(|problems| problems.to_string())?;
    let available = config::available_memory().map_err(|error| error.to_string())?;
    config::check_memory(slice::from_ref(&domain), available).map_err(|short| short.to_string())?;
    let (id, name) = (domain.id.raw(), domain.name.clone());
    let socket = domain.socket.path.clone();
    host.create_domain(domain).map_err(|error| error.to_string())?;
    tracing::info!(domain = name, "created");
    let domains = host.domains();
    host.services().warn_if_short(domains.iter().map(|domain| domain.config.quotas.services));
    Ok(Changed { id, name, socket, sessions_ended: 0, rings_removed: 0 })
}

fn done<T: Serialize, E: ToString>(result: Result<T, E>) -> Answer {
    match result.map(serde_json::to_value) {
        Ok(Ok(value)) => Answer::Ok(value),
        Ok(Err(error)) => Answer::Error(error.to_string()),
        Err(error) => Answer::Error(error.to_string()),
    }
}
