use sha2::{Digest, Sha256};

use super::super::{Cause, Hook, Interrupts, replay};
use super::scripted::Scripted;
use super::trace;

const DOMAIN: &str = r#"{"t":"domain","id":1,"pages":40}"#;
const OP: &str = r#"{"t":"op","dom":1,"cmd":3,"a1":1,"a2":2,"a3":3,"a4":18446744073709551615,"ret":-11,"virq":[1,2,2]}"#;

/// The difference that replaying these records on `world` comes upon, with its line.
fn difference(world: &mut Scripted, records: &[&str]) -> Option<(usize, String, String)> {
    let failure = replay(&trace(records).unwrap(), world).err()?;
    match failure.cause {
        Cause::Mismatch { expected, got } => Some((failure.line, expected, got)),
        Cause::World(error) => panic!("the world broke: {error}"),
    }
}

fn some(line: usize, expected: &str, got: &str) -> Option<(usize, String, String)> {
    Some((line, expected.to_owned(), got.to_owned()))
}

#[test]
fn a_call_reaches_the_world_with_its_registers() {
    let mut world = Scripted::answering(-11, &[1, 2, 2]);
    assert_eq!(difference(&mut world, &[DOMAIN, OP]), None);
    assert_eq!(world.asked, [(1, 3, [1, 2, 3, u64::MAX])]);
}

#[test]
fn the_low_half_of_a_result_counts_signed() {
    for ret in [0xffff_fff5, 0x1234_5678_ffff_fff5, -11] {
        let mut world = Scripted::answering(ret, &[1, 2, 2]);
        assert_eq!(difference(&mut world, &[DOMAIN, OP]), None, "{ret:#x}");
    }
    let mut world = Scripted::answering(11, &[1, 2, 2]);
    let mismatch = some(3, "ret -11, virq [1, 2, 2]", "ret 11, virq [1, 2, 2]");
    assert_eq!(difference(&mut world, &[DOMAIN, OP]), mismatch);
}

#[test]
fn counted_interrupts_are_compared_in_any_order_but_in_number() {
    let mut world = Scripted::answering(-11, &[2, 1, 2]);
    assert_eq!(difference(&mut world, &[DOMAIN, OP]), None);
    for virq in [&[1, 2][..], &[1, 1, 2], &[1, 2, 2, 2], &[]] {
        let mut world = Scripted::answering(-11, virq);
        let got = format!("ret -11, virq {virq:?}");
        let mismatch = some(3, "ret -11, virq [1, 2, 2]", &got);
        assert_eq!(difference(&mut world, &[DOMAIN, OP]), mismatch);
    }
}

#[test]
fn interrupts_as_a_set_are_compared_without_number() {
    let answering = |virq: &[u16]| {
        let interrupts = Interrupts::AsSet;
        Scripted { interrupts, ..Scripted::answering(-11, virq) }
    };
    assert_eq!(difference(&mut answering(&[2, 1, 1]), &[DOMAIN, OP]), None);
    let mismatch = some(3, "ret -11, virq [1, 2]", "ret -11, virq [2]");
    assert_eq!(difference(&mut answering(&[2, 2]), &[DOMAIN, OP]), mismatch);
}

