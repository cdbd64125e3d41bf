#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::claims::Claims;
use super::execution::{Ending, execute};
use super::page;
use super::plan::{Answers, Plan, Step};
use super::report::{Report, Verdict};
use super::root;

/// Nothing on the page but its results comes from anywhere else than the claims, and none fails.
#[test]
fn the_page_is_what_the_claims_say() {
    let claims = Claims::read(&root().join("xtask/assurance.toml")).unwrap();
    let page = fs::read_to_string(root().join("docs/assurance.md")).unwrap();
    let results = results(&page);
    let part = |name| page::split(&page, name).unwrap()[1].trim();
    let tables = page::tables(&claims, &results);
    same(part("claims"), tables.trim());
    same(part("unchecked"), page::unchecked(&claims).trim());
    for claim in claims.iter() {
        let expected: &[_] =
            if claim.checks.is_empty() { &["not checked"] } else { &["pass", "not checked"] };
        let result = results[claim.id.as_str()];
        assert!(expected.contains(&result), "{}: {result}", claim.id);
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let refused = |text: &str| read(text).err().unwrap().to_string();
    let claim = |id: &str, rest: &str| {
        format!("[[section.claim]]\nid = '{id}'\nclaim = ''\nthreat = ''\nmechanism = ''\n{rest}\n")
    };
    let section = |claims: &str| format!("[[section]]\ntitle = ''\n{claims}");
    let why = "unchecked = 'nobody can'";
    let twice = section(&(claim("a", why) + &claim("a", why)));
    assert!(refused(&twice).contains("two claims have the id \"a\""));
    assert!(refused(&section(&claim("a", ""))).contains("neither checks nor `unchecked`"));
    let tool = section(&claim("a", "checks = ['tool:none']"));
    assert!(refused(&tool).contains("tool \"none\""));
    let check = section(&claim("a", "checks = ['engine::test']"));
    assert!(refused(&check).contains("expected SUITE/TARGET::TEST or tool:NAME"));
}

#[test]
fn a_claim_is_chosen_by_the_beginning_of_its_id() {
    let claims = read(SOME).unwrap();
    let ids = |chosen: &[&str]| {
        let chosen: Vec<_> = chosen.iter().map(ToString::to_string).collect();
        let claims = claims.chosen(&chosen)?;
        Ok::<_, super::Error>(claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>())
    };
    assert_eq!(ids(&[]).unwrap().len(), 4);
    assert_eq!(ids(&["pass", "op"]).unwrap(), ["passes", "open"]);
    assert!(ids(&["pass", "stray"]).unwrap_err().to_string().contains("\"stray\""));
}

/// A step for each suite and tool, whichever claims name it.
#[test]
fn each_suite_and_tool_is_run_once() {
    let claims = read(SOME).unwrap();
    let shown = |only_tools| {
        let plan = Plan::new(&claims, only_tools);
        plan.steps().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let engine = "cargo test --no-fail-fast -p engine --test calls --lib \
                  -- --show-output --exact bad good lost missing";
    let models = "FLAG=\"1\" cargo test --no-fail-fast -p modelled --release --test ring \
                 -- --show-output --exact whole";
    assert_eq!(shown(false), [engine, models, "true"]);
    assert_eq!(shown(true), ["true"]);
}

#[test]
fn a_claim_is_worth_what_its_worst_check_is() {
    let claims = read(SOME).unwrap();
    let output = "     Running tests/calls.rs (target/debug/deps/calls-0123456789abcdef)\n\
                  checked: 40 histories\n\
                  test good ... ok\n\
                  test bad ... FAILED\n\
                  test lost ... ok\n\
                  ---- lost stdout ----\n\
                  not checked: no such device\n\
                  checked: 2 histories";
    let mut report = Report::default();
    let plan = Plan::new(&claims, false);
    for step in plan.steps() {
        let output = match &step.answers {
            Answers::Tests { suite, .. } if suite == "engine" => output,
            Answers::Tests { .. } => {
                "Running tests/ring.rs (target/release/deps/ring-0123456789abcdef)\n\
                 test whole - should panic ... ok"
            }
            Answers::Tool(_) => "",
        };
        report.add(told(step, output, Ending::Success));
    }
    let found: BTreeMap<_, _> = claims
        .verdicts(&report)
        .into_iter()
        .map(|(claim, found)| (claim.id.clone(), found))
        .collect();
    let failed = ["engine/calls::bad", "engine/lib::missing: there is no such test"];
    assert_eq!(found["passes"], Verdict::Pass);
    assert_eq!(found["fails"], Verdict::Fail(failed.map(String::from).into()));
    let open = "engine/calls::lost: no such device";
    assert_eq!(found["open"], Verdict::NotChecked(vec![open.into()]));
    assert_eq!(found["bare"], Verdict::NotChecked(vec!["nobody can".into()]));
    assert_eq!(report.ran().collect::<Vec<_>>(), [(42, "histories")]);
}

#[test]
fn what_a_command_says_and_how_it_ends_is_seen() {
    let run = |program: &str| {
        let text = format!(
            "[tool.tried]\nrun = ['sh', '-c', '{program}']\n[[section]]\ntitle = ''\n\
             [[section.claim]]\nid = 'a'\nclaim = ''\nthreat = ''\nmechanism = ''\n\
             checks = ['tool:tried']"
        );
        let claims = read(&text).unwrap();
        let plan = Plan::new(&claims, false);
        let mut report = Report::default();
        report.add(execute(&plan.steps()[0], Path::new("/"), None).unwrap());
        claims.verdicts(&report).remove(0).1
    };
    assert_eq!(run("true"), Verdict::Pass);
    assert_eq!(run("false"), Verdict::Fail(vec!["tool:tried".into()]));
    let open = Verdict::NotChecked(vec!["tool:tried: no compiler".into()]);
    assert_eq!(run("echo not checked: no compiler"), open);
}

/// Line by line, since a table is too much to read.
fn same(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "`cargo xtask assurance` writes the page anew");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// The result that the page states for each claim.
fn results(page: &str) -> BTreeMap<&str, &str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (id, rest) = row.split_once('`').unwrap();
        (id, rest.strip_suffix(" |").unwrap().rsplit("| ").next().unwrap())
    })
    .collect()
}

