//! The process of a domain, as the replay sees it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;

use super::WorldError;
use super::protocol::{Frame, answer, request};

/// How long a domain's process may take for anything. A sane one takes microseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that is attached to a domain; killed when dropped.
pub(super) struct Guest {
    domain: u16,
    process: Child,
    stream: UnixStream,
}

impl Guest {
    /// Starts the process of a domain whose socket lies at `socket`.
    pub(super) fn spawn(argoctl: &Path, socket: &Path, domain: u16) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut command = Command::new(argoctl);
        command.arg("replay-domain").arg(process::id().to_string()).arg(socket);
        let process = command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).spawn()?;
        Ok(Self { domain, process, stream })
    }

    /// Waits until it is attached. To be called once, before anything else.
    pub(super) fn attached(&mut self) -> Result<(), WorldError> {
        self.answer().map(drop)
    }

    pub(super) fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), WorldError> {
        self.ask(&Frame::new(request::WRITE, &[addr]).with_body(bytes.to_vec()))?;
        self.answer().map(drop)
    }

    pub(super) fn read(&mut self, addr: u64, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.ask(&Frame::new(request::READ, &[addr, bytes.len() as u64]))?;
        let body = self.answer()?.body;
        if body.len() != bytes.len() {
            return Err(self.broke(&format!("{} bytes for {}", body.len(), bytes.len())));
        }
        bytes.copy_from_slice(&body);
        Ok(())
    }

    pub(super) fn op(&mut self, cmd: u32, args: [u64; 4]) -> Result<i64, WorldError> {
        let [arg1, arg2, arg3, arg4] = args;
        self.ask(&Frame::new(request::OP, &[cmd.into(), arg1, arg2, arg3, arg4]))?;
        Ok(self.answer()?.words[0].cast_signed())
    }

    /// Asks for [`virqs`](Self::virqs), without waiting.
    pub(super) fn ask_virqs(&mut self) -> Result<(), WorldError> {
        self.ask(&Frame::new(request::VIRQS, &[]))
    }

    /// How many VIRQs came between the last two questions.
    pub(super) fn virqs(&mut self) -> Result<u64, WorldError> {
        Ok(self.answer()?.words[0])
    }

    fn ask(&mut self, frame: &Frame) -> Result<(), WorldError> {
        frame.send(&mut self.stream).map_err(|error| self.broke(&error.to_string()))
    }

    fn answer(&mut self) -> Result<Frame, WorldError> {
        let frame = Frame::receive(&mut self.stream);
        let frame = frame.map_err(|error| self.broke(&error.to_string()))?;
        match frame {
            Some(frame) if frame.code == answer::DONE => Ok(frame),
            Some(frame) => Err(self.broke(&String::from_utf8_lossy(&frame.body))),
            None => Err(self.broke("it ended")),
        }
    }

    fn broke(&self, what: &str) -> WorldError {
        format!("the process of domain {}: {what}", self.domain).into()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
