//! The queue between a process and argod, as argod sees it: the process writes anything anywhere in
//! the control area. argod takes what the index says and never more than a queue holds, writes its
//! own words and completions and nothing else; between honest ends calls and results arrive once, in
//! order.
#![no_main]

use std::collections::VecDeque;
use std::ops::Range;

use arbitrary::Arbitrary;
use argo_core::host::layout::{QUEUE_ENTRIES, QueueLayout, control_bytes};
use argo_core::host::queue::{Completion, GuestQueue, HostQueue, Slot};
use argo_core::platform::{Call, Link};
use argo_mem::{HeapRam, Memory, View};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step<'b> {
    Submit {
        cmd: u32,
        args: [u64; 4],
        linked: bool,
        times: u8,
    },
    Serve {
        most: u8,
    },
    Reap {
        most: u8,
    },
    Scribble {
        at: u16,
        bytes: &'b [u8],
    },
    /// So far ahead of what was taken.
    Index(u16),
}

fuzz_target!(|steps: Vec<Step>| {
    let size = control_bytes(1) as usize;
    let ram = HeapRam::zeroed(size);
    let Ok(view) = ram.view().part(0, size) else { return };
    let mut scene = Scene {
        view,
        guest: GuestQueue::new(0),
        host: HostQueue::new(0),
        calls: VecDeque::new(),
        results: VecDeque::new(),
        served: 0,
        honest: true,
    };
    steps.iter().for_each(|step| scene.take(step));
});

struct Scene<'m> {
    view: View<'m>,
    guest: GuestQueue,
    host: HostQueue,
    /// Submitted and not taken.
    calls: VecDeque<Slot>,
    /// Completed and not reaped.
    results: VecDeque<Completion>,
    served: u32,
    /// Nobody has scribbled yet.
    honest: bool,
}

impl Scene<'_> {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Submit { cmd, args, linked, times } => {
                let link = if linked { Link::Next } else { Link::None };
                (0..=times).for_each(|_| self.submit(Call { cmd, args, link }));
            }
            Step::Serve { most } => self.serve(most),
            Step::Reap { most } => (0..=most).for_each(|_| self.reap()),
            Step::Scribble { at, bytes } => {
                let at = usize::from(at) % self.view.len();
                let end = bytes.len().min(self.view.len() - at);
                self.honest &= end == 0;
                // It lies inside.
                let _ = self.view.write(at, &bytes[..end]);
            }
            Step::Index(ahead) => {
                self.honest = false;
                let index = self.host.taken().wrapping_add(ahead.into()).to_le_bytes();
                let _ = self.view.write(QueueLayout::new(0).submitted().0 as usize, &index);
            }
        }
    }

    fn submit(&mut self, call: Call) {
        let before = self.guest.in_flight();
        let tag = u64::from(call.cmd) << 32 | u64::from(before);
        let accepted = self.guest.submit(&self.view, &call, tag);
        assert_eq!(accepted, before < QUEUE_ENTRIES);
        assert_eq!(self.guest.in_flight(), before + u32::from(accepted));
        if accepted {
            self.calls.push_back(Slot::new(&call, tag));
        }
    }

    /// One turn of argod's.
    fn serve(&mut self, most: u8) {
        let pending = match self.host.pending(&self.view) {
            Ok(pending) => pending,
            Err(bad) => {
                assert!(!self.honest && bad.pending > QUEUE_ENTRIES, "{bad}");
                return;
            }
        };
        assert!(pending <= QUEUE_ENTRIES);
        assert!(!self.honest || pending as usize == self.calls.len());
        for _ in 0..pending.min(u32::from(most % 16)) {
            let slot = self.serve_one();
            let expected = self.calls.pop_front();
            assert!(!self.honest || expected == Some(slot), "{slot:?}");
        }
    }

    fn serve_one(&mut self) -> Slot {
        let layout = QueueLayout::new(0);
        let before = self.bytes();
        let slot = self.host.take(&self.view);
        assert_eq!(slot.call().is_some(), slot.flags <= 1 && slot.reserved == [0; 2]);
        let completion = Completion { tag: slot.tag, ret: i64::from(slot.cmd) };
        self.host.complete(&self.view, completion);
        let entry = layout.completion(self.served);
        self.served = self.served.wrapping_add(1);
        assert_eq!(self.host.taken(), self.served);
        let own = [
            word(layout.taken().0),
            word(layout.completed().0),
            entry as usize..entry as usize + 16,
        ];
        self.unchanged_but(before, &own);
        self.results.push_back(completion);
        slot
    }

    fn reap(&mut self) {
        let before = self.guest.in_flight();
        let reaped = self.guest.reap(&self.view);
        assert_eq!(self.guest.in_flight(), before - u32::from(reaped.is_some()));
        let expected = self.results.pop_front();
        assert!(!self.honest || reaped == expected, "{reaped:?} instead of {expected:?}");
    }

    fn unchanged_but(&self, mut before: Vec<u8>, own: &[Range<usize>]) {
        let now = self.bytes();
        for range in own {
            before[range.clone()].copy_from_slice(&now[range.clone()]);
        }
        assert!(before == now, "argod has written what is not its own");
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.view.len()];
        let _ = self.view.read(0, &mut bytes);
        bytes
    }
}

fn word(at: u32) -> Range<usize> {
    at as usize..at as usize + 4
}
