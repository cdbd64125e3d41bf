//! A call that goes to the hypervisor as it is: argod's.

use core::sync::atomic::Ordering;

use argo_core::Errno;
use argo_core::abi::{Op, PAGES_MAX, RingData};
use argo_core::platform::Call;

use super::{answer_bytes, is_ring_page};
use crate::ram::LentRam;

/// # Errors
/// `EFAULT`: it would have something written outside of the RAM.
pub(crate) fn check(call: &Call, ram: &LentRam) -> Result<(), Errno> {
    let [first, second, third, _] = call.args;
    match Op::from_number(call.cmd) {
        Some(Op::RegisterRing) => ring(ram, second, third),
        Some(Op::Notify) => answers(ram, first),
        Some(Op::UnregisterRing | Op::Sendv) | None => Ok(()),
    }
}

/// More pages than Xen takes are refused by Xen.
fn ring(ram: &LentRam, list: u64, pages: u64) -> Result<(), Errno> {
    let too_many = pages > u64::from(PAGES_MAX);
    let pages = usize::try_from(pages).map_err(|_| Errno::EFAULT)?;
    if too_many {
        return Ok(());
    }
    let bytes = pages.checked_mul(size_of::<u64>()).ok_or(Errno::EFAULT)?;
    let at = ram.place(list, bytes).ok_or(Errno::EFAULT)?;
    for place in (at..at.saturating_add(bytes)).step_by(size_of::<u64>()) {
        let mut page = [0; size_of::<u64>()];
        ram.view().read(place, &mut page).map_err(|_| Errno::EFAULT)?;
        if !is_ring_page(ram, u64::from_le_bytes(page)) {
            return Err(Errno::EFAULT);
        }
    }
    Ok(())
}

/// A null pointer asks nothing.
fn answers(ram: &LentRam, list: u64) -> Result<(), Errno> {
    if list == 0 {
        return Ok(());
    }
    let at = ram.place(list, size_of::<RingData>()).ok_or(Errno::EFAULT)?;
    let entries = ram.view().load_u32(at, Ordering::Relaxed).map_err(|_| Errno::EFAULT)?;
    ram.place(list, answer_bytes(entries)).map(|_| ()).ok_or(Errno::EFAULT)
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use argo_core::platform::Link;
    use argo_mem::{HeapRam, Memory};

    use super::*;
    use crate::ram::NO_FRAME;

    const PAGE: usize = 4096;
    const BASE: u64 = 0x4000_0000;

    fn ram() -> LentRam {
        let memory: &'static HeapRam = Box::leak(Box::new(HeapRam::zeroed(4 * PAGE)));
        LentRam::anywhere(memory.view(), BASE)
    }

    fn call(op: Op, args: [u64; 4]) -> Call {
        Call { cmd: op as u32, args, link: Link::None }
    }

    fn registration(ram: &LentRam, pages: &[u64]) -> Result<(), Errno> {
        for (index, page) in pages.iter().enumerate() {
            ram.view().write(PAGE + 8 * index, &page.to_le_bytes()).unwrap();
        }
        check(&call(Op::RegisterRing, [0, BASE + PAGE as u64, pages.len() as u64, 0]), ram)
    }

    #[test]
    fn a_ring_has_pages_of_the_ram_or_none_at_all() {
        let ram = ram();
        let first = BASE / PAGE as u64;
        assert_eq!(registration(&ram, &[first, first + 3]), Ok(()));
        assert_eq!(registration(&ram, &[NO_FRAME]), Ok(()));
        assert_eq!(registration(&ram, &[first + 3, first + 4]), Err(Errno::EFAULT));
        assert_eq!(registration(&ram, &[first - 1]), Err(Errno::EFAULT));
        assert_eq!(registration(&ram, &[0]), Err(Errno::EFAULT));
    }

    #[test]
    fn the_list_of_pages_lies_in_the_ram() {
        let ram = ram();
        let end = BASE + 4 * PAGE as u64;
        for (list, pages) in [(end - 8, 2), (end, 1), (BASE - 8, 1), (0, 1), (u64::MAX, 1)] {
            let refused = check(&call(Op::RegisterRing, [0, list, pages, 0]), &ram);
            assert_eq!(refused, Err(Errno::EFAULT), "{list:#x}");
        }
        assert_eq!(
            check(&call(Op::RegisterRing, [0, 0, u64::from(PAGES_MAX) + 1, 0]), &ram),
            Ok(())
        );
    }

    #[test]
    fn answers_are_written_into_the_ram() {
        let ram = ram();
        let last = 4 * PAGE - 28;
        let notify = |at: usize| check(&call(Op::Notify, [BASE + at as u64, 0, 0, 0]), &ram);
        ram.view().write(last, &1u32.to_le_bytes()).unwrap();
        assert_eq!(notify(last), Ok(()));
        ram.view().write(last, &2u32.to_le_bytes()).unwrap();
        assert_eq!(notify(last), Err(Errno::EFAULT));
        ram.view().write(0, &u32::MAX.to_le_bytes()).unwrap();
        assert_eq!(notify(0), Ok(()), "256 entries fit, and Xen refuses more");
        assert_eq!(notify(4 * PAGE - 4), Err(Errno::EFAULT));
        assert_eq!(check(&call(Op::Notify, [0; 4]), &ram), Ok(()));
        assert_eq!(check(&call(Op::Notify, [BASE - 28, 0, 0, 0]), &ram), Err(Errno::EFAULT));
    }
}
