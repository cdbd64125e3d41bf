//! What client and server exchange.

use super::Mishap;

/// Bytes of a numbered message.
pub(super) const NUMBERED_LEN: usize = 64;

const GREETING: u8 = b'g';
const NUMBERED: u8 = b'n';
const END: u8 = b'e';

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Something to say.
    Greeting(String),
    /// The measured ones: a number, and bytes that follow from it.
    Numbered(u64),
    /// No more will come.
    End,
}

impl Message {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Greeting(text) => [&[GREETING], text.as_bytes()].concat(),
            Self::Numbered(number) => numbered(*number).to_vec(),
            Self::End => vec![END],
        }
    }

    /// Fails if any byte is not what it was.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Mishap> {
        match bytes {
            [GREETING, text @ ..] => Ok(Self::Greeting(String::from_utf8(text.to_vec())?)),
            [END] => Ok(Self::End),
            [NUMBERED, a, b, c, d, e, f, g, h, ..] => {
                let number = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                let intact = bytes == numbered(number);
                if intact { Ok(Self::Numbered(number)) } else { Err("a damaged message".into()) }
            }
            _ => Err("not a message".into()),
        }
    }
}

fn numbered(number: u64) -> [u8; NUMBERED_LEN] {
    // Any bytes will do that differ much from one number to the next.
    let pattern = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    let mut bytes = std::array::from_fn(|index| pattern[index % 8]);
    bytes[0] = NUMBERED;
    bytes[1..9].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_damage_is_seen() {
        for message in [Message::Greeting("hello".into()), Message::Numbered(7), Message::End] {
            assert_eq!(Message::parse(&message.to_bytes()).unwrap(), message);
        }
        for index in 0..NUMBERED_LEN {
            let mut bytes = Message::Numbered(7).to_bytes();
            bytes[index] ^= 1;
            assert!(Message::parse(&bytes).is_err(), "byte {index}");
        }
        assert!(Message::parse(&Message::Numbered(7).to_bytes()[..63]).is_err());
    }
}
