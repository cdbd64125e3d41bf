//! The hypercalls that guests make, and the bytes that they put into their memory for them.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::calls::ANY;
use super::memory::{PAGE, PAGES};

/// A hypercall as its caller prepares it.
#[derive(Clone, Debug)]
pub struct Call {
    form: Form,
    /// Where the argument's structure lies, and what it points to.
    at: u64,
    list: u64,
    /// An argument that is something else instead.
    odd: Option<(usize, u64)>,
}

#[derive(Clone, Debug)]
enum Form {
    Register { name: Name, len: u32, pages: [u64; 3], flags: u64 },
    Unregister { name: Name },
    Send { from: Address, to: Address, iovs: Vec<(u64, u32, u32)>, kind: u32 },
    Notify { entries: Option<Vec<(Address, u32)>> },
    Unknown { cmd: u32 },
}

/// A ring's name: port, partner, padding.
type Name = (u32, u16, u16);
/// Port, domain, padding.
type Address = (u32, u16, u16);

/// What a call is made of.
pub struct Raw {
    pub pokes: Vec<(u64, Vec<u8>)>,
    pub cmd: u32,
    pub args: [u64; 4],
}

impl Call {
    pub fn raw(&self) -> Raw {
        let (at, list) = (self.at, self.list);
        let mut raw = match &self.form {
            Form::Register { name, len, pages, flags } => Raw {
                pokes: vec![
                    (at, [address(*name).as_slice(), &len.to_le_bytes()].concat()),
                    (list, pages.iter().flat_map(|page| page.to_le_bytes()).collect()),
                ],
                cmd: 1,
                args: [at, list, (u64::from(*len) + 64).div_ceil(PAGE), *flags],
            },
            Form::Unregister { name } => {
                Raw { pokes: vec![(at, address(*name))], cmd: 2, args: [at, 0, 0, 0] }
            }
            Form::Send { from, to, iovs, kind } => Raw {
                pokes: vec![
                    (at, [address(*from), address(*to)].concat()),
                    (list, iovs.iter().flat_map(|iov| self::iov(*iov)).collect()),
                ],
                cmd: 3,
                args: [at, list, iovs.len() as u64, u64::from(*kind)],
            },
            Form::Notify { entries: None } => Raw { pokes: vec![], cmd: 4, args: [0; 4] },
            Form::Notify { entries: Some(entries) } => {
                let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
                bytes.extend(entries.iter().flat_map(|entry| self::entry(*entry)));
                Raw { pokes: vec![(at, bytes)], cmd: 4, args: [at, 0, 0, 0] }
            }
            Form::Unknown { cmd } => Raw { pokes: vec![], cmd: *cmd, args: [at, list, 0, 0] },
        };
        if let Some((which, value)) = self.odd {
            raw.args[which] = value;
        }
        raw
    }
}

fn address((port, domain, pad): Address) -> Vec<u8> {
    [port.to_le_bytes().as_slice(), &domain.to_le_bytes(), &pad.to_le_bytes()].concat()
}

fn iov((at, len, pad): (u64, u32, u32)) -> Vec<u8> {
    [at.to_le_bytes().as_slice(), &len.to_le_bytes(), &pad.to_le_bytes()].concat()
}

/// Flags, padding and the largest message are what the guest left there.
fn entry((ring, space): (Address, u32)) -> Vec<u8> {
    [address(ring).as_slice(), &[0xEE; 4], &space.to_le_bytes(), &[0xDD; 4]].concat()
}

pub fn call() -> impl Strategy<Value = Call> {
    let place = |usual: u64| prop_oneof![30 => Just(usual), 1 => odd_place()];
    let odd = weighted(0.04, (0..4usize, odd_word()));
    (form(), place(PAGE), place(PAGE + 0x100), odd).prop_map(|(form, at, list, odd)| Call {
        form,
        at,
        list,
        odd,
    })
}

/// A registration that is as it should be.
pub fn opening() -> impl Strategy<Value = Call> {
    sane_ring().prop_map(|form| Call { form, at: PAGE, list: PAGE + 0x100, odd: None })
}

/// A small message to where a ring is likely to be, as many send them.
pub fn flooding() -> impl Strategy<Value = Call> {
    (0..40u32, any::<u32>()).prop_map(|(len, kind)| {
        let form =
            Form::Send { from: (1, ANY, 0), to: (1, 1, 0), iovs: vec![(2 * PAGE, len, 0)], kind };
        Call { form, at: PAGE, list: PAGE + 0x100, odd: None }
    })
}

/// Who waits is told of room.
pub fn telling() -> impl Strategy<Value = Call> {
    Just(Call { form: Form::Notify { entries: None }, at: 0, list: 0, odd: None })
}

