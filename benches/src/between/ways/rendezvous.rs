//! Where the ends of what the kernel has meet: Unix sockets and a pipe.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketType, accept, bind, connect, listen, socket,
};

use crate::between::end::{End, Home};
use crate::between::relay::{self, Passes};

/// A Unix stream between the ends.
///
/// # Errors
/// The other end is not there.
pub fn direct(home: &Home, name: &str, ready: impl FnOnce()) -> io::Result<UnixStream> {
    let path = home.dir.join(format!("direct-{name}.sock"));
    match home.end {
        End::Receiver => {
            let listener = UnixListener::bind(path)?;
            ready();
            Ok(listener.accept()?.0)
        }
        End::Sender => UnixStream::connect(path),
    }
}

/// A Unix stream to the relay. The receiver's comes first.
///
/// # Errors
/// The relay is not there.
pub fn relayed(home: &Home, passes: Passes, ready: impl FnOnce()) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(relay::socket(&home.dir, passes, home.end))?;
    if home.end == End::Receiver {
        ready();
    }
    Ok(stream)
}

/// A Unix socket of packets between the ends.
///
/// # Errors
/// The other end is not there.
pub fn packets(home: &Home, ready: impl FnOnce()) -> io::Result<File> {
    let address = SocketAddrUnix::new(home.dir.join("packets.sock"))?;
    let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
    match home.end {
        End::Receiver => {
            bind(&socket, &address)?;
            listen(&socket, 1)?;
            ready();
            Ok(accept(&socket)?.into())
        }
        End::Sender => {
            connect(&socket, &address)?;
            Ok(socket.into())
        }
    }
}

/// A pipe from the sender to the receiver.
///
/// # Errors
/// It cannot be made or opened.
pub fn pipe(home: &Home, ready: impl FnOnce()) -> io::Result<File> {
    let path = home.dir.join("pipe");
    match home.end {
        End::Receiver => {
            mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)?;
            ready();
            File::open(path)
        }
        End::Sender => OpenOptions::new().write(true).open(path),
    }
}
