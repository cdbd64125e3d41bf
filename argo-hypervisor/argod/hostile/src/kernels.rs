//! Kernels of machines that do one thing, most of them a wrong one. The instructions stand beside
//! their bytes.

use argo_core::host::machine::{CALLS, EXIT, KERNEL_FIRST, WAIT};

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
    let mut code = writes(WAIT, 0);
    // jmp to the beginning
    code.extend([0xeb, (code.len() as u8 + 2).wrapping_neg()]);
    elf(&code)
}

/// Asks for its calls, in a queue that it may have or not, without an end.
pub fn rings(queue: u32) -> Vec<u8> {
    let mut code = writes(CALLS, queue);
    code.extend([0xeb, (code.len() as u8 + 2).wrapping_neg()]);
    elf(&code)
}

/// Reads from a port that is only written to.
pub fn reads_a_port() -> Vec<u8> {
    let mut code = port(CALLS).to_vec();
    // in eax, dx
    code.push(0xed);
    elf(&code)
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
