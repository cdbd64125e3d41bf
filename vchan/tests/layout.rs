//! The shared page's fields lie where Xen's header has them.
use vchan::layout::{GRANTS_OFFSET, MAX_GRANTS};
use vchan::{Flag, Ring, Word};

#[test]
fn words_and_flags_lie_where_the_format_has_them() {
    let words = [
        (Word::cons(Ring::Left), 0),
        (Word::prod(Ring::Left), 4),
        (Word::cons(Ring::Right), 8),
        (Word::prod(Ring::Right), 12),
        (Word::ORDERS, 16),
    ];
    for (word, offset) in words {
        assert_eq!(word.offset(), offset);
    }
    let flags = [Flag::CliLive, Flag::SrvLive, Flag::CliNotify, Flag::SrvNotify];
    assert_eq!(flags.map(Flag::offset), [20, 21, 22, 23]);
}

#[test]
fn the_grant_list_is_bounded() {
    for slot in 0..MAX_GRANTS {
        let offset = Word::grant(slot).map(Word::offset);
        assert_eq!(offset, Some(GRANTS_OFFSET + 4 * usize::from(slot)));
    }
    assert_eq!(Word::grant(MAX_GRANTS), None);
    assert_eq!(Word::grant(u16::MAX), None);
}