#[test]
fn a_teardown_states_its_interrupts() {
    for kind in ["destroy", "soft_reset"] {
        let record = format!(r#"{{"t":"{kind}","dom":1,"virq":[2]}}"#);
        let mut world = Scripted::answering(0, &[2]);
        assert_eq!(difference(&mut world, &[DOMAIN, &record]), None);
        let mut world = Scripted::answering(0, &[]);
        let mismatch = some(3, "virq [2]", "virq []");
        assert_eq!(difference(&mut world, &[DOMAIN, &record]), mismatch);
    }
}

#[test]
fn writes_are_seen_by_checks() {
    let write = r#"{"t":"write","dom":1,"addr":4097,"hex":"0aff"}"#;
    let good = r#"{"t":"check","dom":1,"addr":4096,"len":4,"hex":"000aff00"}"#;
    let bad = r#"{"t":"check","dom":1,"addr":4096,"len":4,"hex":"000aff01"}"#;
    let mut world = Scripted::answering(0, &[]);
    let mismatch = some(5, "000aff01", "000aff00");
    assert_eq!(difference(&mut world, &[DOMAIN, write, good, bad]), mismatch);
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 130,001 bytes need three accesses of 64 KiB at the most.
#[test]
fn long_fills_and_checks_are_one_piece() {
    let bytes: Vec<u8> =
        (0..130_001_u64).map(|i| (7 * 31 + i * 131 + (i >> 8) * 17).to_le_bytes()[0]).collect();
    let sha256 = hex_digest(&bytes);
    let fill = r#"{"t":"fill","dom":1,"addr":4099,"len":130001,"seed":7}"#;
    let check = |sha256: &str| {
        format!(r#"{{"t":"check","dom":1,"addr":4099,"len":130001,"sha256":"{sha256}"}}"#)
    };
    let mut world = Scripted::answering(0, &[]);
    assert_eq!(difference(&mut world, &[DOMAIN, fill, &check(&sha256)]), None);
    assert_eq!(world.memory[&1][4099..][..130_001], bytes);

    let zeros = "0".repeat(64);
    let zero_memory = hex_digest(&[0; 130_001]);
    let mismatch = some(3, &format!("sha256 {zeros}"), &format!("sha256 {zero_memory}"));
    assert_eq!(difference(&mut world, &[DOMAIN, &check(&zeros)]), mismatch);
}

#[test]
fn the_largest_seed_wraps_as_the_format_counts() {
    let fill = r#"{"t":"fill","dom":1,"addr":4096,"len":2,"seed":18446744073709551615}"#;
    let mut world = Scripted::answering(0, &[]);
    assert_eq!(difference(&mut world, &[DOMAIN, fill]), None);
    // 31 * (2^64 - 1) = -31 modulo 256.
    assert_eq!(world.memory[&1][4096..4098], [225, 100]);
}

#[test]
fn the_policy_is_edited() {
    let mut world = Scripted::answering(0, &[]);
    let deny = r#"{"t":"deny","hook":"register_single_source","src":1,"dst":2}"#;
    let other = r#"{"t":"deny","hook":"enable","src":5}"#;
    let allow = r#"{"t":"allow","hook":"register_single_source","src":1,"dst":2}"#;
    assert_eq!(difference(&mut world, &[deny, other]), None);
    let single = Hook::RegisterSingleSource { src: 1, dst: 2 };
    assert_eq!(world.denied, [single, Hook::Enable { src: 5 }]);
    assert_eq!(difference(&mut world, &[allow]), None);
    assert_eq!(world.denied, [Hook::Enable { src: 5 }]);
}

#[test]
fn a_failure_is_one_block_with_place_expected_and_got() {
    let mut world = Scripted::answering(5, &[]);
    let failure = replay(&trace(&[DOMAIN, OP]).unwrap(), &mut world).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "t.jsonl:3: op dom 1 cmd 3 (sendv) a1 0x1 a2 0x2 a3 0x3 a4 0xffffffffffffffff\n  \
         expected ret -11, virq [1, 2, 2]\n  got      ret 5, virq []"
    );
}

#[test]
fn a_world_that_breaks_ends_the_trace() {
    let mut world = Scripted::answering(0, &[]);
    let trace = trace(&[DOMAIN, r#"{"t":"fill","dom":1,"addr":4096,"len":1,"seed":1}"#]).unwrap();
    replay(&trace, &mut world).unwrap();
    let late = super::super::Trace { entries: trace.entries[1..].to_vec(), ..trace };
    world.memory.clear();
    let failure = replay(&late, &mut world).unwrap_err();
    assert_eq!(failure.line, 3);
    assert!(
        matches!(failure.cause, Cause::World(ref error) if error.to_string() == "the domain is gone")
    );
}
