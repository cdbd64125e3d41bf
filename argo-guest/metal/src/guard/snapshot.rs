//! Copies of what a call names, which nobody changes while Xen reads it.
//!
//! What is checked has to be what Xen then acts upon. In the RAM it need not be: on other processors Xen
//! writes, at any moment, what peers send into rings, and safe code may have put a list of pages or the
//! head of a notify into a ring's free part.

use argo_core::Errno;
use argo_core::abi::{ENTRIES_DEFAULT, PAGES_MAX, RingData, RingDataEnt};
use spin::Mutex;
use zerocopy::IntoBytes;

use super::{answer_bytes, is_ring_page};
use crate::ram::LentRam;

const HEAD: usize = size_of::<RingData>();
const LONGEST: usize = HEAD + ENTRIES_DEFAULT as usize * size_of::<RingDataEnt>();

// There is one vCPU, so that nobody waits for these.
static PAGES: Mutex<[u64; PAGES_MAX as usize]> = Mutex::new([0; PAGES_MAX as usize]);
static QUESTIONS: Mutex<[u64; LONGEST / 8]> = Mutex::new([0; LONGEST / 8]);

const _: () = assert!(HEAD == 8 && LONGEST.is_multiple_of(8));

/// Makes a registration with a copy of the list of so many pages. More than Xen takes are refused by
/// Xen, by their number.
///
/// # Errors
/// `EFAULT`: the list does not lie in the RAM, or a page.
pub(crate) fn with_pages(
    ram: &LentRam,
    list: u64,
    pages: u64,
    register: impl FnOnce(&[u64]) -> i64,
) -> Result<i64, Errno> {
    let mut copy = PAGES.lock();
    let Some(copy) = usize::try_from(pages).ok().and_then(|pages| copy.get_mut(..pages)) else {
        return Ok(register(&[]));
    };
    fill(ram, list, copy)?;
    match copy.iter().all(|page| is_ring_page(ram, *page)) {
        true => Ok(register(copy)),
        false => Err(Errno::EFAULT),
    }
}

/// Makes a notify with a copy of its argument, and puts the answers to where that lies.
///
/// # Errors
/// `EFAULT`: it does not lie in the RAM.
pub(crate) fn with_answers(
    ram: &LentRam,
    argument: u64,
    notify: impl FnOnce(&mut [u64]) -> i64,
) -> Result<i64, Errno> {
    let mut copy = QUESTIONS.lock();
    fill(ram, argument, copy.get_mut(..1).unwrap_or_default())?;
    let [head, ..] = *copy;
    let [a, b, c, d, ..] = head.to_le_bytes();
    let bytes = answer_bytes(u32::from_le_bytes([a, b, c, d]));
    let at = ram.place(argument, bytes).ok_or(Errno::EFAULT)?.saturating_add(HEAD);
    // The head stays as it was judged.
    let entries = copy.as_mut_bytes().get_mut(HEAD..bytes).unwrap_or_default();
    ram.view().read(at, entries).map_err(|_| Errno::EFAULT)?;
    let answer = notify(&mut *copy);
    let entries = copy.as_bytes().get(HEAD..bytes).unwrap_or_default();
    ram.view().write(at, entries).map_err(|_| Errno::EFAULT)?;
    Ok(answer)
}

/// Copies what lies at an address of the RAM.
fn fill(ram: &LentRam, address: u64, words: &mut [u64]) -> Result<(), Errno> {
    let at = ram.place(address, size_of_val(words)).ok_or(Errno::EFAULT)?;
    ram.view().read(at, words.as_mut_bytes()).map_err(|_| Errno::EFAULT)
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use argo_mem::{HeapRam, Memory};

    use super::*;

    const PAGE: usize = 4096;
    const BASE: u64 = 0x4000_0000;
    const OTHERS: u64 = 0x666;

    fn ram() -> LentRam {
        let memory: &'static HeapRam = Box::leak(Box::new(HeapRam::zeroed(4 * PAGE)));
        LentRam::anywhere(memory.view(), BASE)
    }

    #[test]
    fn xen_reads_the_pages_that_were_judged() {
        let ram = ram();
        let own = BASE / PAGE as u64;
        ram.view().write(PAGE, [own, own + 1].as_bytes()).unwrap();
        let register = |pages: &[u64]| {
            // A peer sends: Xen writes to a ring in whose free part the list lies.
            ram.view().write(PAGE, &OTHERS.to_le_bytes()).unwrap();
            assert_eq!(pages, [own, own + 1]);
            assert_eq!(ram.place(pages.as_ptr() as u64, 1), None);
            7
        };
        assert_eq!(with_pages(&ram, BASE + PAGE as u64, 2, register), Ok(7));
        let never = |_: &[u64]| unreachable!("a page of others");
        assert_eq!(with_pages(&ram, BASE + PAGE as u64, 2, never), Err(Errno::EFAULT));
        let beyond = with_pages(&ram, BASE + 4 * PAGE as u64 - 8, 2, never);
        assert_eq!(beyond, Err(Errno::EFAULT));
    }

    #[test]
    fn more_pages_than_there_can_be_are_xens_to_refuse() {
        let refused = |pages: &[u64]| {
            assert_eq!(pages, []);
            Errno::EINVAL.ret()
        };
        for pages in [u64::from(PAGES_MAX) + 1, u64::MAX] {
            assert_eq!(with_pages(&ram(), 0, pages, refused), Ok(Errno::EINVAL.ret()));
        }
    }

    #[test]
    fn answers_come_to_the_entries_that_were_judged_and_no_others() {
        let ram = ram();
        let at = 4 * PAGE - 28;
        let head = |entries: u32| ram.view().write(at, &entries.to_le_bytes()).unwrap();
        head(1);
        let notify = |copy: &mut [u64]| {
            // A peer sends: now there would be more entries.
            head(256);
            assert_eq!(copy.first(), Some(&1));
            assert_eq!(ram.place(copy.as_ptr() as u64, 1), None);
            copy.fill(u64::MAX);
            0
        };
        assert_eq!(with_answers(&ram, BASE + at as u64, notify), Ok(0));
        let mut answer = [0; 28];
        ram.view().read(at, &mut answer).unwrap();
        let (head, entry) = answer.split_at(8);
        assert_eq!((head, entry), (&[0, 1, 0, 0, 0, 0, 0, 0][..], &[0xFF; 20][..]));
        let refused = with_answers(&ram, BASE + at as u64, |_| unreachable!("beyond the RAM"));
        assert_eq!(refused, Err(Errno::EFAULT));
    }
}
