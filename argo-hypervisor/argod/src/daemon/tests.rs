//! Threads that the kernel refuses to cage.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use argo_guest::services::Services;
use tempfile::TempDir;

use super::admin::AdminServer;
use super::doors::Doors;
use super::host::Host;
use super::machines::Machines;
use super::{Cage, Class, Config, Daemon, Passed};

const DOMAIN: &str = "[[domain]]\nid = 1\nname = \"guest\"\nram = \"1MiB\"\n";

fn daemon_without(class: Class) -> (Daemon, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("runtime_dir = {:?}\n{DOMAIN}", dir.path());
    let config = Config::parse("test", &text).unwrap();
    let (passed, doors) = (Passed::default(), Arc::new(Doors::Own));
    let admin = AdminServer::open(&config.admin, &passed, &doors).unwrap();
    let machines = Machines::prepare(&config).unwrap();
    let host = Host::new(config, passed, doors, Cage::refused_to(class), machines).unwrap();
    (Daemon::serve(Arc::new(host), admin, None).unwrap(), dir)
}

#[test]
fn a_thread_that_all_depend_on_stops_the_daemon_with_an_error() {
    for (class, thread) in [(Class::Worker, ""), (Class::Undertaker, "undertaker")] {
        let (daemon, _dir) = daemon_without(class);
        let error = daemon.join().unwrap_err().to_string();
        assert!(error.starts_with(thread) && error.contains("cannot be caged"), "{error}");
    }
}

#[test]
fn a_thread_of_one_domain_serves_nobody() {
    for class in [Class::Attach, Class::Desk] {
        let (daemon, dir) = daemon_without(class);
        // It may be taken, and then hear that it is over.
        let served = Services::attach(dir.path().join("guest.sock"))
            .map_err(|error| error.to_string())
            .and_then(|services| services.is_allocated(1).map_err(|error| error.to_string()));
        println!("{class:?}: {served:?}");
        assert!(served.is_err(), "{class:?}");
        drop(daemon);
    }
}