/// A program may end badly without any test that failed: nothing that it said counts then.
#[test]
fn a_suite_that_ends_badly_shows_nothing() {
    let claims = read(SOME).unwrap().chosen(&["open".into()]).unwrap();
    let plan = Plan::new(&claims, false);
    let step = &plan.steps()[0];
    let output =
        "Running tests/calls.rs (target/debug/deps/calls-0123456789abcdef)\ntest lost ... ok";
    let verdict = |ending| {
        let mut report = Report::default();
        report.add(told(step, output, ending));
        claims.verdicts(&report).remove(0).1.word()
    };
    let endings = [Ending::Success, Ending::Failure, Ending::OutOfTime];
    assert_eq!(endings.map(verdict), ["pass", "fail", "fail"]);
}

fn told<'p>(step: &'p Step, output: &str, ending: Ending) -> super::execution::Execution<'p> {
    super::execution::Execution {
        step,
        lines: output.lines().map(String::from).collect(),
        ending,
        took: std::time::Duration::ZERO,
    }
}

fn read(text: &str) -> Result<Claims, super::Error> {
    Claims::parse(text, Path::new("claims.toml"))
}

const SOME: &str = "
[suite.models]
package = 'modelled'
arguments = ['--release']
environment = { FLAG = '1' }
[tool.some]
run = ['true']

[[section]]
title = 'Some'
[[section.claim]]
id = 'passes'
claim = ''
threat = ''
mechanism = ''
checks = ['engine/calls::good', 'models/ring::whole', 'tool:some']
[[section.claim]]
id = 'fails'
claim = ''
threat = ''
mechanism = ''
checks = ['engine/calls::good', 'engine/calls::bad', 'engine/calls::lost', 'engine/lib::missing']
[[section.claim]]
id = 'open'
claim = ''
threat = ''
mechanism = ''
checks = ['engine/calls::lost']
[[section.claim]]
id = 'bare'
claim = ''
threat = ''
mechanism = ''
unchecked = 'nobody can'
";