fn sane_ring() -> impl Strategy<Value = Form> {
    let partner = prop_oneof![3 => Just(ANY), 1 => 1..=2u16];
    let len = select(vec![48, 64, 96, 208, 208, 400, 4048]);
    (partner, len, [3..=5u64, 3..=5, 3..=5]).prop_map(|(partner, len, pages)| Form::Register {
        name: (1, partner, 0),
        len,
        pages,
        flags: 0,
    })
}

fn form() -> impl Strategy<Value = Form> {
    let pages = || prop_oneof![30 => 3..=5u64, 1 => select(vec![0, 1, 2, 6, 7, 8, u64::MAX])];
    let pages = [pages(), pages(), pages()];
    let flags = prop_oneof![10 => Just(0), 2 => Just(1), 1 => select(vec![2, 3, 1 << 31])];
    let kind = any::<u32>();
    let entries = vec((reached(), space()), 0..4);
    prop_oneof![
        3 => sane_ring(),
        3 => (name(), ring_len(), pages, flags)
            .prop_map(|(name, len, pages, flags)| Form::Register { name, len, pages, flags }),
        1 => name().prop_map(|name| Form::Unregister { name }),
        14 => (sender(), reached(), vec(iovec(), 0..4), kind)
            .prop_map(|(from, to, iovs, kind)| Form::Send { from, to, iovs, kind }),
        6 => weighted(0.7, entries).prop_map(|entries| Form::Notify { entries }),
        1 => select(vec![0, 5, 39, u32::MAX]).prop_map(|cmd| Form::Unknown { cmd }),
    ]
}

fn port() -> impl Strategy<Value = u32> {
    prop_oneof![16 => Just(1), 3 => 2..=3u32, 1 => select(vec![0, 0x8000_0000, u32::MAX])]
}

fn pad() -> impl Strategy<Value = u16> {
    prop_oneof![60 => Just(0), 1 => select(vec![1, 0x8000])]
}

/// Some of them are not there.
fn id() -> impl Strategy<Value = u16> {
    prop_oneof![24 => 1..=2u16, 6 => 3..=6u16, 1 => select(vec![0, 7, 0x7FEF, 0x7FF0, 0x7FF5, 0xFFFF])]
}

fn name() -> impl Strategy<Value = Name> {
    (port(), prop_oneof![1 => Just(ANY), 1 => id()], pad())
}

/// Who it says it is: mostly nobody in particular.
fn sender() -> impl Strategy<Value = Address> {
    (port(), prop_oneof![12 => Just(ANY), 1 => id()], pad())
}

fn reached() -> impl Strategy<Value = Address> {
    (port(), prop_oneof![30 => id(), 1 => Just(ANY)], pad())
}

fn ring_len() -> impl Strategy<Value = u32> {
    let odd = vec![0, 32, 47, 56, 16_777_152, 16_777_168, 16_777_216, 16_777_232, u32::MAX - 15];
    prop_oneof![
        8 => select(vec![48, 64, 96, 208]),
        3 => select(vec![4016, 4032, 4048, 8128, 8144]),
        1 => select(odd),
    ]
}

/// A piece of the payload.
fn iovec() -> impl Strategy<Value = (u64, u32, u32)> {
    let at = prop_oneof![20 => 2 * PAGE..3 * PAGE, 2 => 3 * PAGE..6 * PAGE, 1 => odd_place()];
    let len = prop_oneof![
        12 => 0..24u32,
        2 => 40..200u32,
        1 => 200..4100u32,
        1 => select(vec![(1 << 24) - 33, (1 << 24) - 32, (1 << 24) - 31, u32::MAX]),
    ];
    (at, len, prop_oneof![60 => Just(0), 1 => Just(1u32)])
}

fn space() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => 0..70u32,
        3 => select(vec![16, 32, 64, 176, 177, 4000]),
        1 => select(vec![(1 << 24) - 32, (1 << 24) - 31, u32::MAX - 14, u32::MAX]),
    ]
}

/// Page 0, a border of the memory, or beyond it.
fn odd_place() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => PAGES * PAGE - 80..PAGES * PAGE + 4,
        1 => 1..PAGE,
        1 => (u64::MAX - 20)..=u64::MAX,
        1 => 3 * PAGE..6 * PAGE,
        1 => Just(0),
    ]
}

fn odd_word() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => 0..10u64,
        2 => select(vec![4096, 4097, u64::from(u32::MAX), 1 << 32, (1 << 32) + 1, u64::MAX]),
        1 => odd_place(),
    ]
}

/// Registers rings until no quota allows more.
pub fn fill() -> impl Iterator<Item = Call> {
    (10..15).map(|port| Call {
        form: Form::Register { name: (port, ANY, 0), len: 48, pages: [3; 3], flags: 1 },
        at: PAGE,
        list: PAGE + 0x100,
        odd: None,
    })
}
