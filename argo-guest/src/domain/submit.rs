//! Hypercalls from submission to answer.

use alloc::sync::Arc;
use alloc::vec::Vec;

use argo_core::abi::Op;
use argo_core::errno::decode_ret;
use argo_core::host::layout::QUEUE_ENTRIES;
use argo_core::platform::{Call, Gone, Link, Submission, Tag};

use super::answer::{Answer, ChainAnswer, Chunk, Started};
use super::calls::{Completed, Outcome};
use super::{After, Inner, Notify};
use crate::arena::Block;

impl Inner {
    /// Makes a call and waits for its answer. The chunk is what the call's arguments lie in.
    ///
    /// Dropped before the answer, the call is executed all the same.
    pub(crate) async fn call(
        self: &Arc<Self>,
        call: Call,
        chunk: Chunk,
    ) -> Result<(i64, Chunk), Gone> {
        self.begin(call, chunk).await?.answer().await
    }

    /// Registers the ring in `ring`, which goes with the call until it is answered.
    ///
    /// Dropped before the answer, the ring is taken down again should it have come to be.
    pub(crate) async fn register(
        self: &Arc<Self>,
        call: Call,
        arguments: Chunk,
        ring: Chunk,
    ) -> Result<(i64, Chunk), Gone> {
        match self.begin(call, arguments).await? {
            Started::Done(ret, _) => Ok((ret, ring)),
            Started::Queued(mut answer) => {
                answer.abandoned = ring.into_block().map_or(After::Nothing, After::Withdraw);
                let (ret, _) = (&mut answer).await?;
                let block = match core::mem::replace(&mut answer.abandoned, After::Nothing) {
                    After::Withdraw(block) => Some(block),
                    After::Nothing | After::Notified => None,
                };
                Ok((ret, Chunk::of(self, block)))
            }
        }
    }

    async fn begin(self: &Arc<Self>, call: Call, chunk: Chunk) -> Result<Started, Gone> {
        let mut chunk = Some(chunk);
        let started = self.when_vacant(|| self.try_start(&call, &mut chunk)).await?;
        self.platform.flush().inspect_err(|_| self.fail())?;
        Ok(started)
    }

    /// Calls in one chain at most: half of what may be in flight, so that chains of several sockets
    /// take turns.
    pub(crate) const CHAIN_MAX: usize = QUEUE_ENTRIES as usize / 2;

    /// Submits at most [`CHAIN_MAX`](Self::CHAIN_MAX) linked calls one after the other, once there
    /// is room for all of them, and waits for all answers. `memory` is what they lie in.
    ///
    /// Dropped before that, the calls are executed all the same.
    pub(crate) async fn chain(
        self: &Arc<Self>,
        calls: &[Call],
        memory: Vec<Chunk>,
    ) -> Result<(Outcome, Vec<Chunk>), Gone> {
        let mut memory = Some(memory);
        let answer = self.when_vacant(|| self.try_chain(calls, &mut memory)).await?;
        self.platform.flush().inspect_err(|_| self.fail())?;
        answer.await
    }

    async fn when_vacant<T>(
        &self,
        mut attempt: impl FnMut() -> Result<Option<T>, Gone>,
    ) -> Result<T, Gone> {
        loop {
            if let Some(started) = attempt()? {
                return Ok(started);
            }
            let vacancy = self.vacancy.listen();
            // Not more: this may be a chore, polled by a dispatch.
            self.reap();
            if let Some(started) = attempt()? {
                return Ok(started);
            }
            vacancy.await;
        }
    }

    fn try_start(
        self: &Arc<Self>,
        call: &Call,
        chunk: &mut Option<Chunk>,
    ) -> Result<Option<Started>, Gone> {
        let _single = self.order.read();
        if !self.has_room_for(1)? {
            return Ok(None);
        }
        let Some(whole) = chunk.take() else { return Ok(None) };
        match self.submit(call, whole)? {
            Ok(started) => Ok(Some(started)),
            Err(back) => {
                *chunk = Some(back);
                Ok(None)
            }
        }
    }

    fn try_chain(
        self: &Arc<Self>,
        calls: &[Call],
        memory: &mut Option<Vec<Chunk>>,
    ) -> Result<Option<ChainAnswer>, Gone> {
        // Keeps all others out: linked calls must follow one another in the queue.
        let chain = self.order.write();
        if !self.has_room_for(calls.len())? {
            drop(chain);
            // It may be this chain that kept back what is in the way.
            self.work_off();
            return Ok(None);
        }
        let blocks = memory.take().into_iter().flatten().filter_map(Chunk::into_block).collect();
        let tag = self.calls.lock().add_chain(blocks, calls.len());
        let answer = ChainAnswer::new(self, tag);
        calls.iter().try_for_each(|call| self.insist(call, tag))?;
        drop(chain);
        // What was fired meanwhile had to stand back.
        self.work_off();
        Ok(Some(answer))
    }

    fn has_room_for(&self, calls: usize) -> Result<bool, Gone> {
        if self.is_gone() {
            return Err(Gone);
        }
        let in_flight = self.calls.lock().in_flight();
        Ok(in_flight + calls <= QUEUE_ENTRIES as usize && self.backlog.lock().is_empty())
    }

