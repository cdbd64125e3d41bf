//! Between argoctl and the process of a domain: frames of a fixed head and a bounded body, one
//! answer to each request.

use std::io::{self, Read, Write};

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::super::world::MAX_ACCESS_BYTES;

/// What is asked of a domain's process.
pub(super) mod request {
    /// Write the body to RAM at `words[0]`.
    pub const WRITE: u32 = 1;
    /// Answer `words[1]` bytes of RAM at `words[0]`.
    pub const READ: u32 = 2;
    /// Make the hypercall `words[0]` with the arguments `words[1..]`; the answer is its result.
    pub const OP: u32 = 3;
    /// Answer how many VIRQs came since this was last asked.
    pub const VIRQS: u32 = 4;
}

/// What it answers.
pub(super) mod answer {
    /// Done.
    pub const DONE: u32 = 0;
    /// Not done; the body says why.
    pub const FAILED: u32 = 1;
}

/// The head of a frame. Both ends are this program on this machine.
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
struct Head {
    code: u32,
    body_len: u32,
    words: [u64; 5],
}

/// A request or an answer.
pub(super) struct Frame {
    pub(super) code: u32,
    pub(super) words: [u64; 5],
    pub(super) body: Vec<u8>,
}

impl Frame {
    pub(super) fn new(code: u32, words: &[u64]) -> Self {
        let mut all = [0; 5];
        all.iter_mut().zip(words).for_each(|(word, value)| *word = *value);
        Self { code, words: all, body: Vec::new() }
    }

    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    pub(super) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let head = Head { code: self.code, body_len: self.body.len() as u32, words: self.words };
        to.write_all(&[head.as_bytes(), &self.body].concat())
    }

    /// Receives a frame; `None` at the end.
    pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = Head::new_zeroed();
        match from.read_exact(head.as_mut_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            done => done?,
        }
        let Head { code, body_len, words } = head;
        let body_len = body_len as usize;
        if body_len > MAX_ACCESS_BYTES {
            return Err(io::Error::other(format!("a body of {body_len} bytes")));
        }
        let mut body = vec![0; body_len];
        from.read_exact(&mut body)?;
        Ok(Some(Self { code, words, body }))
    }
}
