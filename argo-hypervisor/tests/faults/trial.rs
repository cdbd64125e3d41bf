//! A call, made with a fault at each of its accesses.

use std::sync::atomic::Ordering::SeqCst;

use argo_core::abi::Op;
use argo_core::{Errno, Port};

use crate::scene::{RING, Scene};
use crate::support::{self, Event, PAGE};

pub type Prepare = fn(&Scene) -> (Op, [u64; 4]);

/// A scene in which the call was made with memory that fails after so many accesses, what it
/// returned, and whether the memory did fail.
fn call_with(prepare: Prepare, good: i64) -> (Scene, i64, bool) {
    let scene = Scene::new();
    let call = prepare(&scene);
    scene.guest(1).memory.good.store(good, SeqCst);
    let answer = scene.call(1, call);
    let failed = scene.guest(1).memory.good.swap(-1, SeqCst) < 0;
    (scene, answer, failed)
}

/// Makes the call with a fault at each of its accesses in turn. `unchanged` is told of each scene
/// after the fault. Gives how many there are.
pub fn at_each_access(prepare: Prepare, unchanged: impl Fn(Scene)) -> u64 {
    let (whole, answer, _) = call_with(prepare, i64::MAX);
    let (after, told) = (whole.state(), whole.engine.events().take());
    assert!(answer >= 0);
    for access in 0.. {
        let (scene, failed_answer, failed) = call_with(prepare, access);
        if !failed {
            assert_eq!(failed_answer, answer);
            effort::ran(access as u64, "accesses of a call to memory, each failed once");
            return access as u64;
        }
        let errno = [Errno::EFAULT, Errno::ENOMEM].into_iter().find(|e| e.ret() == failed_answer);
        assert_eq!(errno.map(|errno| scene.refusals(errno)), Some(1), "access {access}");
        let call = prepare(&scene);
        assert_eq!(scene.call(1, call), answer, "again, after access {access}");
        scene.state().check_is(&after, "again");
        support::same_events(scene.engine.events().take(), told.clone());
        unchanged(call_with(prepare, access).0);
    }
    unreachable!("a call has an end")
}

/// After the fault everything is as before the call.
pub fn nothing_happened(scene: &Scene, prepare: Prepare) {
    let before = Scene::new();
    prepare(&before);
    scene.state().less_free_part().check_is(&before.state().less_free_part(), "before");
    assert_eq!(scene.engine.events().take(), []);
}

/// The rings of the first domain take messages and let senders know of room, as if nothing had
/// been tried.
pub fn rings_go_on(scene: &Scene, prepare: Prepare) {
    let untouched = Scene::new();
    prepare(&untouched);
    let [tried, untouched] = [scene, &untouched].map(|scene| {
        let answers = [scene.send(2, 1, Port(9), &[16]), scene.send(3, 1, Port(7), &[20])];
        scene.poke(1, (RING + 1) * PAGE, &8000u32.to_le_bytes());
        let released = scene.call(1, (Op::Notify, [0; 4]));
        (answers, released, scene.engine.events().take(), scene.state())
    });
    assert_eq!((tried.0, tried.1, &tried.2), (untouched.0, untouched.1, &untouched.2));
    assert!(tried.2.iter().filter(|event| **event == Event::Virq(2)).count() == 2);
    tried.3.check_is(&untouched.3, "going on");
}