    /// Submits one call; gives the chunk back if the platform has no room.
    fn submit(self: &Arc<Self>, call: &Call, chunk: Chunk) -> Result<Result<Started, Chunk>, Gone> {
        let tag = self.calls.lock().add(chunk.into_block());
        let submission = self.platform.submit(call, tag);
        if let Ok(Submission::Queued) = submission {
            return Ok(Ok(Started::Queued(Answer::new(self, tag))));
        }
        let block = self.calls.lock().remove(tag);
        let chunk = Chunk::of(self, block);
        match submission {
            Ok(Submission::Done(ret)) => Ok(Ok(Started::Done(ret, chunk))),
            Ok(_) => Ok(Err(chunk)),
            Err(Gone) => {
                self.fail();
                Err(Gone)
            }
        }
    }

    /// Submits a call of a chain, for which there should be room. Only a platform with a shorter
    /// queue than argod's gets into the loop; it makes room by executing what it has.
    fn insist(&self, call: &Call, tag: Tag) -> Result<(), Gone> {
        loop {
            match self.platform.submit(call, tag).inspect_err(|_| self.fail())? {
                Submission::Queued => return Ok(()),
                Submission::Done(ret) => {
                    let completed = self.calls.lock().complete(tag, ret);
                    self.finish(completed);
                    return Ok(());
                }
                Submission::Full => {}
            }
            self.platform.flush().inspect_err(|_| self.fail())?;
            self.reap_answers();
            crate::lock::yield_now();
        }
    }

    /// Makes a call whose answer nobody waits for. Never blocks; what finds no room now goes with
    /// the next completion.
    pub(crate) fn fire(&self, call: Call, block: Option<Block>, after: After) {
        let tag = self.calls.lock().add_unattended(block, after);
        self.backlog.lock().push_back((call, tag));
        self.work_off();
    }

    /// Submits the calls that had found no room.
    fn work_off(&self) {
        let mut any = false;
        loop {
            // A chain under way works the backlog off when it is complete.
            let Some(order) = self.order.try_read() else { break };
            let mut backlog = self.backlog.lock();
            let Some((call, tag)) = backlog.front().copied() else { break };
            let submission = self.platform.submit(&call, tag);
            if matches!(submission, Ok(Submission::Full) | Err(Gone)) {
                break;
            }
            backlog.pop_front();
            drop((backlog, order));
            any = true;
            if let Ok(Submission::Done(ret)) = submission {
                let completed = self.calls.lock().complete(tag, ret);
                self.finish(completed);
            }
        }
        if any {
            let _ = self.platform.flush();
            // Nobody makes a call while one is kept back.
            self.vacancy.notify(usize::MAX);
        }
    }

    /// Takes the answers that have come, and uses the room that they made.
    pub(super) fn reap(&self) {
        if self.reap_answers() {
            self.work_off();
            self.vacancy.notify(usize::MAX);
        }
    }

    /// Records the answers that have come. Others learn of them only afterwards: they may submit
    /// calls of their own, which a platform need not bear while it reaps.
    ///
    /// Under one lock: of two threads that reap, the one that took the earlier answers of a chain
    /// must not be the later to record them.
    fn reap_answers(&self) -> bool {
        let mut news = Vec::new();
        let mut any = false;
        let mut calls = self.calls.lock();
        self.platform.reap(&mut |tag, ret| {
            any = true;
            match calls.complete(tag, ret) {
                Completed::Unknown | Completed::Awaited(None) => {}
                completed => news.push(completed),
            }
        });
        drop(calls);
        news.into_iter().for_each(|completed| self.finish(completed));
        any
    }

    pub(super) fn finish(&self, completed: Completed) {
        match completed {
            Completed::Unknown | Completed::Awaited(None) => {}
            Completed::Awaited(Some(waker)) => waker.wake(),
            Completed::Released(blocks) => self.release_all(blocks),
            Completed::Unattended { block, after, ret } => {
                self.release(block);
                match after {
                    After::Nothing => {}
                    After::Notified => self.notify_if(self.notified()),
                    After::Withdraw(ring) if decode_ret(ret).is_ok() => self.withdraw(ring),
                    After::Withdraw(ring) => self.release(Some(ring)),
                }
            }
        }
    }

    /// Tells the hypervisor that there is room in our rings.
    pub(super) fn notify_if(&self, notify: Notify) {
        if notify == Notify::Needed {
            let call = Call { cmd: Op::Notify as u32, args: [0; 4], link: Link::None };
            self.fire(call, None, After::Notified);
        }
    }

    /// Unregisters the ring in this block, whose last bytes are the argument for that.
    pub(crate) fn withdraw(&self, ring: Block) {
        let argument = self.platform.handle(crate::registration::farewell(&ring));
        let args = [argument.0, 0, 0, 0];
        let call = Call { cmd: Op::UnregisterRing as u32, args, link: Link::None };
        self.fire(call, Some(ring), After::Nothing);
    }
}
