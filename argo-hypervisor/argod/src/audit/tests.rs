use std::collections::BTreeSet;

use argo_core::policy::Hook;
use serde_json::Value;

use super::*;

const PAGE: &str = include_str!("../../../../docs/audit.md");

/// What stands in the page's blocks of this language, line by line.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(fence.as_str()).skip(1);
    blocks.flat_map(|rest| rest.split("```").next().unwrap().lines()).collect()
}

fn examples() -> Vec<Record> {
    blocks("json").into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_documented_records_are_what_is_written() {
    let written = examples().into_iter().map(|record| serde_json::to_string(&record).unwrap());
    assert_eq!(written.collect::<Vec<_>>(), blocks("json"));
}

#[test]
fn the_documented_lines_are_what_people_read() {
    let shown = examples().into_iter().map(|record| record.to_string());
    assert_eq!(shown.collect::<Vec<_>>(), blocks("text"));
}

fn fields(value: &Value, found: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        found.insert(key.clone());
        fields(value, found);
    }
}

/// A kind that is added is missed by the match; its words and fields by the page.
#[test]
fn every_kind_field_and_word_is_documented() {
    let mut expected = BTreeSet::new();
    for record in examples() {
        let value = serde_json::to_value(&record).unwrap();
        fields(&value, &mut expected);
        expected.insert(value["kind"].as_str().unwrap().to_owned());
        match record.event {
            Event::Refused(_) | Event::Throttled(_) | Event::Allowed(_) => {}
            Event::AttachRefused { .. } | Event::Admin { .. } | Event::Lost { .. } => {}
        }
    }
    use Operation::{Create, Destroy, Detach, Policy, SoftReset, Start, Stop};
    let operations = [Create, Destroy, SoftReset, Start, Stop, Detach, Policy];
    let word = |value: Value| value.as_str().unwrap().to_owned();
    expected.extend(operations.map(|one| word(serde_json::to_value(one).unwrap())));
    let checks = Hook::ALL.into_iter().map(Check::from).chain([Check::Port, Check::Store]);
    expected.extend(checks.map(|one| word(serde_json::to_value(one).unwrap())));
    assert_eq!(expected.iter().filter(|name| examples_have_kind(name)).count(), 6);
    for name in expected {
        assert!(PAGE.contains(&format!("`{name}`")), "docs/audit.md says nothing about {name}");
    }
}

fn examples_have_kind(name: &str) -> bool {
    blocks("json").iter().any(|line| line.contains(&format!("\"kind\":\"{name}\"")))
}

#[test]
fn names_of_checks_and_operations_are_the_same_for_people_and_programs() {
    for check in Hook::ALL.into_iter().map(Check::from).chain([Check::Port, Check::Store]) {
        assert_eq!(serde_json::to_value(check).unwrap(), check.name());
    }
    use Operation::{Create, Destroy, Detach, Policy, SoftReset, Start, Stop};
    for operation in [Create, Destroy, SoftReset, Start, Stop, Detach, Policy] {
        assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
    }
}

#[test]
fn without_a_stream_only_the_refuser_is_remembered() {
    let audit = Audit::default();
    audit.refused(Some(3), || unreachable!("nobody would read it"));
    assert_eq!(take_refuser(), Some(Refuser { rule: Some(3) }));
    assert_eq!(take_refuser(), None);
    audit.publish(|| unreachable!("nobody would read it"));
}

#[test]
fn names_are_kept_whole_up_to_the_longest() {
    let longest = "n".repeat(32);
    assert_eq!(Name::new(&longest).as_str(), longest);
    assert_eq!(Name::new(&(longest.clone() + "o")).as_str(), longest);
    assert_eq!(Name::new(&("n".repeat(31) + "ö")).as_str(), "n".repeat(31));
}
