//! An administrator at work while argod is attacked: each request is done, and soon.

use std::time::{Duration, Instant};

use argod::admin::{Changed, Reloaded, Request};

use crate::common::Argod;
use crate::common::rng::Rng;
use crate::scene::{ACCOMPLICE, attacker_table};

const MALLORY: &str = "mallory";
const OTHER: &str = "accomplice";

/// What an administrator did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub requests: u64,
    /// Domains that were made anew.
    pub made: u64,
    pub slowest: Duration,
}

/// Works until then, with a pause after each request.
pub fn work(argod: &Argod, end: Instant, mut rng: Rng) -> Work {
    let mut done = Work::default();
    while Instant::now() < end {
        let begun = Instant::now();
        match rng.below(40) {
            0 => {
                make_anew(argod);
                done.made += 1;
            }
            _ => request(argod, &mut rng),
        }
        done.requests += 1;
        done.slowest = done.slowest.max(begun.elapsed());
        std::thread::sleep(Duration::from_millis(rng.below(100) as u64));
    }
    done
}

fn make_anew(argod: &Argod) {
    let mut admin = argod.admin();
    let mut change = |request: Request| admin.request::<Changed>(&request).unwrap();
    change(Request::Destroy { domain: OTHER.into() });
    let made = change(Request::Create { file: None, domain: attacker_table(OTHER) });
    assert_eq!(made.id, ACCOMPLICE);
}

fn request(argod: &Argod, rng: &mut Rng) {
    let mut admin = argod.admin();
    let mut change = |request| drop(admin.request::<Changed>(&request).unwrap());
    match rng.below(6) {
        0 => change(Request::SoftReset { domain: MALLORY.into() }),
        1 => change(Request::Detach { domain: MALLORY.into(), pid: None }),
        2 | 3 => {
            // The same policy as before: nobody loses anything by it.
            let Reloaded { rings_cut, waits_ended, channels_cut, .. } =
                admin.request(&Request::Reload).unwrap();
            assert_eq!((rings_cut, waits_ended, channels_cut), (0, 0, 0));
        }
        _ => drop(argod.stat()),
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.made += other.made;
        self.slowest = self.slowest.max(other.slowest);
    }
}
