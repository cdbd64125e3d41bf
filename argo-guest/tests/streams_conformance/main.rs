//! The Linux driver's exchanges with a raw peer, recorded on Xen, replayed: our library in the
//! driver's place, and the driver as recorded as the peer of our library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has to stop"
)]

mod blocking_calls;
mod datagrams;
mod differences;
mod driver;
mod expected;
mod link;
mod names;
mod payload;
mod peer;
mod peer_acts;
mod raw;
mod replay;
mod session;
mod stream_calls;
mod trace;
mod waiting;
mod watched;

use trace::{Evidence, Scenario};

/// The scenarios that were played, not only read, and whose names begin with one of these letters.
fn played(letters: &str) -> Vec<Scenario> {
    let mut scenarios = trace::scenarios();
    scenarios.retain(|scenario| {
        !scenario.steps.is_empty()
            && differences::not_applicable(&scenario.id).is_none()
            && scenario.id.starts_with(|letter| letters.contains(letter))
    });
    assert!(!scenarios.is_empty());
    scenarios
}

fn play(letters: &str, replay: impl Fn(&Scenario) -> Result<(), String>) {
    let scenarios = played(letters);
    let faults: Vec<String> = scenarios.iter().filter_map(|one| replay(one).err()).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), scenarios.len(), faults.join("\n"));
}

#[test]
fn in_the_drivers_place_connecting() {
    play("ae", replay::replay);
}

#[test]
fn in_the_drivers_place_accepting() {
    play("bcd", replay::replay);
}

#[test]
fn in_the_drivers_place_with_full_rings() {
    play("f", replay::replay);
}

#[test]
fn in_the_drivers_place_with_datagrams() {
    play("g", replay::replay);
}

#[test]
fn in_the_drivers_place_in_odd_states() {
    play("hijyz", replay::replay);
}

#[test]
fn with_the_recorded_driver_as_connector_or_acceptor() {
    play("abcd", peer::replay);
}

#[test]
fn with_the_recorded_driver_in_odd_states() {
    play("efijyz", peer::replay);
}

#[test]
fn every_scenario_is_accounted_for() {
    let scenarios = trace::scenarios();
    assert_eq!(scenarios.len(), 73);
    for Scenario { id, evidence, steps, .. } in &scenarios {
        let listed = differences::not_applicable(id);
        let is_played = !steps.is_empty() && listed.is_none();
        assert!(is_played || listed.is_some(), "{id} falls through");
        // What was only read is said to be so.
        assert!(*evidence == Evidence::Ran || listed == Some(differences::READ_NOT_RUN), "{id}");
    }
    for (named, _) in differences::reasons() {
        assert!(scenarios.iter().any(|scenario| scenario.id == named), "{named} is not recorded");
    }
}

#[test]
fn every_difference_is_in_the_deviations() {
    let page = include_str!("../../../docs/deviations.md");
    for (id, why) in differences::reasons() {
        let row = page.lines().find(|line| line.starts_with(&format!("| {why} |")));
        let row = row.unwrap_or_else(|| panic!("{why} is not in docs/deviations.md"));
        let named = row.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == id);
        assert!(named, "{id} is not in the row of {why}");
    }
}
