//! Lists of children, however long.

use std::ffi::CStr;

use argo_core::xenstore::Kind;
use xen_abi::Errno;

use crate::handle::Handle;

/// How often a list that changes while it is read is begun again.
const ATTEMPTS: usize = 16;

impl Handle {
    /// The names of a node's children, each with a zero at its end.
    pub(crate) fn directory(&self, transaction: u32, path: &CStr) -> Result<Vec<u8>, Errno> {
        match self.ask(Kind::Directory, transaction, &[path.to_bytes_with_nul()]) {
            Err(Errno(libc::E2BIG)) => {}
            answer => return answer,
        }
        for _ in 0..ATTEMPTS {
            if let Some(names) = self.whole_list(transaction, path)? {
                return Ok(names);
            }
        }
        Err(Errno(libc::EAGAIN))
    }

    /// The list in parts; `None` if it has changed meanwhile.
    fn whole_list(&self, transaction: u32, path: &CStr) -> Result<Option<Vec<u8>>, Errno> {
        let mut names = Vec::new();
        let mut generation = None;
        loop {
            let offset = format!("{}\0", names.len());
            let parts = [path.to_bytes_with_nul(), offset.as_bytes()];
            let answer = self.ask(Kind::DirectoryPart, transaction, &parts)?;
            let end = answer.iter().position(|byte| *byte == 0).ok_or(Errno(libc::EIO))?;
            let (found, part) = (answer[..end].to_vec(), &answer[end + 1..]);
            if *generation.get_or_insert_with(|| found.clone()) != found {
                return Ok(None);
            }
            match part {
                [] => return Err(Errno(libc::EIO)),
                [last @ .., 0] if last.is_empty() || last.ends_with(b"\0") => {
                    names.extend_from_slice(last);
                    return Ok(Some(names));
                }
                part => names.extend_from_slice(part),
            }
        }
    }
}
