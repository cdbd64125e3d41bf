//! Transactions.

use argo_core::xenstore::Kind;

use super::{known, truth};
use crate::handle::Handle;

/// 0 stands for "no transaction".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_transaction_start(handle: *mut Handle) -> u32 {
    // SAFETY: this function's contract is the same.
    let number = unsafe { known(handle) }.and_then(Handle::start_transaction);
    number.unwrap_or_else(|errno| {
        errno.set();
        0
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn xs_transaction_end(handle: *mut Handle, number: u32, abort: bool) -> bool {
    let end: &[u8] = if abort { b"F\0" } else { b"T\0" };
    // SAFETY: this function's contract is the same.
    let handle = unsafe { known(handle) };
    truth(handle.and_then(|handle| handle.tell(Kind::TransactionEnd, number, &[end])))
}
