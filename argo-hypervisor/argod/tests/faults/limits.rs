//! argod started within limits that it cannot start in, or can only just.

use crate::trial::{Start, Trial};

/// As many descriptors as the program is started with, and more than it needs.
const DESCRIPTORS: std::ops::Range<u32> = 4..48;
/// KiB of address space: too little to load the program, and enough.
const ADDRESS_SPACE: [u32; 13] = [
    12_000, 14_000, 16_000, 18_000, 20_000, 22_000, 24_000, 28_000, 32_000, 40_000, 48_000,
    100_000, 500_000,
];

#[test]
fn with_too_few_descriptors_argod_says_so_or_serves_as_many_as_it_can() {
    let trial = Trial::new();
    let served = DESCRIPTORS.filter(|limit| serves_within(&trial, *limit)).count();
    assert!(served > 0 && served < DESCRIPTORS.len(), "{served}");
    effort::ran(DESCRIPTORS.len() as u64, "starts of argod with few descriptors");
}

fn serves_within(trial: &Trial, descriptors: u32) -> bool {
    println!("{descriptors} descriptors");
    match trial.start(trial.shell(&format!("ulimit -n {descriptors}"))) {
        Start::Serves(mut argod) => {
            // Whatever there is no descriptor for, argod stops as it should.
            let attached = trial.attach("left");
            trial.stops(&mut argod);
            attached.is_ok()
        }
        ended => trial.is_whole(ended),
    }
}

#[test]
fn without_memory_argod_ends_and_leaves_nothing_that_the_next_one_stumbles_over() {
    let trial = Trial::new();
    let mut served = 0;
    for limit in ADDRESS_SPACE {
        println!("{limit} KiB");
        match trial.start(trial.shell(&format!("ulimit -v {limit}"))) {
            Start::Serves(_) => served += 1,
            // A Rust program without memory for its own ends at once, as a panic ends a thread that
            // has just begun; the loader says it in its own words.
            Start::Ended { status, said } => {
                assert!(status != Some(0) && !said.is_empty(), "{status:?}: {said}");
            }
        }
        assert!(trial.is_whole(trial.start(trial.shell(""))), "the next one serves");
    }
    assert!(served > 0 && served < ADDRESS_SPACE.len(), "{served}");
    effort::ran(ADDRESS_SPACE.len() as u64, "starts of argod with little address space");
}

#[test]
fn where_no_file_may_grow_attachments_are_refused_and_the_log_is_lost() {
    let trial = Trial::new();
    // In half KiB: room for the first lines of the log.
    let start = trial.start(trial.shell("ulimit -f 8"));
    let Start::Serves(mut argod) = start else { panic!("argod does not serve") };
    for _ in 0..10 {
        let Err(error) = trial.attach("left") else { panic!("attached") };
        assert!(error.contains("sizing of"), "{error}");
    }
    trial.stops(&mut argod);
}
