//! A kernel as an ELF file: checked whole, then copied into the RAM of each machine that starts it.

use std::ops::Range;

use argo_core::host::machine::KERNEL_FIRST;
use argo_mem::{OutOfRange, View};
use object::Endianness;
use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_EXEC, FileHeader64, PF_X, PT_INTERP, PT_LOAD,
    ProgramFlags, ProgramHeader64,
};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// Parts that a kernel may be loaded in.
pub const SEGMENTS_MAX: usize = 64;

/// Bytes of an ELF header of a 64-bit file.
const HEADER: usize = size_of::<Header>();
/// Where an ELF header says what machine it is for, whatever its class: `e_type`, then `e_machine`.
const MACHINE: Range<usize> = 18..20;

type Header = FileHeader64<Endianness>;

/// A kernel that fits the RAM that it was checked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    bytes: Vec<u8>,
    entry: u64,
    segments: Vec<Segment>,
}

/// A part of the file and where it goes. What of it is longer than the part stays zero.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    file: Range<usize>,
    memory: Range<u64>,
    is_code: bool,
}

/// What is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// There is nothing in it.
    #[error("it is empty; expected an ELF file for x86-64, linked to fixed addresses")]
    Empty,
    /// It is something else.
    #[error("it begins with {found:02x?}, not as an ELF file")]
    NotElf {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// For other processors.
    #[error(
        "it is for another machine: ELF class {class}, data {data}, machine {machine}; \
             expected 2, 1 and 62, which is x86-64"
    )]
    Machine {
        /// Its class: 1 for 32 bits, 2 for 64 bits.
        class: u8,
        /// Its byte order: 1 for little-endian.
        data: u8,
        /// Its processor's number.
        machine: u16,
    },
    /// It has to be moved by somebody first, or is no program.
    #[error("it is of ELF type {found}{}; expected 2, linked to fixed addresses", interpreted(*.interpreter))]
    Type {
        /// Its type.
        found: u16,
        /// Whether it wants a program that loads it.
        interpreter: bool,
    },
    /// Something that it names is not in it.
    #[error("it is cut short: {what} ends at byte {end}, the file at {len}")]
    Truncated {
        /// What.
        what: &'static str,
        /// Where that should end.
        end: u64,
        /// Bytes in the file.
        len: u64,
    },
    /// Its table of parts makes no sense.
    #[error("its program headers cannot be read: {0}")]
    Headers(String),
    /// It has no part to load, or too many.
    #[error("it has {0} parts to load; expected 1 to {SEGMENTS_MAX}")]
    Segments(usize),
    /// A part would have to lie where none can.
    #[error("it needs memory from {:#x} to {:#x}; the RAM for it is from {KERNEL_FIRST:#x} to {ram:#x}", .memory.start, .memory.end)]
    Place {
        /// Where the part would lie.
        memory: Range<u64>,
        /// Bytes of RAM.
        ram: u64,
    },
    /// A part has more bytes in the file than in memory.
    #[error("a part has {file} bytes in the file and {memory} in memory")]
    Longer {
        /// Bytes in the file.
        file: u64,
        /// Bytes in memory.
        memory: u64,
    },
    /// It would begin where no code is.
    #[error("its entry {0:#x} is not in a part that can be executed")]
    Entry(u64),
}

fn interpreted(interpreter: bool) -> &'static str {
    if interpreter { ", for a dynamic loader" } else { "" }
}

impl Image {
    /// Takes a file for machines with so much RAM.
    ///
    /// # Errors
    /// [`ImageError`]: what is wrong with it, or that it does not fit.
    pub fn check(bytes: Vec<u8>, ram: u64) -> Result<Self, ImageError> {
        let header = header(&bytes)?;
        let order = Endianness::Little;
        let all = program_headers(header, &bytes)?;
        let interpreter = all.iter().any(|part| part.p_type(order) == PT_INTERP);
        if header.e_type(order) != ET_EXEC || interpreter {
            return Err(ImageError::Type { found: header.e_type(order).0, interpreter });
        }
        let loaded = all.iter().filter(|part| part.p_type(order) == PT_LOAD);
        let segments = loaded.map(|part| Segment::check(part, bytes.len(), ram));
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        if segments.is_empty() || segments.len() > SEGMENTS_MAX {
            return Err(ImageError::Segments(segments.len()));
        }
        let entry = header.e_entry(order);
        let begins = |part: &Segment| part.is_code && part.memory.contains(&entry);
        if !segments.iter().any(begins) {
            return Err(ImageError::Entry(entry));
        }
        Ok(Self { entry, segments, bytes })
    }

