//! Orders: which the server chooses, which pairs are legal, and where the rings lie then.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use proptest::prelude::*;
use vchan::layout::{MAX_GRANTS, PAGE_SIZE};
use vchan::{Geometry, GeometryError, MinimumTooBig, Place, Ring};

fn chosen(left: usize, right: usize) -> (u16, u16) {
    let geometry = Geometry::for_minimums(left, right).unwrap();
    (geometry.order(Ring::Left).value(), geometry.order(Ring::Right).value())
}

/// The illegal pairs inside 10..=20, spelled out by hand from the format.
fn expected_error(left: u16, right: u16) -> Option<GeometryError> {
    match (left, right) {
        (10, 10) => Some(GeometryError::SamePlace { order: 10, offset: 1024 }),
        (11, 11) => Some(GeometryError::SamePlace { order: 11, offset: 2048 }),
        (10, 20) => Some(overlap(Ring::Left)),
        (20, 10) => Some(overlap(Ring::Right)),
        _ => None,
    }
}

fn overlap(ring: Ring) -> GeometryError {
    GeometryError::GrantsOverlap { ring, offset: 1024, grants: 256, list_end: 1048 }
}

#[test]
fn every_pair_of_orders_is_legal_or_refused_with_its_numbers() {
    for left in 10..=20 {
        for right in 10..=20 {
            let geometry = Geometry::new(left, right);
            assert_eq!(geometry.err(), expected_error(left, right), "{left}, {right}");
        }
    }
}

#[test]
fn orders_outside_the_format_are_refused() {
    for order in [0, 9, 21, 32, u16::MAX] {
        let left = GeometryError::Order { ring: Ring::Left, order };
        assert_eq!(Geometry::new(order, 12), Err(left));
        let right = GeometryError::Order { ring: Ring::Right, order };
        assert_eq!(Geometry::new(12, order), Err(right));
    }
}

#[test]
fn in_a_legal_pair_nothing_overlaps() {
    for (left, right) in (10..=20).flat_map(|left| (10..=20).map(move |right| (left, right))) {
        let Ok(geometry) = Geometry::new(left, right) else { continue };
        let mut taken = vec![false; PAGE_SIZE];
        claim(&mut taken, 0, geometry.grant_list_end());
        let mut next_grant = 0;
        for ring in [Ring::Left, Ring::Right] {
            let size = geometry.order(ring).size();
            match geometry.place(ring) {
                Place::InPage { offset } => claim(&mut taken, offset, size),
                Place::Granted { first, pages } => {
                    assert_eq!(first, next_grant);
                    assert_eq!(usize::from(pages) * PAGE_SIZE, size as usize);
                    next_grant += pages;
                }
            }
        }
        assert_eq!(geometry.grants(), next_grant);
        assert!(next_grant <= MAX_GRANTS);
    }
}

fn claim(taken: &mut [bool], offset: u32, len: u32) {
    for byte in &mut taken[offset as usize..][..len as usize] {
        assert!(!*byte, "two users of a byte in {offset}+{len}");
        *byte = true;
    }
}

#[test]
fn places_are_those_of_the_format() {
    let in_page = Geometry::new(10, 11).unwrap();
    assert_eq!(in_page.place(Ring::Left), Place::InPage { offset: 1024 });
    assert_eq!(in_page.place(Ring::Right), Place::InPage { offset: 2048 });
    let pages = Geometry::new(13, 20).unwrap();
    assert_eq!(pages.place(Ring::Left), Place::Granted { first: 0, pages: 2 });
    assert_eq!(pages.place(Ring::Right), Place::Granted { first: 2, pages: 256 });
    assert_eq!(pages.grant_list_end(), 24 + 4 * 258);
}

#[test]
fn the_server_chooses_as_the_c_library() {
    assert_eq!(chosen(0, 0), (10, 11));
    assert_eq!(chosen(1024, 2048), (10, 11));
    assert_eq!(chosen(1025, 1024), (11, 10));
    assert_eq!(chosen(2048, 1025), (11, 12));
    assert_eq!(chosen(2048, 4097), (11, 13));
    assert_eq!(chosen(1, 2049), (11, 12));
    assert_eq!(chosen(2049, 1), (12, 11));
    assert_eq!(chosen(4096, 8193), (12, 14));
    assert_eq!(chosen(1 << 20, 1 << 20), (20, 20));
}

#[test]
fn a_minimum_above_the_largest_ring_is_refused() {
    let minimum = (1 << 20) + 1;
    let refused = |ring, minimum| Err(MinimumTooBig { ring, minimum, maximum: 1 << 20 });
    assert_eq!(Geometry::for_minimums(minimum, 1), refused(Ring::Left, minimum));
    assert_eq!(Geometry::for_minimums(1, minimum), refused(Ring::Right, minimum));
    assert_eq!(Geometry::for_minimums(usize::MAX, 1), refused(Ring::Left, usize::MAX));
}

proptest! {
    #[test]
    fn a_choice_is_legal_and_large_enough(left in 0usize..=1 << 20, right in 0usize..=1 << 20) {
        let geometry = Geometry::for_minimums(left, right).unwrap();
        prop_assert!(geometry.order(Ring::Left).size() as usize >= left);
        prop_assert!(geometry.order(Ring::Right).size() as usize >= right);
        prop_assert_eq!(Geometry::from_word(geometry.to_word()), Ok(geometry));
    }

    #[test]
    fn any_word_of_orders_is_answered(word: u32) {
        if let Ok(geometry) = Geometry::from_word(word) {
            prop_assert_eq!(geometry.to_word(), word);
        }
    }
}
