//! Kernels of machines that do one thing, most of them a wrong one. The instructions stand beside
//! their bytes.

use argo_core::abi::{DOMID_ANY, Iov, Op, RegisterRing, SendAddr};
use argo_core::host::layout::{self, QueueLayout};
use argo_core::host::machine::{CALLS, CONSOLE, CONTROL, EXIT, KERNEL_FIRST, WAIT};
use argo_core::host::queue::Slot;
use zerocopy::{Immutable, IntoBytes};

/// Bytes of an ELF header, and of one entry of its table.
const HEADER: u16 = 64;
const PART: u16 = 56;

/// An ELF file for x86-64 of one part, which is these instructions, and begins with them.
pub fn elf(code: &[u8]) -> Vec<u8> {
    let offset = u64::from(HEADER + PART);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    // Type: to be executed where it says; machine: x86-64; version.
    [2u16, 62, 1, 0].iter().for_each(|half| file.extend(half.to_le_bytes()));
    [KERNEL_FIRST, HEADER.into(), 0].iter().for_each(|word| file.extend(word.to_le_bytes()));
    [0, 0, HEADER, PART, 1, 0, 0, 0].iter().for_each(|half| file.extend(half.to_le_bytes()));
    // To be loaded, readable and executable; where in the file, where in memory, how much, how aligned.
    [1u32, 5].iter().for_each(|half| file.extend(half.to_le_bytes()));
    let len = code.len() as u64;
    let place = [offset, KERNEL_FIRST, KERNEL_FIRST, len, len, 16];
    place.iter().for_each(|word| file.extend(word.to_le_bytes()));
    file.extend(code);
    file
}

/// Ends with this exit code.
pub fn exits(code: u32) -> Vec<u8> {
    elf(&writes(EXIT, code))
}

/// An instruction that there is not.
pub fn faults() -> Vec<u8> {
    // ud2
    elf(&[0x0f, 0x0b])
}

/// Uses this address.
pub fn touches(address: u64) -> Vec<u8> {
    // movabs rax, address; mov al, [rax]
    elf(&[&[0x48, 0xb8], &address.to_le_bytes()[..], &[0x8a, 0x00]].concat())
}

/// Never comes back.
pub fn spins() -> Vec<u8> {
    // pause; jmp to it
    elf(&[0xf3, 0x90, 0xeb, 0xfc])
}

/// Sleeps for ever: there is no event.
pub fn sleeps() -> Vec<u8> {
    elf(&sleep())
}

/// Asks for its calls, in a queue that it may have or not, without an end.
pub fn rings(queue: u32) -> Vec<u8> {
    over_and_over(writes(CALLS, queue))
}

/// Wants to sleep, but only while the sequence is one that it never is, without an end.
pub fn sleeps_badly() -> Vec<u8> {
    over_and_over(writes(WAIT, u32::MAX))
}

/// Writes these bytes to its console, without an end: at most 20.
pub fn prints(text: &[u8]) -> Vec<u8> {
    over_and_over(written(text))
}

/// Submits so many calls, which somebody else has written into the first queue, and rings, without an
/// end.
pub fn calls(count: u8) -> Vec<u8> {
    let submitted = CONTROL + u64::from(QueueLayout::new(0).submitted().0);
    // movabs rbx, submitted; mov dx, CALLS; xor eax, eax; add dword [rbx], count; out dx, eax; jmp to the add
    let address = submitted.to_le_bytes();
    let begin = [&[0x48, 0xbb], &address[..], &port(CALLS), &[0x31, 0xc0]].concat();
    elf(&[&begin[..], &[0x83, 0x03, count, 0xef, 0xeb, 0xfa]].concat())
}

/// Reads from a port that is only written to.
pub fn reads_a_port() -> Vec<u8> {
    let mut code = port(CALLS).to_vec();
    // in eax, dx
    code.push(0xed);
    elf(&code)
}

/// jmp to the begin
fn over_and_over(mut code: Vec<u8>) -> Vec<u8> {
    code.extend([0xeb, (code.len() as u8 + 2).wrapping_neg()]);
    elf(&code)
}

/// mov dx, CONSOLE; then each byte: mov al, byte; out dx, al
fn written(text: &[u8]) -> Vec<u8> {
    let bytes = text.iter().flat_map(|byte| [0xb0, *byte, 0xee]);
    port(CONSOLE).into_iter().chain(bytes).collect()
}

/// Through all events: the sequence is read anew each time.
fn sleep() -> Vec<u8> {
    let sequence = CONTROL + u64::from(layout::SEQUENCE.0);
    // movabs rbx, sequence; mov dx, WAIT; mov eax, [rbx]; out dx, eax; jmp to the last mov
    let address = sequence.to_le_bytes();
    [&[0x48, 0xbb], &address[..], &port(WAIT), &[0x8b, 0x03, 0xef, 0xeb, 0xfb]].concat()
}

