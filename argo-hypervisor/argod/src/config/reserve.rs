//! Static mode: everything that argod will need is taken at the start.

use super::domain::Domain;
use super::read::{Reader, boolean};
use super::values::size;

/// What argod takes at the start beside the domains' RAM and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Bytes of heap that are free when argod has started: for connections, services, administrators,
    /// metrics, the log, the audit stream, captures, and another policy.
    pub heap: u64,
}

/// Of [`Reserve::heap`], unless it is said: for argod itself, and for each domain. A domain's share is
/// more than its nodes in the store may take by default (1000 of about 4 KiB), which is most of what
/// a guest can use up.
const HEAP_OF_ARGOD: u64 = 32 << 20;
const HEAP_OF_DOMAIN: u64 = 6 << 20;
const HEAP_MIN: u64 = 4 << 20;
const HEAP_MAX: u64 = 64 << 30;

impl Reserve {
    /// What the keys `static` and `static_heap` say; the domains are those of the same file.
    pub(super) fn read(table: &mut Reader<'_>) -> impl FnOnce(&[Domain]) -> Option<Self> + use<> {
        let is_static = table.or("static", boolean(), false);
        let heap = table.optional("static_heap", size(HEAP_MIN, HEAP_MAX, 1));
        if let (false, Some(heap)) = (is_static, &heap) {
            let found = "static_heap without `static = true`";
            table.report.mismatch(heap.span(), found, "both keys or none");
        }
        move |domains| {
            let heap =
                heap.map_or_else(|| standard(domains.len() as u64), |heap| heap.into_inner());
            is_static.then_some(Self { heap })
        }
    }
}

fn standard(domains: u64) -> u64 {
    HEAP_OF_ARGOD + domains * HEAP_OF_DOMAIN
}
