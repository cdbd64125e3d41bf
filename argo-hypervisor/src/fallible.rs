//! Adding to collections such that memory which is used up is an errno, and nothing panics.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use argo_core::Errno;
use hashbrown::HashMap;

/// Adds an item at the end.
///
/// # Errors
/// [`Errno::ENOMEM`]
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), Errno> {
    list.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    // Never so; but who compiles sees by it that the push cannot grow the list.
    if list.len() == list.capacity() {
        return Err(Errno::ENOMEM);
    }
    list.push(item);
    Ok(())
}

/// Adds an entry whose key is not there yet.
///
/// # Errors
/// [`Errno::ENOMEM`]
pub(crate) fn insert<K: Eq + Hash, V, S: BuildHasher>(
    map: &mut HashMap<K, V, S>,
    key: K,
    value: V,
) -> Result<(), Errno> {
    map.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    // As above.
    if map.len() == map.capacity() {
        return Err(Errno::ENOMEM);
    }
    map.insert(key, value);
    Ok(())
}
