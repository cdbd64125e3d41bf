//! The socket of Xen's daemon, with argod's store behind it: what Debian's library expects.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use argo_core::xenstore::Header;
use argo_guest::services::Services;
use zerocopy::{FromZeros, IntoBytes};

/// Listens at `path` on behalf of the domain with this socket, until the process ends.
pub fn open(path: &Path, domain: PathBuf) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &domain);
        }
    });
}

/// One connection: requests and their answers, and events beside them.
fn serve(stream: UnixStream, domain: &Path) {
    let services = Arc::new(Services::attach(domain).unwrap());
    let writer = Arc::new(Mutex::new(stream.try_clone().unwrap()));
    let (teller, events) = (writer.clone(), services.clone());
    // It ends with argod, or when nobody reads any more.
    thread::spawn(move || {
        while let Ok(Some(event)) = events.next_event(None) {
            if teller.lock().unwrap().write_all(&event).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        let mut reader = stream;
        while let Some(message) = receive(&mut reader) {
            let reply = services.store(&message).unwrap();
            if writer.lock().unwrap().write_all(&reply).is_err() {
                break;
            }
        }
    });
}

fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut header = Header::new_zeroed();
    stream.read_exact(header.as_mut_bytes()).ok()?;
    let mut payload = vec![0; header.len as usize];
    stream.read_exact(&mut payload).ok()?;
    Some([header.as_bytes(), &payload].concat())
}
