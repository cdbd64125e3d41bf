//! The policy's file cannot be read when argod is to read it anew.

use std::fs;
use std::os::unix::fs::symlink;

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use argod::admin::{AdminError, Reloaded, Request};

use crate::common::{Argod, open_system, register, send};

#[test]
fn a_policy_that_cannot_be_read_leaves_the_earlier_one_in_force() {
    let argod = Argod::start(&open_system(&[(1, "left"), (2, "right")]));
    let [left, right] = ["left", "right"].map(|name| argod.attach(name));
    assert_eq!(register(&right, 7, DOMID_ANY, 65536), 0);
    let config = argod.path("argod.toml");
    let strict = fs::read_to_string(&config).unwrap() + DENY_SENDING;
    let strict = strict.replacen("[[policy]]", &format!("{DENY_SENDING}[[policy]]"), 1);

    let unreadable: [(&str, &dyn Fn()); 4] = [
        ("gone", &|| fs::remove_file(&config).unwrap()),
        ("a folder", &|| fs::create_dir(&config).unwrap()),
        ("a disk that fails", &|| symlink("/proc/self/mem", &config).unwrap()),
        ("half written", &|| fs::write(&config, &strict[..strict.len() / 2]).unwrap()),
    ];
    for (what, make) in unreadable {
        if fs::remove_file(&config).is_err() {
            let _ = fs::remove_dir(&config);
        }
        if what == "gone" {
            fs::write(&config, &strict).unwrap();
        }
        make();
        let error = reload(&argod).expect_err(what);
        println!("{what}: {error}");
        assert!(error.contains("argod.toml"), "{what}: {error}");
        assert_eq!(send(&left, 7, (2, 7), b"allowed"), 7, "{what}");
    }
    fs::write(&config, &strict).unwrap();
    reload(&argod).unwrap();
    assert_eq!(send(&left, 7, (2, 7), b"refused"), Errno::EACCES.ret());
}

const DENY_SENDING: &str =
    "[[policy]]\nhook = \"send\"\nfrom = \"left\"\nto = \"any\"\naction = \"deny\"\n";

fn reload(argod: &Argod) -> Result<Reloaded, String> {
    argod.admin().request(&Request::Reload).map_err(|error| match error {
        AdminError::Refused(text) => text,
        other => panic!("{other}"),
    })
}
