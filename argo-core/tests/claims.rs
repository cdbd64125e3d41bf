//! What a guest says is checked at its bounds and one past them.
#![forbid(unsafe_code)]

use argo_core::abi::{DOMID_ANY, Iov, PAYLOAD_MAX};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::errno::decode_ret;
use argo_core::{DomainId, Errno, Partner};

#[test]
fn ring_lengths() {
    for legal in [48, 64, 4032, 0xFF_FFF0, 0x100_0000] {
        assert_eq!(RingLen::check(legal).map(RingLen::bytes), Ok(legal));
    }
    for bad in [0, 32, 47, 49, 0x100_0010, 0xFFFF_FFF0, u32::MAX] {
        assert_eq!(RingLen::check(bad), Err(Errno::EINVAL), "{bad:#x}");
    }
    let pages = |len| RingLen::check(len).map(RingLen::pages);
    assert_eq!([4032, 4048].map(pages), [Ok(1), Ok(2)], "the header counts");
    assert_eq!([16_777_152, 0x100_0000].map(pages), [Ok(4096), Ok(4097)]);
}

#[test]
fn payloads_add_up_in_the_order_of_their_pieces() {
    let piece = |iov_len, pad| Iov { iov_hnd: 0, iov_len, pad };
    let of = |pieces: &[Iov]| PayloadLen::of(pieces).map(PayloadLen::bytes);
    assert_eq!(of(&[]), Ok(0));
    assert_eq!(of(&[piece(PAYLOAD_MAX - 1, 0), piece(0, 0), piece(1, 0)]), Ok(PAYLOAD_MAX));
    assert_eq!(of(&[piece(PAYLOAD_MAX, 0), piece(1, 0), piece(0, 7)]), Err(Errno::EMSGSIZE));
    assert_eq!(of(&[piece(1, 7), piece(PAYLOAD_MAX, 0)]), Err(Errno::EINVAL));
    assert_eq!(of(&[piece(PAYLOAD_MAX + 1, 0)]), Err(Errno::EINVAL));
    assert_eq!(of(&[piece(u32::MAX, 0); 8]), Err(Errno::EINVAL));
}

#[test]
fn partners() {
    assert_eq!(Partner::from_raw(DOMID_ANY), Some(Partner::Any));
    let last = DomainId::LIMIT - 1;
    assert_eq!(Partner::from_raw(last), DomainId::new(last).map(Partner::Domain));
    for reserved in (DomainId::LIMIT..=u16::MAX).filter(|id| *id != DOMID_ANY) {
        assert_eq!(Partner::from_raw(reserved), None, "{reserved:#x}");
    }
}

#[test]
fn errors_and_their_numbers() {
    for errno in Errno::ALL {
        assert_eq!(Errno::from_number(errno.number()), Some(*errno));
        assert_eq!(decode_ret(errno.ret()), Err(*errno));
        assert!(errno.ret() < 0);
    }
    assert_eq!(decode_ret(0), Ok(0));
    assert_eq!(decode_ret(PAYLOAD_MAX.into()), Ok(PAYLOAD_MAX));
}
