//! The hypercall as registers: claims what a guest says, then makes the typed call.
//!
//! Checks are in the order of Xen's, so that a call with several faults gets the same answer.

use argo_core::abi::{self, Iov, Op, RegisterFlags, RingData, RingDataEnt, SendAddr};
use argo_core::claim::RingLen;
use argo_core::{DomainId, Errno, Gfn, GuestAddr, Partner, Port, RingName};
use zerocopy::IntoBytes;

use crate::domain::Caller;
use crate::engine::Engine;
use crate::memory::{GuestMemory, read_struct};
use crate::notify::Question;
use crate::observer::{Observer, Sent};
use crate::policy::Judge;
use crate::register::{Existing, RegisterRequest};
use crate::send::SendRequest;
use crate::system::System;

impl<S: System> Engine<S> {
    /// Executes one Argo hypercall of a domain.
    ///
    /// Returns the number of bytes sent, 0, or minus an [`Errno`], sign-extended.
    #[inline]
    pub fn argo_op(
        &self,
        caller: &Caller<S>,
        cmd: u32,
        arg1: u64,
        arg2: u64,
        arg3: u64,
        arg4: u64,
    ) -> i64 {
        self.argo_op_observed(caller, cmd, [arg1, arg2, arg3, arg4], &mut ())
    }

    /// The same, with somebody who is told of a send.
    #[inline]
    pub fn argo_op_observed(
        &self,
        caller: &Caller<S>,
        cmd: u32,
        [arg1, arg2, arg3, arg4]: [u64; 4],
        observer: &mut impl Observer,
    ) -> i64 {
        let (Ok(arg3), Ok(arg4)) = (u32::try_from(arg3), u32::try_from(arg4)) else {
            caller.domain.counters.refused(Errno::EINVAL);
            return Errno::EINVAL.ret();
        };
        let (arg1, arg2) = (GuestAddr(arg1), GuestAddr(arg2));
        let result = self.call(caller, |judge| match Op::from_number(cmd) {
            Some(Op::Sendv) => self.claim_sendv(judge, caller, [arg1, arg2], arg3, arg4, observer),
            Some(Op::Notify) if !arg2.is_null() || arg3 != 0 || arg4 != 0 => Err(Errno::EINVAL),
            Some(Op::Notify) => self.claim_notify(judge, caller, arg1).map(|()| 0),
            Some(Op::RegisterRing) => {
                self.claim_register(judge, caller, arg1, arg2, arg3, arg4).map(|()| 0)
            }
            Some(Op::UnregisterRing) if !arg2.is_null() || arg3 != 0 || arg4 != 0 => {
                Err(Errno::EINVAL)
            }
            Some(Op::UnregisterRing) => self.claim_unregister(caller, arg1).map(|()| 0),
            None => Err(Errno::EOPNOTSUPP),
        });
        match result {
            Ok(count) => i64::from(count),
            Err(errno) => errno.ret(),
        }
    }

    fn claim_register(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        at: GuestAddr,
        list: GuestAddr,
        pages: u32,
        flags: u32,
    ) -> Result<(), Errno> {
        if pages > abi::PAGES_MAX {
            return Err(Errno::EINVAL);
        }
        let flags = RegisterFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
        let claim: abi::RegisterRing = read_struct(&caller.memory, at)?;
        let len = RingLen::check(claim.len)?;
        if len.pages() != pages || claim.pad != 0 {
            return Err(Errno::EINVAL);
        }
        let partner = Partner::from_raw(claim.partner_id).ok_or(Errno::ESRCH)?;
        let name = RingName { port: Port(claim.aport), partner };
        let fail = flags.contains(RegisterFlags::FAIL_EXIST);
        let existing = if fail { Existing::Fail } else { Existing::Replace };
        let gfns = (0..pages).map(|page| {
            let entry = list.offset(u64::from(page).saturating_mul(size_of::<u64>() as u64));
            read_struct(&caller.memory, entry).map(Gfn)
        });
        self.register(judge, caller, &RegisterRequest { name, len, existing }, gfns)
    }

