//! A ring as its owner reads it, with any bytes in it that change at any moment: each message that
//! is given lies in front of `tx_ptr`, in order, with the bytes that the ring has there; "nothing"
//! and "corrupt" are told apart; nothing but `rx_ptr` is written.
#![no_main]

use arbitrary::Arbitrary;
use argo_core::abi::{RING_HEADER, SLOT};
use argo_core::claim::RingLen;
use argo_core::ring::{Consumer, Message};
use argo_mem::{HeapRam, Memory, View};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'b> {
    slots: u8,
    resumes: bool,
    ring: &'b [u8],
    steps: Vec<Step<'b>>,
}

#[derive(Arbitrary, Debug)]
enum Step<'b> {
    /// The first message is looked at, and part of it copied.
    Peek {
        from: u16,
        room: u8,
    },
    Consume,
    /// The reader moves on without giving the space back.
    Pass,
    Scribble {
        at: u16,
        bytes: &'b [u8],
    },
    TxPtr(u16),
}

fuzz_target!(|input: Input| {
    let Ok(len) = RingLen::check(48 + SLOT * u32::from(input.slots)) else { return };
    let size = (RING_HEADER + len.bytes()) as usize;
    let ram = HeapRam::zeroed(size);
    let Ok(view) = ram.view().part(0, size) else { return };
    scribble(view, 0, input.ring);
    let consumer = if input.resumes { Consumer::resume(&view, len) } else { Consumer::new(len) };
    let claimed = u64::from(word(&bytes(view), 0)).next_multiple_of(16);
    let rx = if input.resumes && claimed < size as u64 - 64 { claimed as usize } else { 0 };
    let mut reader = Reader { view, consumer, rx, first: None };
    input.steps.iter().for_each(|step| reader.does(step));
    reader.drain();
});

struct Reader<'m> {
    view: View<'m>,
    consumer: Consumer,
    /// Where it reads, by our own reckoning.
    rx: usize,
    first: Option<Message>,
}

impl Reader<'_> {
    fn does(&mut self, step: &Step) {
        match *step {
            Step::Peek { from, room } => self.peek(from.into(), room.into()),
            Step::Consume => self.consume(),
            Step::Pass => self.pass(),
            Step::Scribble { at, bytes } => scribble(self.view, at.into(), bytes),
            Step::TxPtr(slot) => scribble(self.view, 4, &(u32::from(slot) * SLOT).to_le_bytes()),
        }
    }

    /// Judges the ring as the code does, by a plainer way.
    fn peek(&mut self, from: usize, room: usize) {
        let all = bytes(self.view);
        let data = &all[RING_HEADER as usize..];
        let (tx, size) = (word(&all, 4) as usize, data.len());
        let result = self.consumer.peek(&self.view);
        self.first = None;
        if tx >= size || tx % 16 != 0 {
            assert_eq!(result.map_err(|corrupt| corrupt.message), Err(None));
            return;
        }
        let filled = (tx + size - self.rx) % size;
        assert_eq!(self.consumer.filled(&self.view), Ok(filled as u32));
        if filled == 0 {
            assert_eq!(result, Ok(None));
            return;
        }
        let claimed = word(data, self.rx);
        let whole = claimed >= SLOT && u64::from(claimed).next_multiple_of(16) <= filled as u64;
        let Ok(Some(message)) = result else {
            assert!(!whole, "{result:?} of a message of {claimed} bytes, {filled} are there");
            assert_eq!(result.map_err(|corrupt| corrupt.message), Err(Some(claimed)));
            return;
        };
        assert!(whole, "a message of {claimed} bytes, {filled} are there");
        let payload: Vec<u8> =
            (16..claimed as usize).map(|at| data[(self.rx + at) % size]).collect();
        assert_eq!(message.payload_len() as usize, payload.len());
        let rest = payload.get(from..).unwrap_or_default();
        let mut copy = vec![0; room];
        let copied = message.copy_from(&self.view, from as u32, &mut copy);
        assert_eq!(&copy[..copied], &rest[..room.min(rest.len())]);
        self.first = Some(message);
    }

    fn consume(&mut self) {
        let Some(message) = self.first.take() else { return };
        let mut expected = bytes(self.view);
        self.consumer.consume(&self.view, message);
        self.move_on(message);
        expected[..4].copy_from_slice(&(self.rx as u32).to_le_bytes());
        assert!(bytes(self.view) == expected, "only rx_ptr is written");
    }

    fn pass(&mut self) {
        let Some(message) = self.first.take() else { return };
        let before = bytes(self.view);
        self.consumer.pass(message);
        self.move_on(message);
        assert!(bytes(self.view) == before, "nothing is written");
    }

    fn move_on(&mut self, message: Message) {
        let size = self.consumer.len().bytes() as usize;
        self.rx = (self.rx + (message.header().len as usize).next_multiple_of(16)) % size;
    }

    /// With nobody scribbling any more, the ring comes to an end.
    fn drain(&mut self) {
        for _ in 0..=self.consumer.len().bytes() / SLOT {
            self.peek(0, 0);
            if self.first.is_none() {
                return;
            }
            self.consume();
        }
        panic!("more messages than there is room for");
    }
}

fn scribble(view: View<'_>, at: usize, bytes: &[u8]) {
    let at = at % view.len();
    let end = bytes.len().min(view.len() - at);
    // It lies inside.
    let _ = view.write(at, &bytes[..end]);
}

fn bytes(view: View<'_>) -> Vec<u8> {
    let mut bytes = vec![0; view.len()];
    let _ = view.read(0, &mut bytes);
    bytes
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}
