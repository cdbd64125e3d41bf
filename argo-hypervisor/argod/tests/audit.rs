//! The audit stream of a running argod: each refusal with its cause, and readers that are slow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use argod::admin::{Request, Standing};
use argod::audit::{Check, Event, Judged, Operation, Record};
use common::raw::Raw;
use common::tool::{failure, plain, run, text};
use common::*;
use serde_json::Value;

/// Sends are refused by a rule, by its twin without a comment, or by none.
fn system(audit: &str) -> String {
    let domains = ["a", "b", "c"].into_iter().zip(1..);
    let domains: String = domains
        .map(|(name, id)| format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"64KiB\"\n"))
        .collect();
    format!(
        "wildcard_rings = true\n{audit}\n{domains}
         [[policy]]\nhook = 'enable'\nfrom = 'any'\n
         [[policy]]\nhook = 'register_any_source'\nfrom = 'b'\n
         [[policy]]\nhook = 'send'\nfrom = 'a'\nto = 'b'\naction = 'deny'\ncomment = 'no mail'\n
         [[policy]]\nhook = 'send'\nfrom = 'b'\nto = 'a'\naction = 'deny'\n"
    )
}

/// A connection to the audit socket.
struct Reader(BufReader<UnixStream>);

impl Reader {
    fn of(argod: &Argod) -> Self {
        let stream = UnixStream::connect(argod.path("audit.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn next(&mut self) -> Record {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn judged(&mut self) -> Judged {
        match self.next().event {
            Event::Refused(judged) => judged,
            other => panic!("not a refusal: {other:?}"),
        }
    }
}

/// From whom, to whom, by which rule with which comment.
type Cause<'j> = (u16, Option<u16>, Option<(u32, Option<&'j str>)>);

fn cause(judged: &Judged) -> Cause<'_> {
    let rule = judged.rule.as_ref().map(|rule| (rule.number, rule.comment.as_deref()));
    (judged.from.id, judged.to.map(|to| to.id), rule)
}

#[test]
fn a_reader_sees_each_refusal_with_its_cause() {
    let argod = Argod::start(&system("[audit]"));
    let mut early = Reader::of(&argod);
    let [a, b, c] = ["a", "b", "c"].map(|name| argod.attach(name));
    assert_eq!(send(&a, 9, (2, 7), b"x"), Errno::EACCES.ret());
    assert_eq!(send(&b, 9, (1, 7), b"x"), Errno::EACCES.ret());
    assert_eq!(send(&c, 9, (1, 7), b"x"), Errno::EACCES.ret());
    assert_eq!(register(&c, 7, DOMID_ANY, 4096), Errno::EACCES.ret());
    assert_eq!(register(&c, 7, 1, 4096), Errno::EACCES.ret());
    let mut late = Reader::of(&argod);
    for reader in [&mut early, &mut late] {
        let first = reader.judged();
        assert_eq!(cause(&first), (1, Some(2), Some((3, Some("no mail")))));
        assert_eq!((first.hook, first.errno), (Check::Send, Some(Errno::EACCES)));
        let rule = first.rule.unwrap();
        assert_eq!(rule.file, argod.path("argod.toml").display().to_string());
        let written = std::fs::read_to_string(&rule.file).unwrap();
        assert_eq!(written.lines().nth(rule.line as usize - 1).unwrap().trim(), "[[policy]]");
        assert_eq!(cause(&reader.judged()), (2, Some(1), Some((4, None))));
        assert_eq!(cause(&reader.judged()), (3, Some(1), None));
        let any = reader.judged();
        assert_eq!((any.hook, cause(&any)), (Check::RegisterAnySource, (3, None, None)));
        let single = reader.judged();
        assert_eq!(
            (single.hook, cause(&single)),
            (Check::RegisterSingleSource, (3, Some(1), None))
        );
    }
}

