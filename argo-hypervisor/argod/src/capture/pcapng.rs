//! Captured messages as a pcapng file (draft-ietf-opsawg-pcapng), link type `DLT_VSOCK`.
//!
//! Each packet is Linux's `struct af_vsockmon_hdr`, with Argo's own fields where that one has room
//! for a transport's, and the payload. Everything is little-endian.

use std::io::{self, Write};

use argo_core::Errno;

use super::Frame;

/// Bytes of `struct af_vsockmon_hdr`.
pub const VSOCK_HEADER: usize = 32;
/// Bytes of Argo's own header behind it.
pub const ARGO_HEADER: usize = 32;

const LINKTYPE_VSOCK: u16 = 271;
/// `AF_VSK_OP_PAYLOAD`
const OP_PAYLOAD: u16 = 4;
/// `AF_VSK_TRANSPORT_NO_INFO`: none that Wireshark knows.
const TRANSPORT: u16 = 1;
const ARGO_VERSION: u8 = 1;
/// In Argo's header: the message was delivered.
const DELIVERED: u8 = 1;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// Options that every block may have, and those of one kind of block.
mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const SECTION_APPLICATION: u16 = 4;
    pub const INTERFACE_NAME: u16 = 2;
    pub const INTERFACE_RESOLUTION: u16 = 9;
    pub const PACKET_DROPS: u16 = 4;
    pub const STATISTICS_RECEIVED: u16 = 4;
    pub const STATISTICS_DROPPED: u16 = 5;
}

/// Writes a file.
pub struct Pcapng<W> {
    out: W,
    written: u64,
    messages: u64,
    lost: u64,
    /// Lost since the last message.
    missing: u64,
    last_ns: u64,
}

impl<W: Write> Pcapng<W> {
    /// Begins a file of messages with up to `snaplen` bytes of payload each.
    ///
    /// # Errors
    /// The writer's.
    pub fn begin(out: W, snaplen: u32) -> io::Result<Self> {
        let mut file = Self { out, written: 0, messages: 0, lost: 0, missing: 0, last_ns: 0 };
        let mut section = Block::new(SECTION);
        section.word(0x1a2b_3c4d).half(1).half(0).long(u64::MAX);
        let application = concat!("argoctl ", env!("CARGO_PKG_VERSION"));
        section.option(option::SECTION_APPLICATION, application.as_bytes());
        file.write(section)?;
        let mut interface = Block::new(INTERFACE);
        let headers = (VSOCK_HEADER + ARGO_HEADER) as u32;
        interface.half(LINKTYPE_VSOCK).half(0).word(headers.saturating_add(snaplen));
        interface.option(option::INTERFACE_NAME, b"argod");
        // Nanoseconds: ten to the minus ninth.
        interface.option(option::INTERFACE_RESOLUTION, &[9]);
        file.write(interface)?;
        Ok(file)
    }

    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.written
    }

    /// Whether nothing was written, which never is.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Messages written so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages lost so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Writes a message.
    ///
    /// # Errors
    /// The writer's.
    pub fn message(&mut self, frame: &Frame, payload: &[u8]) -> io::Result<()> {
        let packet = packet(frame, payload);
        let sent = if frame.errno == 0 { frame.length.get() } else { 0 };
        let full = (VSOCK_HEADER + ARGO_HEADER) as u64 + sent;
        self.last_ns = frame.time_ns.get();
        let mut block = Block::new(PACKET);
        block.word(0).time(self.last_ns);
        block.word(packet.len() as u32).word(u32::try_from(full).unwrap_or(u32::MAX));
        block.padded(&packet);
        block.option(option::COMMENT, comment(frame).as_bytes());
        match std::mem::take(&mut self.missing) {
            0 => {}
            missing => _ = block.option(option::PACKET_DROPS, &missing.to_le_bytes()),
        }
        self.messages += 1;
        self.write(block)
    }

    /// Here so many messages are missing: the next one and the end of the file will say so.
    pub fn lose(&mut self, count: u64) {
        self.missing += count;
        self.lost += count;
    }

    /// Ends the file with what was received and lost, and gives back the writer.
    ///
    /// # Errors
    /// The writer's.
    pub fn end(mut self) -> io::Result<W> {
        let mut block = Block::new(STATISTICS);
        block.word(0).time(self.last_ns);
        let received = self.messages + self.lost;
        block.option(option::STATISTICS_RECEIVED, &received.to_le_bytes());
        block.option(option::STATISTICS_DROPPED, &self.lost.to_le_bytes());
        let text = "dropped: messages that met the filter while their reader was too slow";
        block.option(option::COMMENT, text.as_bytes());
        self.write(block)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Has everything reach the file.
    ///
    /// # Errors
    /// The writer's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self, block: Block) -> io::Result<()> {
        let bytes = block.end();
        self.written += bytes.len() as u64;
        self.out.write_all(&bytes)
    }
}

/// The packet, as docs/capture.md has it.
fn packet(frame: &Frame, payload: &[u8]) -> Vec<u8> {
    let mut packet = Block(Vec::with_capacity(VSOCK_HEADER + ARGO_HEADER + payload.len()));
    packet.long(frame.from.get().into()).long(frame.to.get().into());
    packet.word(frame.from_port.get()).word(frame.to_port.get());
    packet.half(OP_PAYLOAD).half(TRANSPORT).half(ARGO_HEADER as u16).half(0);
    let flags = if frame.errno == 0 { DELIVERED } else { 0 };
    packet.bytes(b"ARGO").bytes(&[ARGO_VERSION, flags]).half(frame.errno.get());
    packet.word(frame.message_type.get()).word(frame.rule.get());
    packet.long(frame.length.get()).half(frame.claimed.get()).half(0).word(0);
    packet.bytes(payload);
    packet.0
}

/// The verdict in words.
fn comment(frame: &Frame) -> String {
    let Frame { from, to, from_port, to_port, length, .. } = frame;
    let addresses = format!("{from}:{from_port} -> {to}:{to_port}");
    let length = length.get();
    match frame.refusal() {
        None => format!("delivered: {addresses}, {length} bytes"),
        Some(errno) => {
            let rule = match frame.rule.get() {
                0 => String::new(),
                rule => format!(", rule {rule}"),
            };
            let verdict = if errno == Errno::EAGAIN { "put off" } else { "refused" };
            format!("{verdict}: {addresses}, {length} bytes: {errno}{rule}")
        }
    }
}

/// A block that is being made: its length is filled in at the end.
struct Block(Vec<u8>);

impl Block {
    fn new(kind: u32) -> Self {
        let mut block = Self(Vec::new());
        block.word(kind).word(0);
        block
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn half(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn word(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn long(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A time, high half first.
    fn time(&mut self, nanoseconds: u64) -> &mut Self {
        self.word((nanoseconds >> 32) as u32).word(nanoseconds as u32)
    }

    fn padded(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Options are short: texts of this program, and numbers.
    fn option(&mut self, code: u16, value: &[u8]) -> &mut Self {
        self.half(code).half(value.len() as u16).padded(value)
    }

    fn end(mut self) -> Vec<u8> {
        self.half(option::END).half(0);
        let len = self.0.len() as u32 + 4;
        self.word(len);
        self.0[4..8].copy_from_slice(&len.to_le_bytes());
        self.0
    }
}
