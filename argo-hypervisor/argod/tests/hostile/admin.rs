//! Administrators who do not keep to the protocol: they are trusted, and still harm nobody.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use argod::admin::LINE_MAX;

use crate::common::PATIENCE;
use crate::common::scene::Scene;

/// As many as argod serves at a time.
const ADMINISTRATORS: usize = 16;

#[test]
fn half_a_line_changes_nothing() {
    let scene = Scene::start();
    let mut stream = connect(&scene);
    stream.write_all(b"{\"op\":\"destroy\",\"domain\":\"guilty\"}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "no answer");
    assert_eq!(scene.argod.domain("guilty").name, "guilty");
    scene.closes();
}

#[test]
fn a_line_without_end_is_not_kept() {
    let scene = Scene::start();
    let mut stream = connect(&scene);
    let chunk = vec![b'x'; 1 << 20];
    let mut written = 0;
    let error = loop {
        match stream.write(&chunk) {
            Ok(more) => written += more as u64,
            Err(error) => break error,
        }
        assert!(written < 4 * LINE_MAX, "argod reads on and on");
    };
    assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    drop(stream);
    scene.closes();
}

#[test]
fn garbage_is_answered_and_the_next_line_served() {
    let scene = Scene::start();
    let mut stream = BufReader::new(connect(&scene));
    let deep = "[".repeat(100_000);
    let unknown = r#"{"op":"format_the_disk"}"#;
    let more = r#"{"op":"destroy","domain":"guilty","really":true}"#;
    for line in ["", "garbage", "{}", "\0\0", unknown, more, &deep] {
        let answer = ask(&mut stream, line);
        assert!(answer.starts_with("{\"error\":\"not a request: "), "{answer}");
    }
    let broken = r#"{"op":"create","domain":"id = 3\nname = \"guilty\"\nram = \"1MiB\""}"#;
    assert!(ask(&mut stream, broken).starts_with("{\"error\":"));
    let answer = ask(&mut stream, r#"{"op":"stat"}"#);
    assert!(answer.starts_with("{\"ok\":{") && answer.contains("guilty"), "{answer}");
    stream.get_mut().write_all(b"\xff\xfe\n").unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "no text, no connection");
    drop(stream);
    scene.closes();
}

#[test]
fn an_administrator_that_never_reads_holds_nobody_up() {
    let scene = Scene::start();
    let mut stream = connect(&scene);
    stream.set_nonblocking(true).unwrap();
    let mut requests = 0;
    loop {
        match stream.write(b"{\"op\":\"stat\"}\n") {
            Ok(_) => requests += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        assert!(requests < 1_000_000, "argod buffers all answers");
    }
    assert_eq!(scene.argod.domain("guilty").name, "guilty", "others are served");
    drop(scene.guilty());
    drop(stream);
    scene.closes();
}

#[test]
fn too_many_administrators_are_turned_away() {
    let scene = Scene::start();
    let mut first: Vec<_> = (0..ADMINISTRATORS).map(|_| BufReader::new(connect(&scene))).collect();
    for stream in &mut first {
        assert!(ask(stream, r#"{"op":"stat"}"#).starts_with("{\"ok\":"));
    }
    for _ in 0..50 {
        let mut more = connect(&scene);
        let answer = more.read(&mut [0; 1]);
        assert!(matches!(answer, Ok(0)), "{answer:?}");
    }
    drop(scene.guilty());
    drop(first);
    crate::common::wait_until("there is room for administrators again", || {
        let mut stream = BufReader::new(connect(&scene));
        let mut answer = String::new();
        let asked = stream.get_mut().write_all(b"{\"op\":\"stat\"}\n");
        asked.is_ok() && stream.read_line(&mut answer).is_ok_and(|read| read > 0)
    });
    scene.closes();
}

fn connect(scene: &Scene) -> UnixStream {
    let stream = UnixStream::connect(scene.argod.path("admin.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(stream: &mut BufReader<UnixStream>, line: &str) -> String {
    stream.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_line(&mut answer).unwrap();
    answer
}
