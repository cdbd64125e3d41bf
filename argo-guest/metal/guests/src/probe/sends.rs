//! Questions about sending, to the ring that is registered.

use argo_core::abi::{Addr, DOMID_ANY, DOMID_SELF, Iov, Op, SendAddr};

use super::{Asked, NOBODY, PORT, Probe, anybodys};

/// Eight bytes of payload.
const SHORT: u32 = 8;
const MEBIBYTES_16: u32 = 0x100_0000;

impl<A: Asked> Probe<'_, A> {
    pub(super) fn sends(&mut self) {
        self.ram.first.clear();
        self.buffers();
        self.addresses();
        self.lengths();
        self.odd_indexes();
    }

    /// Sends so many bytes as one buffer.
    pub(super) fn send_bytes(&mut self, question: &str, bytes: u32) {
        let buffer = Iov { iov_hnd: self.ram.payload(), iov_len: bytes, pad: 0 };
        self.send(question, self.usual(), &[buffer], 1, 0);
    }

    /// Sends eight bytes to the ring of the port, whichever that is.
    pub(super) fn send_short(&mut self, question: &str) {
        self.send_bytes(question, SHORT);
    }

    fn usual(&self) -> SendAddr {
        SendAddr { src: self.mine(1), dst: self.mine(PORT) }
    }

    fn short(&self) -> Iov {
        Iov { iov_hnd: self.ram.payload(), iov_len: SHORT, pad: 0 }
    }

    fn send(
        &mut self,
        question: &str,
        addresses: SendAddr,
        iovs: &[Iov],
        count: u64,
        message: u64,
    ) {
        let before = self.ram.first.tx();
        let args = [self.ram.argument(&addresses), self.ram.iovs(iovs), count, message];
        let answer = self.call(Op::Sendv, args);
        let after = self.ram.first.tx();
        (self.tell)(question, format_args!("{answer} (tx {before:#x} -> {after:#x})"));
    }

    fn buffers(&mut self) {
        let (fine, usual) = (self.short(), self.usual());
        let nowhere = Iov { iov_hnd: 0, ..fine };
        let questions: &[(&str, &[Iov])] = &[
            ("sendv no buffer", &[]),
            ("sendv one empty buffer, null", &[Iov { iov_len: 0, ..nowhere }]),
            ("sendv 8 buffers", &[fine; 8]),
            ("sendv 9 buffers", &[fine; 9]),
            ("sendv iov.pad=1", &[Iov { pad: 1, ..fine }]),
            ("sendv a null buffer", &[nowhere]),
            ("sendv a good and a null buffer", &[fine, nowhere]),
            ("sendv 16MiB", &[Iov { iov_len: MEBIBYTES_16, ..fine }]),
            ("sendv 16MiB-64", &[Iov { iov_len: MEBIBYTES_16 - 64, ..fine }]),
            ("sendv 2 x (16MiB-64)", &[Iov { iov_len: MEBIBYTES_16 - 64, ..fine }; 2]),
        ];
        for (question, iovs) in questions {
            self.send(question, usual, iovs, iovs.len() as u64, 0);
        }
        self.send("sendv message_type 1<<32", usual, &[fine], 1, 1 << 32);
    }

    fn addresses(&mut self) {
        let (fine, SendAddr { src, dst }) = (self.short(), self.usual());
        let from = |src| SendAddr { src, dst };
        let to = |dst| SendAddr { src, dst };
        let questions = [
            ("sendv src.pad=1", from(Addr { pad: 1, ..src })),
            ("sendv from domain 5", from(Addr { domain_id: 5, ..src })),
            ("sendv from DOMID_SELF", from(Addr { domain_id: DOMID_SELF, ..src })),
            ("sendv from DOMID_ANY", from(anybodys(1))),
            ("sendv to DOMID_SELF", to(Addr { domain_id: DOMID_SELF, ..dst })),
            ("sendv to DOMID_ANY", to(Addr { domain_id: DOMID_ANY, ..dst })),
            ("sendv to domain 77 (none)", to(Addr { domain_id: NOBODY, ..dst })),
            ("sendv to no port", to(Addr { aport: 0x999, ..dst })),
        ];
        for (question, addresses) in questions {
            self.send(question, addresses, &[fine], 1, 0);
        }
    }

    fn lengths(&mut self) {
        self.send_bytes("sendv 8112 bytes", 8112);
        let messages = self.ram.first.drain();
        self.say("messages in the ring", messages);
        self.send_bytes("sendv 8097 bytes into an empty ring", 8097);
        self.send_bytes("sendv 8096 bytes into an empty ring", 8096);
        self.send("sendv no buffer into 16 free bytes", self.usual(), &[], 0, 0);
        let messages = self.ram.first.drain();
        self.say("messages in the ring", messages);
    }

    /// What a receiver may do to its indexes.
    fn odd_indexes(&mut self) {
        let tx = self.ram.first.tx();
        self.ram.first.set(tx.wrapping_add(5), tx);
        self.send_short("rx_ptr not aligned (tx+5), sendv 8");
        self.ram.first.set(0xFFFF_FFF0, self.ram.first.tx());
        self.send_short("rx_ptr = 0xfffffff0, sendv 8");
        let rx = self.ram.first.rx();
        (self.tell)("rx_ptr then", format_args!("{rx:#x}"));
        self.ram.first.set(rx, 0x40);
        self.send_short("tx_ptr overwritten with 0x40, sendv 8");
        self.ram.first.drop_all();
    }
}
