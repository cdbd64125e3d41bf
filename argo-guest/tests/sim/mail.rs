//! Datagrams: who sends them, who receives them, and what may become of each.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use argo_guest::datagram::BindOptions;
use argo_guest::{Address, Datagram, DomainId, RecvError, SendError};
use futures::future::{Either, select};

use super::actors::{DATAGRAMS, FAILURES, check_bind};
use super::context::Context;
use super::oracle::SessionId;
use super::rng::mix;

/// Bytes that say which message it is.
const NAME: usize = 16;

/// What a sender was told of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing yet, or it did not wait to hear.
    Unknown,
    Sent,
    Refused,
}

struct Letter {
    to: Address,
    len: usize,
    fate: Fate,
    received: bool,
}

/// Names a message: its sender, and its number among the messages of that one.
type Name = (usize, usize);

#[derive(Default)]
struct State {
    senders: usize,
    letters: BTreeMap<Name, Letter>,
    /// Of each sender, the last that each address received.
    last: BTreeMap<(usize, u16), usize>,
}

/// What may happen to messages.
#[derive(Default)]
pub struct Mail(RefCell<State>);

impl Mail {
    fn sender(&self) -> usize {
        let mut state = self.0.borrow_mut();
        state.senders += 1;
        state.senders
    }

    fn write(&self, name: Name, to: Address, len: usize) -> Vec<u8> {
        let letter = Letter { to, len, fate: Fate::Unknown, received: false };
        self.0.borrow_mut().letters.insert(name, letter);
        text(name, len)
    }

    fn settle(&self, name: Name, fate: Fate) {
        let mut state = self.0.borrow_mut();
        let letter = state.letters.get_mut(&name).unwrap();
        assert!(fate == Fate::Sent || !letter.received, "{name:?} was refused and received");
        letter.fate = fate;
    }

    fn receive(&self, at: Address, bytes: &[u8]) {
        let state = &mut *self.0.borrow_mut();
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let name = (number(0), number(8));
        let letter = state.letters.get_mut(&name).unwrap();
        assert_eq!((letter.to, letter.len), (at, bytes.len()), "{name:?}");
        assert!(bytes == text(name, letter.len), "{name:?} came as another text");
        assert!(!letter.received, "{name:?} came twice");
        assert_ne!(letter.fate, Fate::Refused, "{name:?}");
        letter.received = true;
        let before = state.last.insert((name.0, at.domain.raw()), name.1);
        assert!(before < Some(name.1), "{name:?} came after {before:?}");
    }

    /// Everything that was sent to those who never died has come. Gives how many that are.
    pub fn check(&self, has_died: impl Fn(DomainId) -> bool) -> u64 {
        let state = self.0.borrow();
        let sent = |letter: &&Letter| letter.fate == Fate::Sent && !has_died(letter.to.domain);
        let lost = state.letters.iter().find(|(_, letter)| sent(letter) && !letter.received);
        assert_eq!(lost.map(|(name, letter)| (name, letter.to)), None, "lost");
        state.letters.values().filter(|letter| letter.received).count() as u64
    }
}

fn text((sender, number): Name, len: usize) -> Vec<u8> {
    let name = [sender.to_le_bytes(), number.to_le_bytes()].concat();
    let rest = (NAME..len).map(|at| mix((sender ^ number << 20 ^ at << 40) as u64) as u8);
    name.into_iter().chain(rest).collect()
}

/// Receives until the end.
pub async fn receive(context: Rc<Context>, session: SessionId, wait: Duration) {
    let domain = context.domain(session);
    context.sleep(wait).await;
    let how = BindOptions::port(DATAGRAMS).ring_len(context.rng.pick(&[208, 1024, 8192]));
    let mut failures = 0;
    let socket = loop {
        match Datagram::bind(&domain, how).await {
            Ok(socket) => break socket,
            Err(error) => check_bind(&context, &error, domain.is_gone()),
        }
        failures += 1;
        if failures == FAILURES || context.is_closing() {
            return;
        }
        context.sleep(context.rng.pause(2_000)).await;
    };
    let here = socket.local_addr();
    context.begin_listening(here);
    loop {
        let next = match select(pin!(socket.receive()), pin!(context.closing())).await {
            Either::Left((Ok(message), _)) => (message.to_bytes(), message.source()),
            Either::Left((Err(RecvError::Gone(_)), _)) if context.is_gone(session) => return,
            Either::Left((Err(error), _)) => panic!("receive: {error:?}"),
            Either::Right(_) => return,
        };
        let (bytes, from) = next;
        context.oracle.stir();
        if !context.is_hostile(from.domain) {
            context.mail.receive(here, &bytes);
        }
        if context.rng.one_in(6) {
            context.sleep(context.rng.pause(3_000)).await;
        }
    }
}

/// Sends some messages, one after the other, to anybody honest.
pub async fn send(context: Rc<Context>, session: SessionId) {
    let domain = context.domain(session);
    context.sleep(context.rng.pause(5_000)).await;
    let socket = match Datagram::bind(&domain, BindOptions::any_port().ring_len(48)).await {
        Ok(socket) => socket,
        Err(error) => return check_bind(&context, &error, domain.is_gone()),
    };
    let me = context.mail.sender();
    for number in 0..context.rng.between(1, 30) {
        let to = DomainId::new(context.rng.pick(&context.domains)).unwrap();
        send_one(&context, session, &socket, (me, number), Address::new(to, DATAGRAMS)).await;
        if domain.is_gone() {
            return;
        }
        if context.rng.one_in(4) {
            context.sleep(context.rng.pause(1_000)).await;
        }
    }
}

async fn send_one(
    context: &Context,
    session: SessionId,
    socket: &Datagram,
    name: Name,
    to: Address,
) {
    let rng = &context.rng;
    let len = rng.between(NAME, rng.pick(&[20, 100, 180, 2000]));
    let (bytes, listening) = (context.mail.write(name, to, len), context.is_listening(to));
    let limit = match !context.plan.generous && rng.one_in(10) {
        true => rng.pause(300),
        false => Duration::from_secs(3600),
    };
    match select(pin!(socket.send_to(&bytes, to)), pin!(context.sleep(limit))).await {
        Either::Left((Ok(sent), _)) => {
            assert_eq!(sent, len);
            context.oracle.stir();
            context.mail.settle(name, Fate::Sent);
        }
        Either::Left((Err(SendError::Gone(_)), _)) => assert!(context.is_gone(session)),
        Either::Left((Err(error), _)) => {
            let allowed = match error {
                SendError::ConnectionRefused { .. } => {
                    !listening || context.has_died(to.domain) || context.is_closing()
                }
                SendError::NoSuchDomain { .. } => context.has_died(to.domain),
                SendError::TooBig { max, .. } => len > max as usize,
                SendError::OutOfMemory(_) => !context.plan.generous,
                _ => false,
            };
            assert!(allowed, "send {name:?} to {to}: {error:?}");
            context.mail.settle(name, Fate::Refused);
        }
        // The answer is abandoned; the message may come all the same.
        Either::Right(_) => {}
    }
}
