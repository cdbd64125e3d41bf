//! What threads of one process would use instead: a bare ring of bytes, and a channel of messages.

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use rtrb::{Consumer, Producer, RingBuffer};

use super::end::{End, Patience};
use crate::case::Failure;
use crate::payload;

/// An end of two bare rings: the payload is written into a buffer, copied in, and looked at where
/// it lies, as with the engine.
pub struct Bare {
    out: Producer<u8>,
    incoming: Consumer<u8>,
    buffer: Vec<u8>,
}

/// Two ends, with rings of so many bytes, for messages of `len` bytes.
pub fn bare(ring: u32, len: u32) -> [Bare; 2] {
    let (to_second, from_first) = RingBuffer::new(ring as usize);
    let (to_first, from_second) = RingBuffer::new(ring as usize);
    let end = |out, incoming| Bare { out, incoming, buffer: vec![0; len as usize] };
    [end(to_second, from_second), end(to_first, from_first)]
}

impl End for Bare {
    #[inline]
    fn send(&mut self, number: u64, patience: &Patience) -> Result<(), Failure> {
        payload::write(&mut self.buffer, number);
        while self.out.push_entire_slice(&self.buffer).is_err() {
            patience.wait()?;
        }
        Ok(())
    }

    #[inline]
    fn receive(&mut self, patience: &Patience) -> Result<u64, Failure> {
        loop {
            if let Ok(message) = self.incoming.read_chunk(self.buffer.len()) {
                let (first, second) = message.as_slices();
                let sum = payload::sum(first).wrapping_add(payload::sum(second));
                message.commit_all();
                return Ok(sum);
            }
            patience.wait()?;
        }
    }
}

/// A message of a channel.
pub trait Parcel: AsRef<[u8]> + AsMut<[u8]> + Send + 'static {
    /// One of `len` bytes.
    fn new(len: usize) -> Self;
}

/// Small ones move by value: nothing is allocated.
impl Parcel for [u8; 64] {
    #[inline]
    fn new(_len: usize) -> Self {
        [0; 64]
    }
}

impl Parcel for Vec<u8> {
    #[inline]
    fn new(len: usize) -> Self {
        vec![0; len]
    }
}

/// An end of two channels.
pub struct Channels<P> {
    out: Sender<P>,
    incoming: Receiver<P>,
    len: usize,
}

/// Two ends, with channels that hold as many messages of `len` bytes as a ring of so many bytes.
pub fn channels<P: Parcel>(ring: u32, len: u32) -> [Channels<P>; 2] {
    let room = (ring / len) as usize;
    let ((to_second, from_first), (to_first, from_second)) = (bounded(room), bounded(room));
    let end = |out, incoming| Channels { out, incoming, len: len as usize };
    [end(to_second, from_second), end(to_first, from_first)]
}

impl<P: Parcel> End for Channels<P> {
    #[inline]
    fn send(&mut self, number: u64, patience: &Patience) -> Result<(), Failure> {
        let mut parcel = P::new(self.len);
        payload::write(parcel.as_mut(), number);
        loop {
            match self.out.try_send(parcel) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) => parcel = back,
                Err(TrySendError::Disconnected(_)) => return Err("nobody receives".into()),
            }
            patience.wait()?;
        }
    }

    #[inline]
    fn receive(&mut self, patience: &Patience) -> Result<u64, Failure> {
        loop {
            match self.incoming.try_recv() {
                Ok(parcel) => return Ok(payload::sum(parcel.as_ref())),
                Err(TryRecvError::Empty) => patience.wait()?,
                Err(TryRecvError::Disconnected) => return Err("nobody sends".into()),
            }
        }
    }
}
