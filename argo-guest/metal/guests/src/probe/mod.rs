//! Questions to a hypervisor: what Argo answers to a domain that talks to itself.
//!
//! The same questions are put to Xen and to this project's engine; the answers have to be the same, but
//! for the differences that are listed in docs/deviations.md.

mod memory;
mod notifies;
mod rings;
mod sends;

use core::fmt;

use argo_core::abi::{Addr, DOMID_ANY, Op};
use argo_core::platform::Platform;
use memory::Ram;

/// A domain that makes any call, whatever it names.
pub trait Asked {
    /// Its platform.
    type Platform: Platform;

    /// Its platform, for everything else.
    fn platform(&self) -> &Self::Platform;

    /// Its platform, for good.
    fn into_platform(self) -> Self::Platform;

    /// What the hypervisor answers.
    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64;
}

/// Puts all questions and tells each with its answer. Nothing is left registered.
pub fn ask_all(asked: &impl Asked, tell: &mut dyn FnMut(&str, fmt::Arguments<'_>)) {
    let mut probe = Probe { asked, ram: Ram::new(asked.platform()), tell };
    probe.operations();
    probe.rings();
    probe.sends();
    probe.notifies();
    probe.both_rings();
    probe.counts();
}

/// The port of the ring that most questions are about.
const PORT: u32 = 0x10;
/// A domain that there is not.
const NOBODY: u16 = 77;

struct Probe<'a, A: Asked> {
    asked: &'a A,
    ram: Ram<'a, A::Platform>,
    tell: &'a mut dyn FnMut(&str, fmt::Arguments<'_>),
}

impl<A: Asked> Probe<'_, A> {
    fn operations(&mut self) {
        for (question, op) in [("op 0", 0), ("op 5", 5)] {
            let answer = self.asked.ask(op, [0; 4]);
            self.say(question, answer);
        }
        let pages = self.ram.list([0, 1].map(|index| self.ram.first.page(index)));
        let registration = |arg1, arg3| [arg1, pages, arg3, 0];
        let answer = self.call(Op::RegisterRing, registration(0, 2));
        self.say("op 1, arg1 null", answer);
        let answer = self.call(Op::RegisterRing, registration(0, 1 << 32));
        self.say("op 1, arg3 = 1<<32", answer);
    }

    fn call(&self, op: Op, args: [u64; 4]) -> i64 {
        self.asked.ask(op as u32, args)
    }

    fn say(&mut self, question: &str, answer: i64) {
        (self.tell)(question, format_args!("{answer}"));
    }

    fn me(&self) -> u16 {
        self.asked.platform().domain().raw()
    }

    /// A port of this domain.
    fn mine(&self, aport: u32) -> Addr {
        Addr { aport, domain_id: self.me(), pad: 0 }
    }
}

/// A port of whichever domain.
fn anybodys(aport: u32) -> Addr {
    Addr { aport, domain_id: DOMID_ANY, pad: 0 }
}
