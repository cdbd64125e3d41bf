//! Capabilities, given up for good.

use std::io;

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// Leaves this thread, and those that it starts, with what of `kept` it has.
///
/// # Errors
/// The system refuses.
pub(super) fn keep(kept: CapabilitySet) -> io::Result<String> {
    bound(kept)?;
    clear_ambient_capability_set()?;
    let held = capabilities(None)?.permitted & kept;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: held, permitted: held, inheritable })?;
    Ok(if held.is_empty() { "none".to_owned() } else { format!("{held:?}") })
}

/// Takes all others from what could be gained by executing a file. That takes a capability itself:
/// without it no file's capabilities are gained because of `no_new_privs`.
fn bound(kept: CapabilitySet) -> io::Result<()> {
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(one) {
            continue;
        }
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // No such capability in this kernel, or nothing to take it away with.
            Err(Errno::INVAL | Errno::PERM) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
