use std::path::Path;

use super::super::{
    Check, Content, Entry, Hook, MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_LIVE_PAGES, Op, Record, Trace,
    TraceError,
};
use super::{SYSTEM, trace};

const DOMAIN: &str = r#"{"t":"domain","id":1,"pages":4,"ro":[2]}"#;

/// Reads records after a domain on line 2 and answers the error: line, expected, found.
fn refusal(records: &[&str]) -> (usize, String, String) {
    match trace(&[&[DOMAIN], records].concat()) {
        Err(TraceError::Malformed { line, found, expected, .. }) => (line, expected, found),
        other => panic!("{records:?} read as {other:?}"),
    }
}

#[track_caller]
fn refuses(record: &str, expected: &str, found: &str) {
    assert_eq!(refusal(&[record]), (3, expected.to_owned(), found.to_owned()), "{record}");
}

#[test]
fn records_are_read_exactly_and_keep_their_line() {
    let op = r#"{"t":"op","dom":1,"cmd":4294967295,"a1":18446744073709551615,"a2":9007199254740993,"a3":0,"a4":1,"ret":-95,"virq":[1,3,3]}"#;
    let read = trace(&[
        DOMAIN,
        op,
        r#"{"t":"check","dom":1,"addr":4096,"len":2,"hex":"00fe"}"#,
        r#"{"t":"allow","hook":"send","src":1,"dst":32751}"#,
    ]);
    let entries = read.unwrap().entries;
    let at = |line, record| Entry { line, record };
    let virq = vec![1, 3, 3];
    let args = [u64::MAX, (1 << 53) + 1, 0, 1];
    let content = Content::Bytes(vec![0, 0xfe]);
    assert_eq!(
        entries,
        [
            at(2, Record::Domain { id: 1, pages: 4, ro: vec![2] }),
            at(3, Record::Op(Op { dom: 1, cmd: u32::MAX, args, ret: -95, virq })),
            at(4, Record::Check(Check { dom: 1, addr: 4096, len: 2, content })),
            at(5, Record::Allow(Hook::Send { src: 1, dst: 32751 })),
        ]
    );
}

