//! Messages, waits, and sessions that come and go.

use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op};

use crate::common::raw::RawSession;
use crate::common::{ARGS, RING, call, register, send_call};

const PORT: u32 = 7;
/// A message in the ring takes 32 bytes; a slot of it is always free.
const RING_LEN: u32 = 64 << 10;
const IN_RING: u64 = RING_LEN as u64 / 32 - 1;
const PAYLOAD_LEN: u32 = 16;

/// Two domains, 1 and 2, and the sockets of them all.
pub struct Traffic {
    folder: PathBuf,
}

/// What went on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub messages: u64,
    pub sessions: u64,
    pub waits: u64,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.sessions += more.sessions;
        self.waits += more.waits;
    }
}

impl Traffic {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn attach(&self, domain: &str) -> RawSession {
        RawSession::attach_when_free(&self.folder.join(format!("{domain}.sock")))
    }

    /// Two sessions come, so many rings are filled and read, and the sessions go.
    pub fn visit(&self, rings: u64) -> Sum {
        let (mut server, mut client) = (self.attach("server"), self.attach("client"));
        // Each worker has served a session.
        for doorbell in 0..client.offer.doorbells.len() {
            assert_eq!(client.perform_by(doorbell, &call(Op::Notify as u32, [0; 4])), 0);
        }
        let mut sum = Sum { sessions: 2, ..Sum::default() };
        assert_eq!(register(&mut server, PORT, DOMID_ANY, RING_LEN), 0);
        let message = send_call(&mut client, 1, (1, PORT), PAYLOAD_LEN);
        for _ in 0..rings {
            let mut sent = 0;
            while sent < IN_RING {
                client.perform_all(&message, |ret| match ret {
                    ret if ret == i64::from(PAYLOAD_LEN) => sent += 1,
                    ret => {
                        assert_eq!(ret, Errno::EAGAIN.ret());
                        sum.waits += 1;
                    }
                });
            }
            sum.messages += sent;
            read_all(&server);
            assert_eq!(server.perform(&call(Op::Notify as u32, [0; 4])).unwrap(), 0);
        }
        // The ring goes by itself, or with its session.
        if rings.is_multiple_of(2) {
            register(&mut server, PORT, DOMID_ANY, RING_LEN);
            let unregister = call(Op::UnregisterRing as u32, [ARGS, 0, 0, 0]);
            assert_eq!(server.perform(&unregister).unwrap(), 0);
        }
        sum
    }

    /// Sessions come and go until so many messages were sent.
    pub fn run(&self, messages: u64) -> Sum {
        let mut sum = Sum::default();
        for rings in (1..=8).cycle() {
            if sum.messages >= messages {
                break;
            }
            sum += self.visit(rings);
        }
        sum
    }
}

/// What is in the ring has been read.
fn read_all(server: &RawSession) {
    let tx = server.memory().load_u32(RING as usize + 4, Ordering::Acquire).unwrap();
    server.memory().write(RING as usize, &tx.to_le_bytes()).unwrap();
}
