//! Calls of the driver's user that may block, and how they end.

use std::sync::Arc;
use std::time::Duration;

use argo_guest::stream::Stream;

use super::datagrams;
use super::driver::{Driver, Finished, IN_PROGRESS, RULED_OUT, STILL_WAITING, Socket, Waiting};
use super::session::NO_LIMIT;
use super::stream_calls::{accepting, destination, kind, options, reading, reading_all, writing};
use super::trace::Fields;

/// What a call says that should end and does not.
const ENDLESS: &str = "it does not end";
/// How long a blocking connect of the driver takes at most.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

impl Driver {
    pub fn connect(&mut self, fields: &Fields) -> String {
        if datagrams::is_datagram(&fields.sock) {
            return self.connect_datagram(fields);
        }
        let used = self.socket(&fields.sock).is_some() || self.settings(&fields.sock).failed;
        if used || destination(fields).is_none() {
            return RULED_OUT.into();
        }
        if !self.waiting.contains_key(&fields.sock) {
            let said = self.begin("connect", fields);
            if !self.settings(&fields.sock).nonblocking {
                return self.end(fields);
            }
            return if said == STILL_WAITING { IN_PROGRESS.into() } else { said };
        }
        match self.look(&fields.sock) {
            said if said == STILL_WAITING => IN_PROGRESS.into(),
            said => said,
        }
    }

    fn connect_datagram(&mut self, fields: &Fields) -> String {
        if self.socket(&fields.sock).is_none() {
            let socket =
                datagrams::bind(&self.session.domain, self.settings(&fields.sock)).unwrap();
            self.insert(&fields.sock, Socket::Datagram(socket));
        }
        let Some(Socket::Datagram(socket)) = self.socket(&fields.sock) else { unreachable!() };
        match destination(fields) {
            Some(to) => socket.connect(to),
            None => socket.disconnect(),
        }
        "0".into()
    }

    /// Begins a call that may block.
    pub fn begin(&mut self, op: &str, fields: &Fields) -> String {
        let waiting: Waiting = match (op, self.socket(&fields.sock)) {
            ("connect", None) => self.connecting(fields),
            ("accept", Some(Socket::Listener(listener))) => Waiting::new(accepting(listener)),
            ("read", Some(Socket::Stream(stream))) => Waiting::new(reading(stream, fields.len)),
            ("recv_waitall", Some(Socket::Stream(stream))) => {
                Waiting::new(reading_all(stream, fields.len))
            }
            ("write", Some(Socket::Stream(stream))) => Waiting::new(writing(stream, fields.len)),
            ("recvfrom", Some(Socket::Datagram(socket))) => datagrams::receiving(socket, fields),
            ("sendto", Some(Socket::Datagram(socket))) => datagrams::sending(socket, fields),
            _ => return RULED_OUT.into(),
        };
        self.waiting.insert(fields.sock.clone(), waiting);
        self.settle();
        self.look(&fields.sock)
    }

    fn connecting(&self, fields: &Fields) -> Waiting {
        let settings = self.settings(&fields.sock);
        let limit = if settings.nonblocking { NO_LIMIT } else { CONNECT_LIMIT };
        let options = options(settings).connect_timeout(limit);
        let domain = self.session.domain.clone();
        let to = destination(fields).unwrap();
        Waiting::new(async move {
            match Stream::connect_with(&domain, to, &options).await {
                Ok(stream) => {
                    Finished { text: "0".into(), made: Some(Socket::Stream(Arc::new(stream))) }
                }
                Err(error) => kind(error).into(),
            }
        })
    }

    /// Whether the call under way has ended.
    pub fn look(&mut self, sock: &str) -> String {
        let Some(waiting) = self.waiting.get_mut(sock) else { return RULED_OUT.into() };
        waiting.stir();
        match waiting.take() {
            None => STILL_WAITING.into(),
            Some(finished) => self.finished(sock, finished),
        }
    }

    /// Waits for the end of the call under way, if the record's ended by itself.
    pub fn end(&mut self, fields: &Fields) -> String {
        if fields.errno.as_deref() == Some("EINTR") {
            return self.look(&fields.sock);
        }
        if let Some(passed) = fields.ms_about {
            self.session.watched.advance(Duration::from_millis(passed));
        }
        let Some(waiting) = self.waiting.get_mut(&fields.sock) else { return RULED_OUT.into() };
        let finished = waiting.finish().unwrap_or_else(|| ENDLESS.to_owned().into());
        self.finished(&fields.sock, finished)
    }

    fn finished(&mut self, sock: &str, finished: Finished) -> String {
        let connects = self.socket(sock).is_none();
        self.waiting.remove(sock);
        if connects && finished.made.is_none() && self.settings(sock).nonblocking {
            self.settings.entry(sock.into()).or_default().failed = true;
        }
        if let Some(made) = finished.made {
            // The record gives no name to what a blocked accept returns, and then says "acc".
            self.insert(if connects { sock } else { "acc" }, made);
        }
        finished.text
    }
}
