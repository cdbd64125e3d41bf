//! Debian's own programs, unmodified.

use std::io::{BufRead, BufReader};

use super::common::{Argod, Killed};
use super::shim::{argod, is_missing, over_ours, succeeds};

fn run(argod: &Argod, domain: &str, line: &str) -> String {
    let mut words = line.split(' ');
    let mut command = over_ours(argod, domain, format!("xenstore-{}", words.next().unwrap()));
    command.args(words);
    succeeds(command)
}

fn fails(argod: &Argod, domain: &str, line: &str) -> String {
    let mut words = line.split(' ');
    let mut command = over_ours(argod, domain, format!("xenstore-{}", words.next().unwrap()));
    let output = command.args(words).output().unwrap();
    assert!(!output.status.success(), "{line}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn values_are_written_read_listed_and_removed() {
    if is_missing(&["xenstore-read", "cc"]) {
        return;
    }
    let argod = argod();
    assert_eq!(run(&argod, "one", "read domid name"), "1\none\n");
    run(&argod, "one", "write data/a/b hello data/c word");
    assert_eq!(run(&argod, "one", "read data/a/b"), "hello\n");
    assert_eq!(run(&argod, "one", "list data"), "a\nc\n");
    let all = "data/a = \"\"\ndata/a/b = \"hello\"\ndata/c = \"word\"\n";
    assert_eq!(run(&argod, "one", "ls -f data"), all);
    run(&argod, "one", "exists data/a");
    fails(&argod, "one", "exists data/d");
    run(&argod, "one", "rm data/a");
    assert_eq!(run(&argod, "one", "list data"), "c\n");
    assert!(fails(&argod, "one", "read data/a").contains("couldn't read path data/a"));
}

#[test]
fn permissions_hold_between_domains() {
    if is_missing(&["xenstore-chmod", "cc"]) {
        return;
    }
    let argod = argod();
    run(&argod, "one", "write data/x secret");
    let path = "/local/domain/1/data/x";
    fails(&argod, "two", &format!("read {path}"));
    run(&argod, "one", "chmod data/x n1 r2");
    assert_eq!(run(&argod, "two", &format!("read {path}")), "secret\n");
    fails(&argod, "two", &format!("write {path} mine"));
    assert!(run(&argod, "one", "ls -p data").contains("(n1,r2)"));
    fails(&argod, "one", "write name other");
}

#[test]
fn a_watch_tells_of_changes() {
    if is_missing(&["xenstore-watch", "cc"]) {
        return;
    }
    let argod = argod();
    let mut watch = over_ours(&argod, "one", "stdbuf");
    let mut watch =
        Killed(watch.args(["-oL", "xenstore-watch", "-n", "3", "data"]).spawn().unwrap());
    let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "data");
    run(&argod, "one", "write data/a 1");
    assert_eq!(next(), "data/a");
    run(&argod, "one", "rm data/a");
    assert_eq!(next(), "data/a");
    assert!(watch.0.wait().unwrap().success());
}
