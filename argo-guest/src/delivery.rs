//! What a send that was refused means, and waiting for room.

use alloc::sync::Arc;
use core::time::Duration;

use argo_core::Errno;
use argo_core::abi::{Op, RingData, RingDataEnt, RingFlags};
use argo_core::errno::decode_ret;
use argo_core::platform::{Call, Link};
use zerocopy::IntoBytes;

use crate::address::Address;
use crate::datagram::SendError;
use crate::domain::{Inner, Patience, SpaceMark, race};

/// Between two tries of a sender whose wait was refused (EBUSY: too many domains wait for that ring
/// already): nobody will tell it of room.
const RETRY_AFTER: Duration = Duration::from_millis(5);

impl Inner {
    /// What an answer means; asks for the longest message where it was too long.
    pub(crate) async fn refusal(
        self: &Arc<Self>,
        errno: Errno,
        len: usize,
        to: Address,
    ) -> SendError {
        if errno != Errno::EMSGSIZE {
            return SendError::of(errno, to);
        }
        match self.max_message(to).await {
            Ok(max) => SendError::TooBig { len, max },
            Err(error) => error,
        }
    }

    /// After a refusal for want of room, waits until it is worth trying again. Any other refusal
    /// is returned.
    pub(crate) async fn wait_for_room(
        self: &Arc<Self>,
        refusal: SendError,
        mark: SpaceMark,
        patience: Patience,
    ) -> Result<(), SendError> {
        let retry = match refusal {
            SendError::WouldBlock { .. } => None,
            SendError::Busy { .. } => Some(self.platform.now().saturating_add(RETRY_AFTER)),
            other => return Err(other),
        };
        let Some(event) = self.listen_for_space(mark) else { return Ok(()) };
        let room = async {
            match retry {
                Some(at) => drop(race(event, self.timer(at)).await),
                None => event.await,
            }
        };
        Ok(patience.wait(self, room).await?)
    }

    /// The longest message that the ring at `to` can ever take, in bytes.
    pub(crate) async fn max_message(self: &Arc<Self>, to: Address) -> Result<u32, SendError> {
        let entry = self.ask(to).await?;
        if !RingFlags::from_bits_truncate(entry.flags).contains(RingFlags::EXISTS) {
            return Err(SendError::ConnectionRefused { to });
        }
        Ok(entry.max_message_size)
    }

    /// Asks the hypervisor about the ring at `to`.
    async fn ask(self: &Arc<Self>, to: Address) -> Result<RingDataEnt, SendError> {
        let at = size_of::<RingData>();
        let mut entry = RingDataEnt { ring: to.raw(), ..RingDataEnt::default() };
        let chunk = self.chunk(at + size_of::<RingDataEnt>())?;
        chunk.put(0, RingData { nent: 1, pad: 0 }.as_bytes());
        chunk.put(at, entry.as_bytes());
        let args = [chunk.handle(0).0, 0, 0, 0];
        let call = Call { cmd: Op::Notify as u32, args, link: Link::None };
        let answer = self.call(call, chunk).await;
        // A question that asks for no space ends our wait for some there (see docs/deviations.md,
        // q6): whoever waits tries again.
        self.wake_senders();
        let (ret, chunk) = answer?;
        decode_ret(ret).map_err(|errno| SendError::of(errno, to))?;
        chunk.get(at, entry.as_mut_bytes());
        Ok(entry)
    }
}
