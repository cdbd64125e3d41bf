//! The client: talks to the server, and measures it.

use std::path::Path;
use std::time::{Duration, Instant};

use argo_guest::{Address, Datagram, Domain};
use serde::{Deserialize, Serialize};

use super::Mishap;
use super::channel::Visit;
use super::line::Line;
use super::message::Message;
use super::stage::{SERVER, SERVER_PORT, id};
use crate::ctl::bound::from;
use crate::ctl::ping::RoundTrips;

/// How long a process of the demo waits for a message. Everything takes less.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Messages that are under way at a time when throughput is measured.
pub(super) const WINDOW: u64 = 64;

/// What the client is told.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// Say this to the server. Answer: what it says.
    Greet(String),
    /// Measure for this many milliseconds. Answer: [`Figures`].
    Measure(u64),
    /// Say goodbye to the server. Answer: how many messages were sent to be measured.
    End,
    /// Write to the server over a vchan. Answer: [`Moved`](super::channel::Moved).
    Write,
    /// The server was killed: see what became of the vchan. Answer:
    /// [`Ending`](super::channel::Ending).
    Mourn,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Figures {
    /// Messages that were sent and answered.
    pub(super) messages: u64,
    /// Messages a second, many of them under way at a time; as many answers came back.
    pub(super) per_second: f64,
    /// Half of the round trips took at most this, one under way at a time.
    pub(super) p50: Duration,
    /// And 99 of 100 this.
    pub(super) p99: Duration,
}

pub(super) fn act(path: &Path, line: &mut Line) -> Result<(), Mishap> {
    let domain = Domain::attach(path)?;
    let server = Address::new(id(SERVER)?, SERVER_PORT);
    let socket = Datagram::bind_blocking(&domain, from(None).partner(server.domain))?;
    let mut client = Client { socket, server, next: 0 };
    let mut visit = None;
    line.say(&Ok::<_, String>(client.socket.local_addr().to_string()))?;
    while let Some(order) = line.hear()? {
        match order {
            Order::Greet(text) => line.say(&Ok::<_, String>(client.greet(text)?))?,
            Order::Measure(millis) => {
                let figures = client.measure(Duration::from_millis(millis))?;
                line.say(&Ok::<_, String>(figures))?;
            }
            Order::End => {
                client.send(&Message::End)?;
                line.say(&Ok::<_, String>(client.next))?;
            }
            Order::Write => {
                line.say(&Ok::<_, String>(visit.insert(Visit::begin(path)?).write()?))?;
            }
            Order::Mourn => {
                let visit = visit.take().ok_or("nothing was written yet")?;
                line.say(&Ok::<_, String>(visit.end()?))?;
            }
        }
    }
    Ok(())
}

struct Client {
    socket: Datagram,
    server: Address,
    /// The number of the next numbered message.
    next: u64,
}

impl Client {
    fn greet(&mut self, text: String) -> Result<String, Mishap> {
        self.send(&Message::Greeting(text))?;
        match self.receive()? {
            Message::Greeting(answer) => Ok(answer),
            other => Err(format!("a greeting was answered with {other:?}").into()),
        }
    }

    /// Half of the time one message after the other, half of the time many at once.
    fn measure(&mut self, time: Duration) -> Result<Figures, Mishap> {
        let first = self.next;
        let mut trips = RoundTrips::new()?;
        let begun = Instant::now();
        while begun.elapsed() < time / 2 {
            trips.record(self.round_trip()?);
        }
        let (streamed, begun) = (self.next, Instant::now());
        while begun.elapsed() < time / 2 {
            self.window()?;
        }
        let per_second = (self.next - streamed) as f64 / begun.elapsed().as_secs_f64();
        let (p50, p99) = (trips.quantile(0.5), trips.quantile(0.99));
        Ok(Figures { messages: self.next - first, per_second, p50, p99 })
    }

    fn round_trip(&mut self) -> Result<Duration, Mishap> {
        let begun = Instant::now();
        self.send(&Message::Numbered(self.next))?;
        self.expect_next()?;
        Ok(begun.elapsed())
    }

    fn window(&mut self) -> Result<(), Mishap> {
        let numbers = self.next..self.next + WINDOW;
        let messages: Vec<_> =
            numbers.clone().map(|number| Message::Numbered(number).to_bytes()).collect();
        let payloads: Vec<_> = messages.iter().map(Vec::as_slice).collect();
        self.socket.blocking_for(PATIENCE).send_batch_to(&payloads, self.server)?;
        numbers.into_iter().try_for_each(|_| self.expect_next())
    }

    fn expect_next(&mut self) -> Result<(), Mishap> {
        let expected = Message::Numbered(self.next);
        let got = self.receive()?;
        if got != expected {
            return Err(format!("{expected:?} was answered with {got:?}").into());
        }
        self.next += 1;
        Ok(())
    }

    fn send(&self, message: &Message) -> Result<(), Mishap> {
        self.socket.blocking_for(PATIENCE).send_to(&message.to_bytes(), self.server)?;
        Ok(())
    }

    fn receive(&self) -> Result<Message, Mishap> {
        Message::parse(&self.socket.blocking_for(PATIENCE).recv_bytes()?.0)
    }
}
