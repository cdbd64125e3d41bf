//! `argoctl policy`, the program: what it prints and how it ends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::Argod;
use common::tool::ARGOCTL;
use tempfile::TempDir;

const DOMAINS: &str = r#"
[[domain]]
id = 1
name = "client"
ram = "1MiB"
[[domain]]
id = 2
name = "server"
ram = "1MiB"
"#;

const HOOKS: &str = "policy = [{ hook = \"any\", from = \"any\", to = \"any\" }]\n";

fn port(port: &str) -> String {
    format!("[[port]]\nfrom = \"client\"\nto = \"server\"\nto_port = {port}\nreply = true\n")
}

/// A folder with configurations in it.
struct Site(TempDir);

impl Site {
    fn new(texts: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        for (name, text) in texts {
            std::fs::write(site.path(name), text).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `argoctl policy` in the folder: exit status, standard output and error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(ARGOCTL);
        let output =
            command.arg("policy").args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[test]
fn check_counts_what_is_right_and_tells_what_is_wrong() {
    let main = format!("policy_dir = \"p\"\n{HOOKS}{DOMAINS}");
    let site = Site::new(&[("a.toml", &main)]);
    let (status, out, said) = site.run(&["check", "a.toml"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(said.starts_with("argoctl: a.toml:1:14: p: No such file or directory"), "{said}");

    std::fs::create_dir(site.path("p")).unwrap();
    std::fs::write(site.path("p/1.toml"), port("7")).unwrap();
    let expected = "a.toml: no problems\n  1 policy file(s)\n    p/1.toml\n  2 domain(s), 0 \
                    label(s)\n  1 [[policy]] rule(s)\n  1 [[port]] rule(s), 0 with limits\n  0 [[store]] rule(s)\n  \
                    policy_mode \"rules\"\n";
    for arguments in [&["check", "a.toml"][..], &["check", "--config", "a.toml"]] {
        assert_eq!(site.run(arguments), (0, expected.to_owned(), String::new()));
    }
    std::fs::write(site.path("p/2.toml"), port("\"9-7\"")).unwrap();
    let (status, _, said) = site.run(&["check", "a.toml"]);
    assert!(status == 1 && said.contains("p/2.toml:4:11: found \"9-7\""), "{said}");
}

#[test]
fn explain_says_which_rule_and_how_it_ends() {
    let site = Site::new(&[("a.toml", &format!("{HOOKS}{}{DOMAINS}", port("7")))]);
    let explain = |from: &str, to: &str| {
        site.run(&["explain", "--config", "a.toml", "--from", from, "--to", to])
    };
    let (status, out, _) = explain("client", "server:7");
    assert!(out.contains("port 1 (client) -> 2 (server):7: allowed by port rule 1 (a.toml:2)"));
    assert!(out.ends_with("a message from 1 (client) to 2 (server), port 7, is allowed\n"));
    assert_eq!(status, 0);
    let (status, out, _) = explain("1", "2:8");
    assert!(status == 3 && out.ends_with("port 8, is refused with EPERM\n"), "{out}");
    let (status, out, _) = explain("server:7", "client:1");
    assert!(
        status == 0 && out.contains("supposing that 2 (server) owns a ring on port 7"),
        "{out}"
    );
    let (status, _, said) = explain("nobody", "server");
    assert_eq!((status, said.as_str()), (1, "argoctl: there is no domain \"nobody\"\n"));
    assert_eq!(explain("client", "server:x").0, 2);
}

#[test]
fn the_running_argod_is_asked_for_its_own_policy() {
    let site = Site::new(&[]);
    let argod = Argod::start(&format!("{HOOKS}{}{DOMAINS}", port("7")));
    let admin = argod.path("admin.sock").display().to_string();
    let ask = |to: &str| {
        site.run(&["explain", "--running", "--admin", &admin, "--from", "client", "--to", to])
    };
    let (status, out, _) = ask("server:7");
    let rule = format!("allowed by port rule 1 ({}:3)", argod.path("argod.toml").display());
    assert!(status == 0 && out.contains(&rule), "{out}");
    assert_eq!(ask("server:8").0, 3);
    let (status, _, said) = ask("nobody:8");
    assert_eq!((status, said.as_str()), (1, "argoctl: there is no domain \"nobody\"\n"));
}

#[test]
fn diff_lint_and_graph_end_as_documented() {
    let old = format!("{HOOKS}{}{DOMAINS}", port("7"));
    let new = format!("{HOOKS}{}{}{DOMAINS}", port("[7, 8]"), port("8"));
    let site = Site::new(&[("old.toml", &old), ("new.toml", &new)]);
    assert_eq!(site.run(&["diff", "old.toml", "old.toml"]), (0, String::new(), String::new()));
    let (status, out, _) = site.run(&["diff", "old.toml", "new.toml"]);
    assert!(status == 3 && out.contains("+ client -> server port 8 (new.toml:2)\n"), "{out}");
    let (status, out, _) = site.run(&["diff", "--format", "json", "old.toml", "new.toml"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (status, &told[0]["change"], &told[0]["ports"][0]),
        (3, &"allowed".into(), &"8".into())
    );
    assert_eq!(site.run(&["diff", "old.toml", "none.toml"]).0, 1);

    let (status, out, _) = site.run(&["lint", "--config", "old.toml"]);
    assert_eq!((status, out.as_str()), (0, "0 warning(s), 0 hint(s)\n"));
    let (status, out, _) = site.run(&["lint", "--config", "new.toml"]);
    assert_eq!(status, 3);
    assert!(out.starts_with("new.toml:7: warning: [[port]] never decides: "), "{out}");

    let (status, out, _) = site.run(&["graph", "--config", "old.toml"]);
    assert!(status == 0 && out.starts_with("<svg ") && out.contains("7 + replies"), "{out}");
    let (status, out, _) = site.run(&["graph", "--format", "dot", "--config", "old.toml"]);
    assert!(status == 0 && out.contains("d0 -> d1 [label = \"7 + replies\"]"), "{out}");
}