/// mov dx, port
fn port(port: u16) -> [u8; 4] {
    let [low, high] = port.to_le_bytes();
    [0x66, 0xba, low, high]
}

/// Port; mov eax, word; out dx, eax
fn writes(to: u16, word: u32) -> Vec<u8> {
    [&port(to)[..], &[0xb8], &word.to_le_bytes(), &[0xef]].concat()
}

/// A kernel that does one thing after the other.
#[derive(Default)]
pub struct Script {
    code: Vec<u8>,
    calls: u32,
}

impl Script {
    /// Has written something to memory.
    pub fn store(mut self, at: u64, value: &(impl IntoBytes + Immutable)) -> Self {
        // movabs rbx, at; then each byte: mov byte [rbx], byte; inc rbx
        self.code.extend([0x48, 0xbb]);
        self.code.extend(at.to_le_bytes());
        for byte in value.as_bytes() {
            self.code.extend([0xc6, 0x03, *byte, 0x48, 0xff, 0xc3]);
        }
        self
    }

    /// Has made a call, the next of the first queue.
    pub fn call(self, cmd: u32, args: [u64; 4]) -> Self {
        let (queue, number) = (QueueLayout::new(0), self.calls);
        let slot = Slot { cmd, args, ..Slot::default() };
        let mut next = self
            .store(CONTROL + u64::from(queue.slot(number)), &slot)
            .store(CONTROL + u64::from(queue.submitted().0), &(number + 1));
        next.calls += 1;
        next.ring()
    }

    /// Has asked for what is in the first queue.
    pub fn ring(mut self) -> Self {
        self.code.extend(writes(CALLS, 0));
        self
    }

    /// Has registered a ring in pages from `ring` on, with its arguments in the page before.
    pub fn register(self, port: u32, partner: u16, ring: u64, len: u32) -> Self {
        let claim = RegisterRing { aport: port, partner_id: partner, pad: 0, len };
        let pages = u64::from((len + 64).div_ceil(4096));
        let (args, list) = (ring - 0x1000, ring - 0x800);
        let numbers = (0..pages).fold(self.store(args, &claim), |script, page| {
            script.store(list + 8 * page, &(ring / 4096 + page))
        });
        numbers.call(Op::RegisterRing as u32, [args, list, pages, 0])
    }

    /// Has sent `len` bytes at `payload`, with its arguments in the page at `args`.
    pub fn send(self, to: (u16, u32), payload: u64, len: u32, args: u64) -> Self {
        let mut addresses = SendAddr::default();
        addresses.src.domain_id = DOMID_ANY;
        (addresses.dst.domain_id, addresses.dst.aport) = to;
        let iov = Iov { iov_hnd: payload, iov_len: len, pad: 0 };
        let list = args + 0x100;
        self.store(args, &addresses).store(list, &iov).call(Op::Sendv as u32, [args, list, 1, 0])
    }

    /// Has written to its console.
    pub fn print(mut self, text: &[u8]) -> Self {
        self.code.extend(written(text));
        self
    }

    /// Has ended, with this exit code, unless this word is 0.
    pub fn expect_zero(mut self, word: u64, code: u32) -> Self {
        let end = writes(EXIT, code);
        // movabs rbx, word; cmp dword [rbx], 0; je over what follows
        self.code.extend([0x48, 0xbb]);
        self.code.extend(word.to_le_bytes());
        self.code.extend([0x83, 0x3b, 0x00, 0x74, end.len() as u8]);
        self.code.extend(end);
        self
    }

    /// Has waited, by looking all the time, until this word is not 0.
    pub fn until(mut self, word: u64) -> Self {
        // movabs rbx, word; pause; cmp dword [rbx], 0; je to the pause
        self.code.extend([0x48, 0xbb]);
        self.code.extend(word.to_le_bytes());
        self.code.extend([0xf3, 0x90, 0x83, 0x3b, 0x00, 0x74, 0xf9]);
        self
    }

    /// Has ended unless the last call returned this.
    pub fn expect(mut self, ret: i64) -> Self {
        let last = QueueLayout::new(0).completion(self.calls - 1) + 8;
        // movabs rbx, completion; mov eax, [rbx]; cmp eax, ret; je over what follows
        self.code.extend([0x48, 0xbb]);
        self.code.extend((CONTROL + u64::from(last)).to_le_bytes());
        self.code.extend([0x8b, 0x03, 0x3d]);
        self.code.extend((ret as u32).to_le_bytes());
        // mov dx, EXIT; out dx, eax
        self.code.extend([0x74, 5]);
        self.code.extend(port(EXIT));
        self.code.push(0xef);
        self
    }

    /// Then it sleeps for ever.
    pub fn then_sleep(mut self) -> Vec<u8> {
        self.code.extend(sleep());
        elf(&self.code)
    }

    /// Then it ends with this exit code.
    pub fn then_exit(mut self, code: u32) -> Vec<u8> {
        self.code.extend(writes(EXIT, code));
        elf(&self.code)
    }
}
