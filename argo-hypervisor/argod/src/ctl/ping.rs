//! `argoctl ping`: how long a datagram takes there and back.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use argo_guest::{Address, Datagram, RecvError};
use clap::{Args, value_parser};
use hdrhistogram::{CreationError, Histogram};

use super::bound::{bind, from};
use super::sockets::Acting;
use super::{Failure, values};

/// Measure round trips to a port where `argoctl recv --echo PORT` answers.
///
/// One datagram is under way at a time. Exit status 1 if an answer did not come.
#[derive(Args)]
pub(super) struct Ping {
    /// Where to: the domain's number and the port.
    #[arg(value_name = "DOMAIN:PORT", value_parser = values::address)]
    to: Address,
    /// How many datagrams.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = value_parser!(u64).range(1..))]
    count: u64,
    /// Bytes in each.
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = value_parser!(u32).range(1..))]
    size: u32,
    /// The time between two of them.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = values::duration)]
    interval: Duration,
    /// How long to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration)]
    timeout: Duration,
    #[command(flatten)]
    acting: Acting,
}

impl Ping {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let domain = self.acting.attach()?;
        let socket = bind(&domain, from(None).partner(self.to.domain))?;
        let mut trips = RoundTrips::new().map_err(Failure::failed)?;
        for number in 0..self.count {
            if number > 0 && !self.interval.is_zero() {
                std::thread::sleep(self.interval);
            }
            if let Some(time) = self.once(&socket, number)? {
                trips.record(time);
            }
        }
        let (Self { to, count, size, .. }, answered) = (&self, trips.count());
        let report = format!("{to}: {count} datagrams of {size} bytes, {answered} answered");
        writeln!(io::stdout(), "{report}\nround trip: {trips}").map_err(Failure::failed)?;
        Ok(if answered == *count { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// There and back once; `None`: no answer in time.
    fn once(&self, socket: &Datagram, number: u64) -> Result<Option<Duration>, Failure> {
        let payload = self.payload(number);
        let begun = Instant::now();
        let sent = socket.blocking_for(self.timeout).send_to(&payload, self.to);
        sent.map_err(Failure::failed)?;
        loop {
            let left = self.timeout.saturating_sub(begun.elapsed());
            match socket.blocking_for(left).recv_bytes() {
                Ok((answer, _)) if answer == payload => return Ok(Some(begun.elapsed())),
                // An answer that was given up.
                Ok(_) => {}
                Err(RecvError::TimedOut { .. }) => return Ok(None),
                Err(error) => return Err(Failure::failed(error)),
            }
        }
    }

    /// The number, again and again.
    fn payload(&self, number: u64) -> Vec<u8> {
        number.to_le_bytes().into_iter().cycle().take(self.size as usize).collect()
    }
}

/// Times of round trips; each within 0.1 %.
pub(super) struct RoundTrips(Histogram<u64>);

impl RoundTrips {
    /// None yet.
    ///
    /// # Errors
    /// None in fact: an hour at most, and three digits, is what a histogram can hold.
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self(Histogram::new_with_bounds(1, 3_600_000_000_000, 3)?))
    }

    /// Adds one.
    pub(super) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that this share of them (0 to 1) took at most.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }
}

impl fmt::Display for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count() == 0 {
            return f.write_str("no answers");
        }
        let names = [("min", 0.0), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
        let shown = names.map(|(name, share)| format!("{name} {}", micros(self.quantile(share))));
        f.write_str(&shown.join("  "))
    }
}

/// A time in microseconds.
pub(super) fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let mut trips = RoundTrips::new().unwrap();
        assert_eq!(trips.to_string(), "no answers");
        (1..=100).for_each(|n| trips.record(Duration::from_micros(n)));
        assert_eq!(
            trips.to_string(),
            "min 1.0 µs  p50 50.0 µs  p90 90.0 µs  p99 99.0 µs  max 100.0 µs"
        );
    }
}