    fn claim_unregister(&self, caller: &Caller<S>, at: GuestAddr) -> Result<(), Errno> {
        let claim: abi::UnregisterRing = read_struct(&caller.memory, at)?;
        if claim.pad != 0 {
            return Err(Errno::EINVAL);
        }
        match Partner::from_raw(claim.partner_id) {
            Some(partner) => self.unregister(caller, RingName { port: Port(claim.aport), partner }),
            // No ring has such a partner; but who has no Argo state learns only that.
            None => caller.domain.enter().and(Err(Errno::ENOENT)),
        }
    }

    #[inline]
    fn claim_sendv(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        [at, list]: [GuestAddr; 2],
        niov: u32,
        message_type: u32,
        observer: &mut impl Observer,
    ) -> Result<u32, Errno> {
        let addresses = read_struct(&caller.memory, at)?;
        let mut iovs = [Iov::default(); abi::IOVS_MAX as usize];
        let iovs = iovs.get_mut(..niov as usize).ok_or(Errno::EINVAL)?;
        caller.memory.read(list, iovs.as_mut_bytes())?;
        let sent = Sent { addresses, iovs, message_type };
        let result = self.send_claimed(judge, caller, &sent, observer);
        observer.sent(&sent, result);
        result
    }

    #[inline]
    fn send_claimed(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        &Sent { addresses: SendAddr { src, dst }, iovs, message_type }: &Sent<'_>,
        observer: &mut impl Observer,
    ) -> Result<u32, Errno> {
        if src.pad != 0 || dst.pad != 0 {
            return Err(Errno::EINVAL);
        }
        if src.domain_id != abi::DOMID_ANY && src.domain_id != caller.domain.id().raw() {
            return Err(Errno::EPERM);
        }
        let receiver = DomainId::new(dst.domain_id).ok_or(Errno::ESRCH)?;
        let (source, port) = (Port(src.aport), Port(dst.aport));
        let request = SendRequest { source, receiver, port, iovs, message_type };
        self.send(judge, caller, &request, observer)
    }

    fn claim_notify(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        at: GuestAddr,
    ) -> Result<(), Errno> {
        self.release_waiters(caller)?;
        if at.is_null() {
            return Ok(());
        }
        let RingData { nent, .. } = read_struct(&caller.memory, at)?;
        if nent > caller.domain.quotas().entries {
            return Err(Errno::EACCES);
        }
        let first = at.offset(size_of::<RingData>() as u64);
        for entry in 0..u64::from(nent) {
            let entry = first.offset(entry.saturating_mul(size_of::<RingDataEnt>() as u64));
            self.claim_question(judge, caller, entry)?;
        }
        Ok(())
    }

    /// Answers one entry of a notify in place.
    fn claim_question(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        at: GuestAddr,
    ) -> Result<(), Errno> {
        const ANSWER: usize = core::mem::offset_of!(RingDataEnt, flags);
        const MAX: usize = core::mem::offset_of!(RingDataEnt, max_message_size);
        let claim: RingDataEnt = read_struct(&caller.memory, at)?;
        let question = DomainId::new(claim.ring.domain_id).map(|receiver| Question {
            receiver,
            port: Port(claim.ring.aport),
            space_required: claim.space_required,
        });
        let answer = question.map(|question| self.answer(judge, caller, &question)).transpose()?;
        let flags = answer.map_or(0, |answer| answer.flags.bits());
        // Of a ring that is not there Xen writes back what it read, so a racing guest sees a write.
        let max = answer.and_then(|answer| answer.max_payload).unwrap_or(claim.max_message_size);
        caller.memory.write(at.offset(ANSWER as u64), flags.as_bytes())?;
        caller.memory.write(at.offset(MAX as u64), max.as_bytes())?;
        Ok(())
    }
}
