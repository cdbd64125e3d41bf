//! Futures polled by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::raw::PATIENCE;

/// What the future gives, if it is ready now. Its waker is nobody's.
pub fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Waits for the future. `None`: it is not ready within [`PATIENCE`].
pub fn finish<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let end = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        thread::park_timeout(end.checked_duration_since(Instant::now())?);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A call that blocks, and goes on whenever it can.
pub struct Blocked<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Woken>,
    output: Option<T>,
}

impl<T> Blocked<T> {
    pub fn new(future: impl Future<Output = T> + 'static) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { future: Box::pin(future), woken, output: None }
    }

    /// Goes on if it was woken; says whether it was.
    pub fn stir(&mut self) -> bool {
        if self.output.is_some() || !self.woken.0.swap(false, Ordering::SeqCst) {
            return false;
        }
        let waker = Waker::from(self.woken.clone());
        if let Poll::Ready(output) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.output = Some(output);
        }
        true
    }

    /// What it gave, once.
    pub fn take(&mut self) -> Option<T> {
        self.output.take()
    }

    /// Waits for what it gives.
    pub fn finish(&mut self) -> Option<T> {
        self.take().or_else(|| finish(&mut self.future))
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
