//! iceoryx2: shared memory without copies. The sender writes messages where the receiver reads them;
//! both spin.

use std::hint;
use std::io;
use std::ops::Range;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{AllocationStrategy, BackpressureStrategy, NodeBuilder, ipc};

use super::Mover;
use crate::between::end::{End, Home};
use crate::case::Failure;
use crate::payload;

/// Messages that may wait for the receiver: with 64 KiB each, as much as our ring holds.
const WAITING: usize = 32;

/// One end: it has what it needs of the two.
///
/// What it leaves in shared memory when it is ended is cleaned up by the next one.
pub struct Iceoryx {
    publisher: Option<Publisher<ipc::Service, [u64], ()>>,
    subscriber: Option<Subscriber<ipc::Service, [u64], ()>>,
}

impl Iceoryx {
    /// This end.
    pub fn meet(home: &Home, ready: impl FnOnce()) -> Result<Self, Failure> {
        let node = NodeBuilder::new().create::<ipc::Service>().map_err(failed)?;
        // Another run at the same time has another folder.
        let name = home.dir.to_string_lossy();
        let service = node
            .service_builder(&name.as_ref().try_into().map_err(failed)?)
            .publish_subscribe::<[u64]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(WAITING)
            .open_or_create()
            .map_err(failed)?;
        let mut this = Self { publisher: None, subscriber: None };
        match home.end {
            End::Receiver => {
                let subscriber = service.subscriber_builder().buffer_size(WAITING);
                this.subscriber = Some(subscriber.create().map_err(failed)?);
                ready();
            }
            End::Sender => {
                let publisher = service
                    .publisher_builder()
                    .initial_max_slice_len(1)
                    .allocation_strategy(AllocationStrategy::PowerOfTwo)
                    .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
                this.publisher = Some(publisher.create().map_err(failed)?);
            }
        }
        Ok(this)
    }
}

impl Mover for Iceoryx {
    fn send(&mut self, len: usize, numbers: Range<u64>) -> Result<(), Failure> {
        let publisher = self.publisher.as_ref().ok_or("this end only receives")?;
        for number in numbers {
            let sample = publisher.loan_slice_uninit(len / size_of::<u64>()).map_err(failed)?;
            let sample = sample.write_from_fn(|place| payload::word(number, place));
            sample.send().map_err(failed)?;
        }
        Ok(())
    }

    fn receive(&mut self, len: usize, count: u64) -> Result<u64, Failure> {
        let subscriber = self.subscriber.as_ref().ok_or("this end only sends")?;
        let mut total = 0u64;
        for _ in 0..count {
            let sample = loop {
                match subscriber.receive().map_err(failed)? {
                    Some(sample) => break sample,
                    None => hint::spin_loop(),
                }
            };
            if size_of_val(sample.payload()) != len {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
            total = sample.payload().iter().copied().fold(total, u64::wrapping_add);
        }
        Ok(total)
    }
}

/// Its errors, some of which may not leave the thread.
fn failed(error: impl std::fmt::Display) -> Failure {
    format!("iceoryx2: {error}").into()
}
