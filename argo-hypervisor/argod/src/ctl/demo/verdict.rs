//! The tables at the end of the demo, and whether everything went as claimed.

use super::attack::Attacked;
use super::client::Figures;
use super::server::Report;
use crate::admin::DomainStat;
use crate::ctl::ping::micros;
use crate::ctl::table::{Table, grouped};

/// What came of the demo.
pub(super) struct Outcome {
    /// The client's, while the attacker was idle, kept a processor busy, and attacked.
    pub(super) figures: [Figures; 3],
    /// What the attacker says that it did.
    pub(super) attack: Attacked,
    /// Messages that the client sent to measure.
    pub(super) sent: u64,
    /// What the server received.
    pub(super) report: Report,
    /// What the policy refused, by cause.
    pub(super) refusals: Vec<(String, u64)>,
    /// The attacker, as argod sees it.
    pub(super) attacker: DomainStat,
    /// Whether what the attacker tried at first was refused as it should be.
    pub(super) tries_refused: bool,
    /// Whether the vchan carried what it should, kept the attacker out and ended as it should.
    pub(super) channel_held: bool,
}

impl Outcome {
    pub(super) fn tables(&self) -> String {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let note = format!(
            "  (All share {processors} processor(s). What the attack costs the client is the step \
             from BURNS CPU.)\n"
        );
        let [client, attack, refused] = [self.client(), self.attack(), self.refused()];
        format!("{client}{note}\n{attack}\n{refused}\nAs claimed?\n")
    }

    /// What was claimed, and whether it holds.
    pub(super) fn claims(&self) -> [(bool, String); 5] {
        let Report { received, out_of_order, damaged, strangers } = &self.report;
        let whole = *received == self.sent && self.sent > 0 && *out_of_order + *damaged == 0;
        let delivered = self.attacker.messages + self.attack.delivered + strangers;
        let attacked = self.attack.calls > 0 && !self.refusals.is_empty();
        [
            (
                whole,
                format!(
                    "the server received {} of {} messages of the client, {out_of_order} out of \
                     order, {damaged} damaged",
                    grouped(*received),
                    grouped(self.sent)
                ),
            ),
            (delivered == 0, format!("the attacker delivered {delivered} messages")),
            (
                self.tries_refused,
                "each forbidden try of step 5 was refused, for the reason shown".into(),
            ),
            (
                attacked,
                format!(
                    "argod answered {} hypercalls of the attack and still serves",
                    grouped(self.attack.calls)
                ),
            ),
            (
                self.channel_held,
                "the vchan of step 7 lost nothing, let nobody else in, and ended cleanly".into(),
            ),
        ]
    }

    fn client(&self) -> Table {
        let titles = ["CLIENT, WHILE THE ATTACKER", ">IS IDLE", ">BURNS CPU", ">ATTACKS ARGOD"];
        let mut table = Table::new(&titles);
        let mut row = |what: &str, figure: &dyn Fn(&Figures) -> String| {
            let [idle, burning, attacked] = self.figures.each_ref().map(figure);
            table.row([what.to_owned(), idle, burning, attacked]);
        };
        row("messages, each answered", &|figures| grouped(figures.messages));
        row("throughput, messages/s", &|figures| grouped(figures.per_second as u64));
        row("round trip, median", &|figures| micros(figures.p50));
        row("round trip, 99 of 100 within", &|figures| micros(figures.p99));
        table
    }

    fn attack(&self) -> Table {
        let Attacked { time, calls, scribbles, sessions, .. } = self.attack;
        let per_second = calls as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut table = Table::new(&["ATTACKER", ">COUNT"]);
        table.row(["hypercalls".into(), grouped(calls)]);
        table.row(["hypercalls/s".into(), grouped(per_second as u64)]);
        table.row(["shared words and calls overwritten".into(), grouped(scribbles)]);
        table.row(["sessions begun (all but the last thrown out)".into(), grouped(sessions)]);
        table.row(["messages delivered".into(), grouped(self.attacker.messages)]);
        table
    }

    fn refused(&self) -> Table {
        let mut table = Table::new(&["REFUSED", ">COUNT"]);
        for (cause, count) in &self.refusals {
            table.row([format!("policy: {cause}"), grouped(*count)]);
        }
        for (errno, count) in &self.attacker.refused {
            table.row([format!("attacker's calls that got {errno}"), grouped(*count)]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    /// Makes one thing in an outcome not as claimed.
    type Break = fn(&mut Outcome);

    use super::*;

    fn outcome() -> Outcome {
        let (p50, p99) = (Duration::from_micros(20), Duration::from_micros(40));
        let figures = Figures { messages: 100, per_second: 1e6, p50, p99 };
        let attacker = serde_json::json!({
            "id": 3, "name": "attacker", "socket": "/run/a.sock", "active": true, "ram": 4096,
            "sessions": [], "sessions_allowed": 1, "rings": [], "rings_total": 0,
            "rings_allowed": 128, "sessions_held": 0, "ring_bytes": 0, "ring_bytes_allowed": 4096,
            "fullest": null, "waiting": 0, "waiting_allowed": 32, "entries_allowed": 256, "messages": 0, "bytes": 0, "refused": {"EPERM": 3}, "denied": {}, "service_ns": 0,
            "interrupt_ns": 0, "mutes": 0, "attachments": 1, "refused_attachments": 0,
        });
        Outcome {
            figures: [figures; 3],
            attack: Attacked { time: Duration::from_secs(2), calls: 1000, ..Attacked::default() },
            sent: 300,
            report: Report { received: 300, ..Report::default() },
            refusals: vec![("policy rule 7 (argod.toml:11)".into(), 5)],
            attacker: serde_json::from_value(attacker).unwrap(),
            tries_refused: true,
            channel_held: true,
        }
    }

    fn holds(outcome: &Outcome) -> [bool; 5] {
        outcome.claims().map(|(holds, _)| holds)
    }

    #[test]
    fn each_claim_fails_on_what_it_is_about() {
        assert_eq!(holds(&outcome()), [true; 5]);
        let breaks: [(usize, Break); 10] = [
            (0, |outcome| outcome.report.received = 299),
            (0, |outcome| (outcome.sent, outcome.report.received) = (0, 0)),
            (0, |outcome| outcome.report.out_of_order = 1),
            (0, |outcome| outcome.report.damaged = 1),
            (1, |outcome| outcome.report.strangers = 1),
            (1, |outcome| outcome.attacker.messages = 1),
            (2, |outcome| outcome.tries_refused = false),
            (3, |outcome| outcome.attack.calls = 0),
            (3, |outcome| outcome.refusals.clear()),
            (4, |outcome| outcome.channel_held = false),
        ];
        for (claim, break_it) in breaks {
            let mut outcome = outcome();
            break_it(&mut outcome);
            let expected = std::array::from_fn(|index| index != claim);
            assert_eq!(holds(&outcome), expected, "{:?}", outcome.claims());
        }
    }

    #[test]
    fn the_tables_show_what_was_measured_and_refused() {
        let tables = outcome().tables();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = tables.lines().map(words).collect();
        for expected in [
            "throughput, messages/s 1 000 000 1 000 000 1 000 000",
            "round trip, 99 of 100 within 40.0 µs 40.0 µs 40.0 µs",
            "hypercalls/s 500",
            "policy: policy rule 7 (argod.toml:11) 5",
            "attacker's calls that got EPERM 3",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected} in\n{tables}");
        }
    }
}
