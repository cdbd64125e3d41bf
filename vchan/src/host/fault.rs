//! argod's and the store's refusals, as a platform's faults.

use std::string::ToString;

use argo_guest::services::{RequestError, StoreError};
use rustix::io::Errno;

use crate::platform::{Cause, Fault};

pub(super) fn fault(error: RequestError) -> Fault {
    let cause = match &error {
        RequestError::Gone | RequestError::TimedOut(_) | RequestError::Flooded(_) => Cause::Gone,
        RequestError::TooLong { .. } => Cause::Full,
        RequestError::Protocol { .. } => Cause::Failed,
        RequestError::Inherited(_) => Cause::Refused,
        RequestError::Refused { .. } | RequestError::System(_) | RequestError::Memory(_) => {
            of_errno(Errno::from_raw_os_error(error.errno()))
        }
    };
    Fault::new(cause, error.to_string())
}

pub(super) fn store_fault(error: StoreError) -> Fault {
    let cause = match &error {
        StoreError::Request(request) => return fault(request.clone()),
        StoreError::Unsendable { .. } | StoreError::Nonsense(_) => Cause::Failed,
        StoreError::Refused { name, .. } => match name.as_str() {
            "EACCES" | "EPERM" => Cause::Refused,
            "EQUOTA" | "ENOSPC" | "E2BIG" | "ENOMEM" => Cause::Full,
            "ENOENT" => Cause::NotThere,
            "EBUSY" | "EEXIST" => Cause::Busy,
            _ => Cause::Failed,
        },
    };
    Fault::new(cause, error.to_string())
}

fn of_errno(errno: Errno) -> Cause {
    match errno {
        Errno::ACCESS | Errno::PERM => Cause::Refused,
        Errno::NOSPC | Errno::NOMEM | Errno::DQUOT | Errno::MFILE | Errno::NFILE => Cause::Full,
        Errno::NOENT | Errno::INVAL | Errno::SRCH => Cause::NotThere,
        Errno::BUSY | Errno::EXIST => Cause::Busy,
        _ => Cause::Failed,
    }
}
