//! The two keys by which a client finds its server.

use argo_core::DomainId;
use argo_guest::services::{Commit, Nodes, Services, StoreError};
use xen_abi::Errno;

/// Xen's library has that many bytes for a key's path, and cuts what is longer.
const PATH_MAX: usize = 63;

/// How often a conflict is answered by trying again; nobody but the peer writes there.
const ATTEMPTS: u32 = 1000;

/// Where a server is.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) reference: u32,
    pub(crate) port: u32,
}

impl Keys {
    /// Writes them for `reader` alone.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn publish(
        self,
        services: &Services,
        path: &str,
        reader: DomainId,
    ) -> Result<(), Errno> {
        for _ in 0..ATTEMPTS {
            if self.attempt(services, path, reader)? == Commit::Done {
                return Ok(());
            }
        }
        Err(Errno(libc::EAGAIN))
    }

    /// Reads them.
    ///
    /// # Errors
    /// They are not there, or not for us. EINVAL: no numbers.
    pub(crate) fn find(services: &Services, path: &str) -> Result<Self, Errno> {
        let nodes = services.nodes();
        let number = |name| match leading_number(&nodes.read(&key(path, name))?) {
            0 => Err(Errno(libc::EINVAL)),
            number => Ok(number),
        };
        Ok(Self { reference: number("ring-ref")?, port: number("event-channel")? })
    }

    fn attempt(
        self,
        services: &Services,
        path: &str,
        reader: DomainId,
    ) -> Result<Commit, StoreError> {
        let transaction = services.transaction()?;
        let permissions = [format!("n{}", services.domain().raw()), format!("r{}", reader.raw())];
        write(&transaction, &key(path, "ring-ref"), self.reference, &permissions)?;
        write(&transaction, &key(path, "event-channel"), self.port, &permissions)?;
        transaction.commit()
    }
}

/// Takes the keys away, with whatever else lies there.
pub(crate) fn remove(services: &Services, path: &str) {
    // Nobody is left to be told that the store refuses.
    let _ = services.nodes().rm(path);
}

fn write(
    nodes: &Nodes<'_>,
    key: &str,
    number: u32,
    permissions: &[String; 2],
) -> Result<(), StoreError> {
    nodes.write(key, number.to_string().as_bytes())?;
    nodes.set_permissions(key, &permissions.each_ref().map(String::as_str))
}

fn key(path: &str, name: &str) -> String {
    let mut key = format!("{path}/{name}");
    key.truncate(key.floor_char_boundary(PATH_MAX));
    key
}

/// As `strtol`: the digits at the start, 0 if there are none.
fn leading_number(value: &[u8]) -> u32 {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_cut_where_xens_library_cuts_it() {
        assert_eq!(key("data/x", "ring-ref"), "data/x/ring-ref");
        let long = "p".repeat(60);
        assert_eq!(key(&long, "ring-ref"), format!("{long}/ri"));
        assert_eq!(key(&long, "event-channel"), format!("{long}/ev"));
    }

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        assert_eq!(leading_number(b"17"), 17);
        assert_eq!(leading_number(b"17 apples"), 17);
        assert_eq!(leading_number(b"none"), 0);
        assert_eq!(leading_number(b""), 0);
    }
}
