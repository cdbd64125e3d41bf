//! The server: answers what the client says, and looks at each message.

use std::path::Path;

use argo_guest::datagram::BindOptions;
use argo_guest::{Address, Datagram, Domain};
use serde::{Deserialize, Serialize};

use super::Mishap;
use super::channel;
use super::client::PATIENCE;
use super::line::Line;
use super::message::Message;
use super::stage::{CLIENT, SERVER_PORT};

/// Messages that are answered together, at most.
const BATCH: usize = 64;

/// What came.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    /// Numbered messages of the client, whole.
    pub(super) received: u64,
    /// Of those, ones that did not have the next number.
    pub(super) out_of_order: u64,
    /// Messages that were not what the client sends.
    pub(super) damaged: u64,
    /// Messages of anybody else.
    pub(super) strangers: u64,
}

/// What the server is told once the client has said goodbye.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// Offer a vchan to the client. Answers: nothing once it is there, and nothing once all was read.
    Listen,
}

pub(super) fn act(path: &Path, line: &mut Line) -> Result<(), Mishap> {
    let domain = Domain::attach(path)?;
    // For everybody: it is the policy that keeps others out.
    let socket = Datagram::bind_blocking(&domain, BindOptions::port(SERVER_PORT))?;
    line.say(&Ok::<_, String>(socket.local_addr().to_string()))?;
    let report = serve(&socket)?;
    line.say(&Ok::<_, String>(report))?;
    match line.hear()? {
        Some(Order::Listen) => channel::serve(path, line),
        None => Ok(()),
    }
}

/// Answers until the client says that it has ended.
fn serve(socket: &Datagram) -> Result<Report, Mishap> {
    let mut report = Report::default();
    let mut answers = Vec::new();
    loop {
        let mut received = Some(socket.blocking_for(PATIENCE).recv_bytes()?);
        while let Some((bytes, from)) = received {
            match report.note(&bytes, from) {
                Some(Message::Greeting(text)) => {
                    let answer = Message::Greeting(format!("I heard: {text}"));
                    answers.push((answer.to_bytes(), from));
                }
                Some(Message::Numbered(_)) => answers.push((bytes.to_vec(), from)),
                Some(Message::End) => return Ok(report),
                None => {}
            }
            let next = (answers.len() < BATCH).then(|| socket.try_receive());
            received = next.and_then(Result::ok).map(|next| (next.to_bytes(), next.source()));
        }
        answer(socket, &mut answers)?;
    }
}

/// Sends the answers: all of them go to the client.
fn answer(socket: &Datagram, answers: &mut Vec<(Vec<u8>, Address)>) -> Result<(), Mishap> {
    if let Some((_, to)) = answers.first() {
        let payloads: Vec<_> = answers.iter().map(|(bytes, _)| bytes.as_slice()).collect();
        socket.blocking_for(PATIENCE).send_batch_to(&payloads, *to)?;
    }
    answers.clear();
    Ok(())
}

impl Report {
    /// The message, if it is one of the client.
    fn note(&mut self, bytes: &[u8], from: Address) -> Option<Message> {
        if from.domain.raw() != CLIENT.id {
            self.strangers += 1;
            return None;
        }
        let Ok(message) = Message::parse(bytes) else {
            self.damaged += 1;
            return None;
        };
        if let Message::Numbered(number) = message {
            self.out_of_order += u64::from(number != self.received);
            self.received += 1;
        }
        Some(message)
    }
}