#[test]
fn attachments_and_administrators_are_told_by_whom() {
    let argod = Argod::start(&system("[audit]"));
    let mut reader = Reader::of(&argod);
    let own = std::process::id() as i32;
    let (_, said) = Raw::refusal_of(&argod.socket("a"), b"?");
    match reader.next().event {
        Event::AttachRefused { domain, by, reason } => {
            assert_eq!((domain.id, by.unwrap().pid), (1, own));
            assert!(said.contains(&reason), "{said} is not {reason}");
        }
        other => panic!("{other:?}"),
    }
    let mut admin = argod.admin();
    let d = "id = 4\nname = \"d\"\nram = \"64KiB\"\n".to_owned();
    admin.request::<Value>(&Request::Create { file: None, domain: d.clone() }).unwrap();
    admin.request::<Value>(&Request::Create { file: None, domain: d }).unwrap_err();
    admin.request::<Value>(&Request::SoftReset { domain: "4".into() }).unwrap();
    admin.request::<Value>(&Request::Destroy { domain: "d".into() }).unwrap();
    let rules = |text: &str| Request::Policy {
        file: "new.toml".into(),
        text: text.into(),
        standing: Standing::Cut,
    };
    admin.request::<Value>(&rules("")).unwrap();
    admin.request::<Value>(&rules("[[policy]]\nhook = 1")).unwrap_err();
    argod.stat();

    use Operation::{Create, Destroy, Policy, SoftReset};
    let expected = [
        (Create, "d", None),
        (Create, "d", Some("there is a domain 4 already")),
        (SoftReset, "4", None),
        (Destroy, "d", None),
        (Policy, "new.toml", None),
        (Policy, "new.toml", Some("new.toml:1:1: ")),
    ];
    for (operation, target, error) in expected {
        match reader.next().event {
            Event::Admin { operation: done, target: on, by, error: why } => {
                assert_eq!((done, on.as_str(), by.unwrap().pid), (operation, target, own));
                assert_eq!(why.is_some(), error.is_some());
                assert!(why.is_none_or(|why| why.contains(error.unwrap())), "{operation:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn port_rules_tell_what_they_refuse_put_off_and_if_wished_allow() {
    let ports = "[[port]]\nfrom = 'a'\nto = 'b'\nto_port = 7\nmessages_per_second = 1\nlog = true\n\
                 [[port]]\nfrom = 'a'\nto = 'b'\nto_port = 8\naction = 'deny'\ncomment = 'closed'\n";
    let argod = Argod::start(&format!(
        "wildcard_rings = true\n[audit]\n\
         [[domain]]\nid = 1\nname = 'a'\nram = '1MiB'\n[[domain]]\nid = 2\nname = 'b'\nram = '1MiB'\n\
         [[policy]]\nhook = 'any'\nfrom = 'any'\nto = 'any'\n{ports}"
    ));
    let mut reader = Reader::of(&argod);
    let (a, b) = (argod.attach("a"), argod.attach("b"));
    assert_eq!(common::register(&b, 7, 1, 4096), 0);
    let sent = [7, 7, 8, 9].map(|port| common::send(&a, 5, (2, port), b"hello"));
    assert_eq!(sent, [5, Errno::EAGAIN.ret(), Errno::EPERM.ret(), Errno::EPERM.ret()]);
    let mut told = || {
        let (kind, judged) = match reader.next().event {
            Event::Allowed(judged) => ("allowed", judged),
            Event::Throttled(judged) => ("throttled", judged),
            Event::Refused(judged) => ("refused", judged),
            other => panic!("{other:?}"),
        };
        assert_eq!((judged.hook, judged.from.id, judged.from_port), (Check::Port, 1, Some(5)));
        let rule = judged.rule.map(|rule| (rule.number, rule.comment.clone()));
        (kind, judged.to_port, judged.errno, rule)
    };
    assert_eq!(told(), ("allowed", Some(7), None, Some((1, None))));
    assert_eq!(told(), ("throttled", Some(7), Some(Errno::EAGAIN), Some((1, None))));
    let closed = Some((2, Some("closed".to_owned())));
    assert_eq!(told(), ("refused", Some(8), Some(Errno::EPERM), closed));
    assert_eq!(told(), ("refused", Some(9), Some(Errno::EPERM), None));
}

/// Far more than fits into its socket and its queue: the guest is served on, and the reader hears
/// in the end of each refusal, as a record or as a number.
#[test]
fn a_reader_that_does_not_read_costs_nobody_anything_and_is_told_what_it_lost() {
    const REFUSALS: u64 = 40_000;
    let argod = Argod::start(&system("[audit]\nhistory = 1"));
    let mut reader = Reader::of(&argod);
    let mut others: Vec<_> = (0..2).map(|_| Reader::of(&argod)).collect();
    let a = argod.attach("a");
    assert_eq!(send(&a, 9, (2, 7), b"x"), Errno::EACCES.ret());
    assert_eq!(cause(&reader.judged()).0, 1, "it reads until here");
    others.iter_mut().for_each(|other| drop(other.next()));

    let begun = Instant::now();
    let call = send_call(&a, 9, (2, 7), 1);
    for _ in 0..REFUSALS {
        assert_eq!(a.call(&call).unwrap(), Errno::EACCES.ret());
    }
    assert!(begun.elapsed() < 3 * PATIENCE, "refusals took {:?}", begun.elapsed());

    let (mut seen, mut told, mut losses) = (1, 1, 0);
    while told < REFUSALS + 1 {
        match reader.next() {
            Record { event: Event::Lost { count }, .. } => {
                (told, losses) = (told + count, losses + 1)
            }
            Record { seq, event: Event::Refused(_), .. } => {
                (seen, told) = (seen + 1, told + 1);
                assert_eq!(seq, Some(told), "in the place where they are missing");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(losses > 0 && seen > 4096 && seen < REFUSALS, "{losses} losses, {seen} seen");
}

#[test]
fn the_history_is_bounded_and_there_may_be_none() {
    for history in [0, 1, 10] {
        let argod = Argod::start(&system(&format!("[audit]\nhistory = {history}")));
        let a = argod.attach("a");
        for _ in 0..11 {
            send(&a, 9, (2, 7), b"x");
        }
        let mut reader = Reader::of(&argod);
        for seq in 12 - history..12 {
            assert_eq!(reader.next().seq, Some(seq));
        }
        send(&a, 9, (2, 7), b"x");
        argod.signal("TERM");
        // What was refused later, if it had become a reader by then, and nothing from before.
        let rest = std::iter::from_fn(|| Some(reader.line()).filter(|line| !line.is_empty()));
        let rest: Vec<_> = rest.collect();
        let is_late = |line: &String| line.contains("\"seq\":12") || line.contains("is stopping");
        assert!(rest.len() <= 1 && rest.iter().all(is_late), "{rest:?}");
    }
}

#[test]
fn a_fifth_reader_is_told_why_it_may_not_read_and_may_when_another_leaves() {
    let argod = Argod::start(&system("[audit]"));
    let a = argod.attach("a");
    send(&a, 9, (2, 7), b"x");
    let mut readers: Vec<_> = (0..4).map(|_| Reader::of(&argod)).collect();
    readers.iter_mut().for_each(|reader| assert_eq!(reader.next().seq, Some(1)));
    let mut fifth = Reader::of(&argod);
    assert_eq!(
        fifth.line(),
        "{\"error\":\"4 others are reading already, and there may be no more\"}\n"
    );
    assert_eq!(fifth.line(), "", "the connection has ended");
    let audit = argod.path("audit.sock").display().to_string();
    let tool = || run(plain(&["audit", "--audit", &audit, "--count", "1"]), b"");
    let (status, said) = failure(&tool());
    assert_eq!(status, Some(1));
    assert!(said.contains("4 others are reading already"), "{said}");
    readers.pop();
    wait_until("there is room for another", || tool().status.success());
}

#[test]
fn the_tool_shows_lines_for_people_and_for_programs() {
    let argod = Argod::start(&system("[audit]"));
    send(&argod.attach("a"), 9, (2, 7), b"x");
    send(&argod.attach("c"), 9, (2, 7), b"x");
    let tool = |format| {
        let mut tool = plain(&["audit", "--count", "2", "--format", format]);
        tool.env("ARGO_AUDIT", argod.path("audit.sock"));
        text(&run(tool, b"").stdout)
    };
    let human = tool("human");
    let lines: Vec<_> = human.lines().map(|line| &line["12:03:04.123456 ".len()..]).collect();
    let file = argod.path("argod.toml").display().to_string();
    let by_rule = format!("refused EACCES a(1) -> b(2) by send rule 3 ({file}:25): \"no mail\"");
    assert_eq!(lines, [&*by_rule, "refused EACCES c(3) -> b(2): no send rule allows it"]);
    let json = tool("json");
    let records: Vec<Record> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.iter().map(Record::to_string).collect::<Vec<_>>().join("\n") + "\n", human);
}

#[test]
fn a_daemon_that_stops_lets_readers_finish() {
    let mut argod = Argod::start(&system("[audit]"));
    let mut reader = Reader::of(&argod);
    let a = argod.attach("a");
    send(&a, 9, (2, 7), b"x");
    assert_eq!(reader.next().seq, Some(1), "from now on it is a reader");
    send(&a, 9, (2, 7), b"x");
    argod.signal("TERM");
    assert_eq!(reader.next().seq, Some(2));
    assert_eq!(reader.line(), "");
    assert!(argod.process.wait().unwrap().success());
    assert!(!exists(&argod.path("audit.sock")));
}

#[test]
fn the_socket_is_for_whom_the_configuration_says() {
    let argod = Argod::start(&system("[audit]\nmode = \"0640\""));
    let mode = |name| std::fs::metadata(argod.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("audit.sock"), 0o640);
    let argod = Argod::start(&system("[audit]"));
    let mode = |name| std::fs::metadata(argod.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("audit.sock"), 0o600);
    let mut argod = Argod::start(&system(""));
    assert!(!exists(&argod.path("audit.sock")));
    let a = argod.attach("a");
    assert_eq!(send(&a, 9, (2, 7), b"x"), Errno::EACCES.ret());
    assert_eq!(argod.stat().refusals[0].count, 1, "counted all the same");
    let audit = argod.path("audit.sock").display().to_string();
    let (status, said) = failure(&run(plain(&["audit", "--audit", &audit]), b""));
    assert!(status == Some(1) && said.contains("has argod an [audit] section?"), "{said}");
    argod.signal("TERM");
    assert!(argod.process.wait().unwrap().success());
}
