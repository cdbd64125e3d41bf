//! A guest that sends as fast as it can, and one that counts what comes.

use argo_guest::{Address, BindOptions, Datagram, Domain, DomainId, SendError};

use super::ask::reach;
use super::{NO_ROOM, TRAFFIC};
use crate::pipe::pattern;
use crate::{PATIENCE, Report};

/// Messages: many times what the ring of the one that counts holds, so that the other waits for room.
const MESSAGES: u32 = 5000;
/// The longest, in bytes.
const LONGEST: usize = 1000;

/// Sends to that domain, one message after the other, and tells it once there is no room.
pub fn generate(domain: &Domain, to: DomainId, report: &mut Report<'_>) {
    let socket = match Datagram::bind_blocking(domain, BindOptions::any_port().partner(to)) {
        Ok(socket) => socket,
        Err(error) => return report.broken("a ring for the answer that never comes", error),
    };
    match send_all(&socket, to) {
        Ok(waits) => {
            report.note(format_args!("{waits} waits for room"));
            report.check("messages sent, with waits for room", waits > 0);
        }
        Err(error) => report.broken("messages sent, with waits for room", error),
    }
}

/// How often there was no room.
fn send_all(socket: &Datagram, to: DomainId) -> Result<u32, SendError> {
    let [to, signal] = [TRAFFIC, NO_ROOM].map(|port| Address { domain: to, port });
    reach(socket, message(0, &mut [0; LONGEST]), to)?;
    let (mut waits, mut room) = (0, [0; LONGEST]);
    for number in 1..MESSAGES {
        let message = message(number, &mut room);
        match socket.try_send_to(message, to) {
            Err(SendError::WouldBlock { .. } | SendError::Busy { .. }) => {
                if waits == 0 {
                    reach(socket, b"no room", signal)?;
                }
                waits += 1;
                socket.blocking_for(PATIENCE).send_to(message, to)?;
            }
            sent => _ = sent?,
        }
    }
    Ok(waits)
}

/// Receives all messages, each once and in order. It begins when there is no room for more.
pub fn count(domain: &Domain, report: &mut Report<'_>) {
    let bind = |port| Datagram::bind_blocking(domain, port);
    let (socket, signal) = match (bind(TRAFFIC), bind(NO_ROOM)) {
        (Ok(socket), Ok(signal)) => (socket, signal),
        (Err(error), _) | (_, Err(error)) => return report.broken("rings for anybody", error),
    };
    report.check("no room", signal.blocking_for(PATIENCE).recv(&mut [0; 64]).is_ok());
    let (mut buffer, mut expected) = ([0; LONGEST + 1], [0; LONGEST]);
    let as_sent = |number: &u32| {
        let came = socket.blocking_for(PATIENCE).recv(&mut buffer);
        came.is_ok_and(|len| buffer.get(..len) == Some(message(*number, &mut expected)))
    };
    let came = (0..MESSAGES).take_while(as_sent).count();
    report.equal("messages in order", came as u32, MESSAGES);
}

/// The message with that number, which it begins with; the rest, and how much of it there is, follows
/// from the number.
fn message(number: u32, room: &mut [u8; LONGEST]) -> &[u8] {
    let len = 4 + number.wrapping_mul(37) as usize % (LONGEST - 3);
    for (at, byte) in (number..).zip(room.iter_mut()) {
        *byte = pattern(at);
    }
    if let Some(head) = room.first_chunk_mut() {
        *head = number.to_le_bytes();
    }
    room.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_another() {
        let (mut one, mut other) = ([0; LONGEST], [0; LONGEST]);
        let lengths = (0..MESSAGES).map(|number| message(number, &mut one).len());
        let (shortest, longest) =
            lengths.fold((LONGEST, 0), |(least, most), len| (least.min(len), most.max(len)));
        assert_eq!((shortest, longest), (4, LONGEST));
        assert_ne!(message(7, &mut one), message(8, &mut other));
    }
}