#[test]
fn the_first_record_is_the_system() {
    let first = |line: &str| match Trace::parse(Path::new("t"), line.as_bytes()) {
        Err(TraceError::Malformed { line: 1, found, expected, .. }) => (expected, found),
        other => panic!("{line:?} read as {other:?}"),
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(first(DOMAIN), pair("first record \"system\"", "first record \"domain\""));
    let two = SYSTEM.replace(":1,", ":2,");
    let expected = "\"version\": a whole number from 1 to 1";
    assert_eq!(first(&two), pair(expected, "\"version\": 2"));
    assert_eq!(first("").0, "one JSON object");
    assert_eq!(first("{}"), pair("first key \"t\"", "an empty object"));
    assert_eq!(refusal(&[SYSTEM]).2, "record \"system\"");
}

#[test]
fn keys_must_be_the_ones_of_the_record() {
    let known = "deny, allow, domain, write, fill, op, destroy, soft_reset or check";
    refuses(r#"{"t":"reset","dom":1}"#, known, "record \"reset\"");
    refuses(r#"{"dom":1,"t":"op"}"#, "first key \"t\"", "first key \"dom\"");
    refuses(
        r#"{"t":"write","dom":1,"addr":4096,"hex":"","x":1}"#,
        "no further key in this record",
        "key \"x\"",
    );
    refuses(r#"{"t":"destroy","dom":1}"#, "key \"virq\"", "no key \"virq\"");
    refuses(r#"{"t":"destroy","dom":1,"dom":1,"virq":[]}"#, "each key once", "\"dom\" twice");
    let hooks = "enable, register_any_source, register_single_source or send";
    refuses(r#"{"t":"deny","hook":"sent","src":1,"dst":1}"#, hooks, "hook \"sent\"");
    refuses(r#"{"t":"deny","hook":"send","src":1}"#, "key \"dst\"", "no key \"dst\"");
    assert_eq!(refusal(&[r#"{"t":"deny","hook":"enable","src":1,"dst":1}"#]).2, "key \"dst\"");
}

#[test]
fn lines_must_be_one_object_of_utf_8() {
    assert_eq!(refusal(&["[1]"]).1, "one JSON object");
    assert_eq!(refusal(&["{\"t\":\"op\"} {}"]).1, "one JSON object");
    assert_eq!(refusal(&["", DOMAIN]).1, "one JSON object");
    let bytes = [SYSTEM.as_bytes(), b"\n{\"t\":\"\xff\"}\n"].concat();
    let error = Trace::parse(Path::new("t.jsonl"), &bytes).unwrap_err();
    assert!(
        matches!(error, TraceError::Malformed { line: 2, ref expected, .. } if expected == "UTF-8")
    );
}

#[test]
fn a_record_cut_off_anywhere_is_refused() {
    let op = r#"{"t":"op","dom":1,"cmd":1,"a1":1,"a2":2,"a3":3,"a4":4,"ret":0,"virq":[1]}"#;
    assert_eq!(trace(&[DOMAIN, op]).unwrap().entries.len(), 2);
    for end in 1..op.len() {
        assert_eq!(refusal(&[&op[..end]]).0, 3, "{}", &op[..end]);
    }
}

#[test]
fn numbers_keep_to_their_bounds() {
    let id = "\"dom\": a domain id below 0x7FF0";
    refuses(r#"{"t":"destroy","dom":32752,"virq":[]}"#, id, "\"dom\": 32752");
    refuses(r#"{"t":"destroy","dom":-1,"virq":[]}"#, id, "\"dom\": -1");
    refuses(r#"{"t":"destroy","dom":1.0,"virq":[]}"#, id, "\"dom\": 1.0");
    refuses(r#"{"t":"destroy","dom":"1","virq":[]}"#, id, "\"dom\": \"1\"");
    let virq = "\"virq\": domain ids below 0x7FF0, ascending";
    refuses(r#"{"t":"destroy","dom":1,"virq":[2,1]}"#, virq, "\"virq\": [2,1]");
    let any = "\"seed\": a whole number from 0 to 18446744073709551615";
    let fill = r#"{"t":"fill","dom":1,"addr":4096,"len":1,"seed":18446744073709551616}"#;
    refuses(fill, any, "\"seed\": 1.8446744073709552e+19");
    let op =
        r#"{"t":"op","dom":1,"cmd":1,"a1":0,"a2":0,"a3":0,"a4":0,"ret":-2147483649,"virq":[]}"#;
    refuses(op, "\"ret\": a whole number of 32 bits with a sign", "\"ret\": -2147483649");
}

#[test]
fn bytes_are_lower_case_hex() {
    for hex in ["0", "0A", "zz", "é", " 00"] {
        let record = format!(r#"{{"t":"write","dom":1,"addr":4096,"hex":"{hex}"}}"#);
        assert_eq!(refusal(&[&record]).1, "\"hex\": whole bytes in lower-case hex", "{hex}");
    }
}

#[test]
fn a_check_states_its_content_once_and_in_full() {
    let check = |len, content: &str| {
        let record = format!(r#"{{"t":"check","dom":1,"addr":4096,"len":{len}{content}}}"#);
        let (line, expected, found) = refusal(&[&record]);
        assert_eq!(line, 3);
        (expected, found)
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(check(1, ""), pair("\"hex\" or \"sha256\"", "no content"));
    let both = r#","hex":"00","sha256":"00""#;
    assert_eq!(check(1, both).1, "\"hex\" and \"sha256\"");
    assert_eq!(check(1, r#","hex":"0000""#), pair("1 bytes, as \"len\"", "\"hex\" of 2 bytes"));
    assert_eq!(check(64, r#","sha256":"00""#), pair("\"hex\"", "\"sha256\" of 64 bytes"));
    assert_eq!(check(65, r#","hex":"00""#), pair("\"sha256\"", "\"hex\" for 65 bytes"));
    let short = pair("\"sha256\" of 32 bytes", "\"sha256\" of 1 bytes");
    assert_eq!(check(65, r#","sha256":"00""#), short);
    assert_eq!(check(0, r#","hex":"""#).1, "\"len\": 0");
}

#[test]
fn accesses_stay_within_ordinary_memory() {
    let fill = |addr: u64, len: u64| {
        format!(r#"{{"t":"fill","dom":1,"addr":{addr},"len":{len},"seed":0}}"#)
    };
    assert!(trace(&[DOMAIN, &fill(4096, 4096), &fill(12288, 4096)]).is_ok());
    for (addr, len) in [(4095, 1), (12288, 4097), (16384, 1), (u64::MAX, 2), (0, u64::MAX)] {
        assert_eq!(refusal(&[&fill(addr, len)]).1, "bytes within 0x1000..0x4000", "{addr} {len}");
    }
    for (addr, len) in [(4096, 4097), (8192, 1), (12287, 1), (4096, 12288)] {
        assert_eq!(refusal(&[&fill(addr, len)]).1, "bytes off page 2, which is \"ro\"");
    }
}

#[test]
fn records_speak_of_living_domains() {
    let destroy = r#"{"t":"destroy","dom":1,"virq":[]}"#;
    assert!(trace(&[DOMAIN, destroy, DOMAIN, destroy]).is_ok());
    refuses(DOMAIN, "an id not in use", "domain 1, which exists");
    assert_eq!(refusal(&[destroy, destroy]).0, 4);
    let reset = r#"{"t":"soft_reset","dom":2,"virq":[]}"#;
    refuses(reset, "a domain that exists", "domain 2, unknown");
    let ro = r#"{"t":"domain","id":2,"pages":4,"ro":[4]}"#;
    refuses(ro, "\"ro\": a list, each item a whole number from 0 to 3", "\"ro\": [4]");
}

#[test]
fn memory_lines_and_files_are_bounded() {
    let domain = |id, pages| format!(r#"{{"t":"domain","id":{id},"pages":{pages}}}"#);
    let rest = MAX_LIVE_PAGES - 4;
    assert!(trace(&[DOMAIN, &domain(2, rest)]).is_ok());
    assert_eq!(refusal(&[&domain(2, rest), &domain(3, 1)]).0, 4);
    assert_eq!(refusal(&[&domain(2, MAX_LIVE_PAGES + 1)]).0, 3);

    let padded = |len: usize| format!("{}{}", domain(2, 1), " ".repeat(len - domain(2, 1).len()));
    assert!(trace(&[DOMAIN, &padded(MAX_LINE_BYTES)]).is_ok());
    let long = "a line of 1048577 bytes";
    refuses(&padded(MAX_LINE_BYTES + 1), "at most 1048576 bytes", long);

    let huge = vec![b'\n'; MAX_FILE_BYTES as usize + 1];
    let error = Trace::parse(Path::new("t.jsonl"), &huge).unwrap_err();
    assert!(matches!(error, TraceError::TooLong { .. }));
}

#[test]
fn long_or_odd_text_is_cut_in_errors() {
    let long = "x\u{9b}".repeat(1000);
    for record in
        [format!(r#"{{"t":"{long}"}}"#), format!(r#"{{"{long}":1}}"#), format!("\"{long}\"")]
    {
        let (_, _, found) = refusal(&[&record]);
        assert!(found.contains("…") && found.len() < 120, "{found}");
        assert!(!found.contains('\u{9b}'), "{found}");
    }
}
