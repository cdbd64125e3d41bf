//! The operations, with the results that Xen's library has: `None` stands for -1.
//!
//! Xen's library asks for a signal whenever it moves less than it was asked to, since programs then
//! wait on the descriptor. So does this: one look, a request if that shows too little, one copy.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vchan::{
    Flag, Presence, ReadError, RecvError, Role, SendError, SharedPage, Signal, WriteError,
};
use xen_abi::Errno;

use crate::control::{Patience, Persist, Settings};
use crate::open::Vchan;

impl Vchan {
    /// All of `data` or nothing.
    pub(crate) fn send(&self, settings: Settings, data: &[u8]) -> Option<usize> {
        self.heed(settings);
        loop {
            let sent = lock(&self.writer).send(data);
            match sent {
                Ok(signal) => {
                    self.deliver(signal);
                    return Some(data.len());
                }
                Err(SendError::TooBig { .. }) => return self.never_fits(settings),
                Err(SendError::WouldBlock { .. }) => {
                    if let ControlFlow::Break(answer) = self.stuck(settings, 0) {
                        return answer;
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// What fits; all of `data` if it may wait.
    pub(crate) fn write(&self, settings: Settings, data: &[u8]) -> Option<usize> {
        self.heed(settings);
        let mut written = 0;
        loop {
            written += match self.write_ready(&data[written..]) {
                Ok(part) => part,
                Err(WriteError::WouldBlock { .. }) => 0,
                Err(_) => return None,
            };
            if written == data.len() {
                return Some(written);
            }
            if let ControlFlow::Break(answer) = self.stuck(settings, written) {
                return answer;
            }
        }
    }

    /// Exactly as much as the buffer holds, or nothing.
    pub(crate) fn recv(&self, settings: Settings, buffer: &mut [u8]) -> Option<usize> {
        self.heed(settings);
        loop {
            let received = lock(&self.reader).recv(buffer);
            match received {
                Ok(signal) => {
                    self.deliver(signal);
                    return Some(buffer.len());
                }
                Err(RecvError::TooBig { .. }) => return self.never_fits(settings),
                Err(RecvError::WouldBlock { .. }) => {
                    if let ControlFlow::Break(answer) = self.stuck(settings, 0) {
                        return answer;
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// What there is, up to what the buffer holds.
    pub(crate) fn read(&self, settings: Settings, buffer: &mut [u8]) -> Option<usize> {
        self.heed(settings);
        loop {
            match self.read_ready(buffer) {
                Ok(read) => return Some(read),
                Err(ReadError::WouldBlock) => {
                    if let ControlFlow::Break(answer) = self.stuck(settings, 0) {
                        return answer;
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// Bytes to read; of a ring whose indexes lie, none.
    pub(crate) fn data_ready(&self) -> u32 {
        lock(&self.reader).data_ready().unwrap_or(0)
    }

    /// Free bytes; of a ring whose indexes lie, none.
    pub(crate) fn buffer_space(&self) -> u32 {
        lock(&self.writer).buffer_space().unwrap_or(0)
    }

    /// The peer's byte as it stands, or 1 for a server that stays.
    pub(crate) fn is_open(&self, settings: Settings) -> u8 {
        self.heed(settings);
        let flag = match self.role {
            Role::Server => Flag::CliLive,
            Role::Client => Flag::SrvLive,
        };
        self.memory.load_flag(flag, Ordering::Acquire)
    }

    /// Takes the next event, waiting for it unless C has made the descriptor non-blocking.
    pub(crate) fn wait(&self) -> Result<(), Errno> {
        let port = self.ports.pending()?;
        self.ports.unmask(port)
    }

    fn read_ready(&self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut reader = lock(&self.reader);
        if buffer.is_empty() {
            return match (reader.data_ready()?, reader.peer()) {
                (0, Presence::Gone) => Err(ReadError::Closed),
                (0, _) => Err(ReadError::WouldBlock),
                _ => Ok(0),
            };
        }
        if !reader.glance(saturated(buffer.len())) {
            reader.data_ready()?;
        }
        let transfer = reader.read(buffer)?;
        self.deliver(transfer.signal);
        Ok(transfer.bytes)
    }

    fn write_ready(&self, data: &[u8]) -> Result<usize, WriteError> {
        let mut writer = lock(&self.writer);
        if !writer.glance(saturated(data.len())) {
            writer.buffer_space()?;
        }
        let transfer = writer.write(data)?;
        self.deliver(transfer.signal);
        Ok(transfer.bytes)
    }

    /// A call that cannot go on now: gives what it has done so far, or waits.
    fn stuck(&self, settings: Settings, done: usize) -> ControlFlow<Option<usize>> {
        if settings.patience == Patience::TryOnce {
            return ControlFlow::Break(Some(done));
        }
        match self.wait() {
            Ok(()) => ControlFlow::Continue(()),
            Err(errno) => {
                errno.set();
                ControlFlow::Break(None)
            }
        }
    }

    /// More than the ring's size: "not now" for who does not wait, says Xen's library.
    fn never_fits(&self, settings: Settings) -> Option<usize> {
        match settings.patience {
            Patience::TryOnce if self.is_open(settings) != 0 => Some(0),
            _ => None,
        }
    }

    fn heed(&self, settings: Settings) {
        self.memory.page.set_persist(settings.persist == Persist::Yes);
    }

    fn deliver(&self, signal: Signal) {
        if signal == Signal::Needed {
            self.notify();
        }
    }
}

/// More than any ring holds is as good as all.
fn saturated(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn lock<T>(end: &Mutex<T>) -> MutexGuard<'_, T> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}
