//! A guest that speaks the attachment protocol itself: as far as a test wants, and as wrongly.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Verdict, Welcome};
use argo_core::host::layout::{ARMED, DOORBELL_ARMED, QueueLayout};
use argo_core::host::queue::GuestQueue;
use argo_core::host::words::{Word, Words};
use argo_core::platform::{Call, Gone};
use argo_mem::{Mapping, Memory, View};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    recvmsg, sendmsg, socket_with,
};
use zerocopy::{FromBytes, IntoBytes};

use crate::{PATIENCE, wait_until};

/// A connection to a domain's socket.
pub struct Raw {
    /// The socket.
    pub socket: OwnedFd,
}

/// What argod offers in its Welcome.
pub struct Offer {
    /// The message itself.
    pub welcome: Welcome,
    /// Control area and RAM.
    pub memfd: OwnedFd,
    /// What wakes argod's workers.
    pub doorbells: Vec<OwnedFd>,
}

impl Raw {
    /// Connects to this socket.
    pub fn connect(path: &Path) -> Self {
        Self::try_connect(path, SocketFlags::CLOEXEC).unwrap()
    }

    /// The same with a socket of these flags.
    ///
    /// # Errors
    /// The kernel's.
    pub fn try_connect(path: &Path, flags: SocketFlags) -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self { socket })
    }

    /// Sends a message.
    pub fn send(&self, message: &[u8]) {
        self.send_with(message, &[]).unwrap();
    }

    /// Sends a message with these descriptors.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send_with(&self, message: &[u8], fds: &[&OwnedFd]) -> Result<usize, Errno> {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&fds));
        }
        sendmsg(&self.socket, &[IoSlice::new(message)], &mut control, SendFlags::NOSIGNAL)
    }

    /// The next message; `None`: argod hung up.
    pub fn receive<M: FromBytes + IntoBytes>(&self) -> Option<(M, Vec<OwnedFd>)> {
        let mut message = M::new_zeroed();
        let fds_max = 1 + DOORBELLS_MAX as usize;
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(fds_max))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [IoSliceMut::new(message.as_mut_bytes())];
        // A process that is stopped and goes on finds its system call interrupted.
        let receive = || recvmsg(&self.socket, &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC);
        let got = match retry_on_intr(receive) {
            Ok(got) if got.bytes > 0 => got.bytes,
            Ok(_) | Err(Errno::CONNRESET) => return None,
            Err(errno) => panic!("no message within {PATIENCE:?}: {errno}"),
        };
        assert_eq!(got, size_of::<M>());
        let rights = control.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let fds = rights.flatten().collect();
        Some((message, fds))
    }

    /// Says a proper Hello and takes what is offered.
    pub fn hello(&self) -> Offer {
        self.try_hello().expect("an offer")
    }

    /// The same; `None`: argod refused.
    pub fn try_hello(&self) -> Option<Offer> {
        self.send_with(Hello::new(1).as_bytes(), &[]).ok()?;
        let (welcome, mut fds) = self.receive::<Welcome>()?;
        if welcome.errno != 0 {
            return None;
        }
        let doorbells = fds.split_off(1);
        Some(Offer { welcome, memfd: fds.remove(0), doorbells })
    }

    /// Says that the memory is sealed, and what argod thinks of it.
    pub fn sealed(&self) -> Verdict {
        self.send(Sealed::MESSAGE.as_bytes());
        self.receive::<Verdict>().unwrap().0
    }

    /// A connection on which argod has offered memory, as soon as there is a place.
    pub fn offer_when_free(path: &Path) -> (Self, Offer) {
        let place = std::cell::OnceCell::new();
        wait_until("a place is free", || {
            let raw = Self::connect(path);
            let offer = raw.try_hello();
            offer.is_some_and(|offer| place.set((raw, offer)).is_ok())
        });
        place.into_inner().unwrap()
    }

    /// What argod answers to this first message: errno and text of its refusal.
    pub fn refusal_of(path: &Path, message: &[u8]) -> (u32, String) {
        let raw = Self::connect(path);
        raw.send(message);
        raw.refusal()
    }

    /// The refusal that argod has sent or will send.
    pub fn refusal(&self) -> (u32, String) {
        let (welcome, fds) = self.receive::<Welcome>().unwrap();
        assert!(fds.is_empty(), "descriptors in a refusal");
        (welcome.errno, welcome.text.as_str().to_owned())
    }

    /// Whether argod has closed the connection, interrupts before that not counted.
    pub fn hung_up(&self) -> bool {
        loop {
            match recv(&self.socket, &mut [0; 8], RecvFlags::DONTWAIT) {
                Ok((0, _)) | Err(Errno::CONNRESET) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// Bytes of the memory that is offered.
impl Offer {
    /// How many.
    pub fn bytes(&self) -> usize {
        self.welcome.control_bytes as usize + self.welcome.ram_pages as usize * 4096
    }
}

/// An attached guest of which every part can be reached.
pub struct RawSession {
    /// The connection that it was made over.
    pub raw: Raw,
    /// What argod offered.
    pub offer: Offer,
    memory: Mapping,
    queue: GuestQueue,
}

impl RawSession {
    /// Attaches to the domain of this socket.
    pub fn attach(path: &Path) -> Self {
        let raw = Raw::connect(path);
        let offer = raw.hello();
        Self::seal(raw, offer)
    }

    /// Attaches as soon as there is a place: argod may still be clearing up the last session.
    pub fn attach_when_free(path: &Path) -> Self {
        let (raw, offer) = Raw::offer_when_free(path);
        Self::seal(raw, offer)
    }

    /// Completes an attachment.
    pub fn seal(raw: Raw, offer: Offer) -> Self {
        Self::try_seal(raw, offer).unwrap()
    }

    /// The same.
    ///
    /// # Errors
    /// Why argod refused.
    pub fn try_seal(raw: Raw, offer: Offer) -> Result<Self, String> {
        let memory = Mapping::of(&offer.memfd, offer.bytes()).unwrap();
        Mapping::finish_seals(&offer.memfd).unwrap();
        raw.send_with(Sealed::MESSAGE.as_bytes(), &[]).map_err(|errno| errno.to_string())?;
        let (verdict, _) = raw.receive::<Verdict>().ok_or("argod hung up")?;
        match verdict.errno {
            0 => Ok(Self { raw, offer, memory, queue: GuestQueue::new(0) }),
            _ => Err(verdict.text.as_str().to_owned()),
        }
    }

    /// Control area and RAM.
    pub fn whole(&self) -> View<'_> {
        self.memory.view()
    }

    /// A word of the control area.
    pub fn word(&self, word: Word) -> u32 {
        self.whole().load(word, std::sync::atomic::Ordering::Acquire)
    }

    /// Changes a word of the control area.
    pub fn set_word(&self, word: Word, value: u32) {
        self.whole().store(word, value, std::sync::atomic::Ordering::Release);
    }

    /// Asks for an interrupt at the next event.
    pub fn arm(&self) {
        self.set_word(ARMED, 1);
    }

    /// Rings, whether argod wants to be rung or not.
    pub fn ring_doorbell(&self) {
        self.ring(0);
    }

    fn ring(&self, doorbell: usize) {
        let _ = rustix::io::write(&self.offer.doorbells[doorbell], &1u64.to_ne_bytes());
    }

    /// Makes a call that the worker of this doorbell serves.
    pub fn perform_by(&mut self, doorbell: usize, call: &Call) -> i64 {
        assert!(self.queue.submit(&self.memory.view(), call, 0), "too many calls in flight");
        self.ring(doorbell);
        self.reap().unwrap()
    }

    /// Makes the call as often as there is room in the queue, and hands out the results.
    pub fn perform_all(&mut self, call: &Call, mut each: impl FnMut(i64)) {
        while self.queue.submit(&self.memory.view(), call, 0) {}
        self.ring_doorbell();
        while self.queue.in_flight() > 0 {
            each(self.reap().unwrap());
        }
    }

    /// The next result.
    fn reap(&mut self) -> Result<i64, Gone> {
        loop {
            if let Some(completion) = self.queue.reap(&self.memory.view()) {
                return Ok(completion.ret);
            }
            if self.hung_up() {
                return Err(Gone);
            }
            std::thread::yield_now();
        }
    }

    /// Claims to have submitted that many calls.
    pub fn claim_submitted(&self, index: u32) {
        self.set_word(QueueLayout::new(0).submitted(), index);
        self.set_word(DOORBELL_ARMED, 0);
        self.ring_doorbell();
    }

    /// Whether argod has ended the session.
    pub fn hung_up(&self) -> bool {
        self.raw.hung_up()
    }

    /// Waits until it has.
    pub fn wait_for_hang_up(&self) {
        wait_until("argod hangs up", || self.hung_up());
    }
}

/// What it does as a guest.
impl RawSession {
    /// Its domain.
    pub fn id(&self) -> u16 {
        self.offer.welcome.domain as u16
    }

    /// Its RAM.
    pub fn memory(&self) -> View<'_> {
        let control = self.offer.welcome.control_bytes as usize;
        self.whole().part(control, self.offer.bytes() - control).unwrap()
    }

    /// Makes a call and waits for its result, looking for it all the time.
    ///
    /// # Errors
    /// The session is over.
    pub fn perform(&mut self, call: &Call) -> Result<i64, Gone> {
        assert!(self.queue.submit(&self.memory.view(), call, 0), "too many calls in flight");
        self.ring_doorbell();
        self.reap()
    }
}