    /// Bare instructions, from the first address on.
    pub(crate) fn flat(code: &[u8]) -> Self {
        let memory = KERNEL_FIRST..KERNEL_FIRST + code.len() as u64;
        let all = Segment { file: 0..code.len(), memory, is_code: true };
        Self { bytes: code.to_vec(), entry: KERNEL_FIRST, segments: vec![all] }
    }

    /// Where it begins.
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Copies it into RAM that is zero.
    ///
    /// # Errors
    /// The RAM is smaller than that which it was checked for. Part of it may be there.
    pub fn load(&self, ram: View<'_>) -> Result<(), OutOfRange> {
        self.segments.iter().try_for_each(|Segment { file, memory, .. }| {
            ram.write(memory.start as usize, &self.bytes[file.clone()])
        })
    }
}

/// The header, once it is clear that the file has one that can be understood.
fn header(bytes: &[u8]) -> Result<&Header, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let magic = &bytes[..bytes.len().min(ELFMAG.len())];
    if magic != &ELFMAG[..magic.len()] {
        return Err(ImageError::NotElf { found: magic.to_vec() });
    }
    let cut = ImageError::Truncated {
        what: "the ELF header",
        end: HEADER as u64,
        len: bytes.len() as u64,
    };
    let [class, data] = *bytes.get(4..6).and_then(|two| two.first_chunk()).ok_or(cut.clone())?;
    let machine = bytes.get(MACHINE).and_then(|two| two.first_chunk()).ok_or(cut.clone())?;
    let machine = u16::from_le_bytes(*machine);
    if (class, data, machine) != (ELFCLASS64.0, ELFDATA2LSB.0, EM_X86_64.0) {
        return Err(ImageError::Machine { class, data, machine });
    }
    if bytes.len() < HEADER {
        return Err(cut);
    }
    Header::parse(bytes).map_err(|error| ImageError::Headers(error.to_string()))
}

fn program_headers<'b>(
    header: &Header,
    bytes: &'b [u8],
) -> Result<&'b [ProgramHeader64<Endianness>], ImageError> {
    let order = Endianness::Little;
    let count = u64::from(header.e_phnum(order));
    let table = count * size_of::<ProgramHeader64<Endianness>>() as u64;
    let (end, len) = (header.e_phoff(order).saturating_add(table), bytes.len() as u64);
    if end > len {
        return Err(ImageError::Truncated { what: "the table of its parts", end, len });
    }
    let headers = header.program_headers(order, bytes);
    headers.map_err(|error| ImageError::Headers(error.to_string()))
}

impl Segment {
    fn check(part: &ProgramHeader64<Endianness>, len: usize, ram: u64) -> Result<Self, ImageError> {
        let order = Endianness::Little;
        let (offset, file) = part.file_range(order);
        let (start, memory) = (part.p_vaddr(order), part.p_memsz(order));
        let (end, file_end) = (start.saturating_add(memory), offset.saturating_add(file));
        if file > memory {
            return Err(ImageError::Longer { file, memory });
        }
        if file_end > len as u64 {
            return Err(ImageError::Truncated { what: "a part", end: file_end, len: len as u64 });
        }
        if start < KERNEL_FIRST || end > ram {
            return Err(ImageError::Place { memory: start..end, ram });
        }
        let is_code = part.p_flags(order) & PF_X != ProgramFlags(0);
        Ok(Self { file: offset as usize..file_end as usize, memory: start..end, is_code })
    }
}
