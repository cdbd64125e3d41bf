use std::fs;

use argo_core::DomainId;
use tempfile::TempDir;

use super::*;

const MAIN: &str = "policy_dir = \"policy.d\"\n[[domain]]\nid = 1\nname = \"a\"\nram = 8192\n\
                    labels = [\"red\"]\n[[domain]]\nid = 2\nname = \"b\"\nram = 8192\n";

/// A configuration file with a folder of policy files beside it.
struct Site(TempDir);

impl Site {
    fn new(main: &str, files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        fs::create_dir(site.path("policy.d")).unwrap();
        fs::write(site.path("argod.toml"), main).unwrap();
        for (name, text) in files {
            fs::write(site.path("policy.d").join(name), text).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.path("argod.toml"))
    }

    /// What is wrong, without the site's path.
    fn said(&self) -> String {
        self.shortened(&self.load().unwrap_err().to_string())
    }

    fn shortened(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    fn places(&self, rules: &Rules) -> Vec<String> {
        let hooks = rules.hooks.iter().map(|rule| &rule.place);
        let ports = rules.ports.iter().map(|rule| &rule.place);
        hooks.chain(ports).map(|place| self.shortened(&place.to_string())).collect()
    }
}

fn hook(from: &str) -> String {
    format!("[[policy]]\nhook = \"enable\"\nfrom = \"{from}\"\n")
}

fn port(to: &str) -> String {
    format!("[[port]]\nfrom = \"any\"\nto = \"{to}\"\nto_port = 7\n")
}

#[test]
fn files_are_read_in_the_order_of_their_names_after_the_main_one() {
    let main = format!("{MAIN}{}{}", hook("a"), port("a"));
    let site = Site::new(
        &main,
        &[
            ("20-b.toml", &format!("\n{}", hook("b"))),
            ("10-a.toml", &format!("{}{}", port("b"), hook("a"))),
            (".hidden.toml", "no TOML"),
            ("30-c.toml~", "no TOML"),
            ("40-d.toml.bak", "no TOML"),
            ("#50-e.toml#", "no TOML"),
            ("README", "no TOML"),
        ],
    );
    let config = site.load().unwrap();
    let expected = [
        "argod.toml:11",
        "policy.d/10-a.toml:5",
        "policy.d/20-b.toml:2",
        "argod.toml:14",
        "policy.d/10-a.toml:1",
    ];
    assert_eq!(site.places(&config.policy), expected);
    let files: Vec<_> = config.policy_files.iter().map(|file| site.shortened(file)).collect();
    assert_eq!(files, ["policy.d/10-a.toml", "policy.d/20-b.toml"]);
}

#[test]
fn an_absolute_folder() {
    let site = Site::new("", &[("a.toml", "policy_mode = 'all'")]);
    let folder = site.path("policy.d").display().to_string();
    fs::write(site.path("argod.toml"), format!("policy_dir = {folder:?}")).unwrap();
    assert_eq!(site.load().unwrap().policy.mode, Mode::All);
}

#[test]
fn problems_of_all_files_are_told_together() {
    let site = Site::new(
        &format!("{MAIN}{}", hook("c")),
        &[("a.toml", "argo = true\n"), ("b.toml", &hook("label:blue"))],
    );
    let said = site.said();
    let places: Vec<_> = said.lines().filter(|line| line.contains(": found")).collect();
    let known = "expected a name or label that some domain has";
    assert_eq!(
        places,
        [
            &format!("argod.toml:13:8: found unknown domain \"c\", {known}"),
            "policy.d/a.toml:1:1: found unknown key `argo`, expected one of: policy_mode, groups, \
             policy, port, store",
            &format!("policy.d/b.toml:3:8: found unknown label \"blue\", {known}"),
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_alone() {
    let site = Site::new(
        &format!("{MAIN}{}", hook("group:x")),
        &[("a.toml", "[groups\n"), ("b.toml", "x =\n")],
    );
    let said = site.said();
    assert!(said.contains("policy.d/a.toml:1:8: ") && said.contains("policy.d/b.toml:1:4: "));
    assert!(!said.contains("argod.toml"), "{said}");
}

#[test]
fn folders_and_files_that_cannot_be_read() {
    let site = Site::new(MAIN, &[]);
    fs::create_dir(site.path("policy.d/a.toml")).unwrap();
    fs::write(site.path("policy.d/b.toml"), [0xff]).unwrap();
    fs::write(site.path("policy.d/c.toml"), " ".repeat(FILE_MAX as usize + 1)).unwrap();
    let said = site.said();
    assert!(said.starts_with("argod.toml:1:14: "), "{said}");
    for part in
        ["policy.d/a.toml: not a regular file", "policy.d/b.toml: ", "c.toml: more than 4MiB"]
    {
        assert!(said.contains(part), "{said}");
    }
    fs::remove_dir_all(site.path("policy.d")).unwrap();
    let expected = "argod.toml:1:14: policy.d: No such file or directory (os error 2)\n  |\n1 | \
                    policy_dir = \"policy.d\"\n  |              ^^^^^^^^^^";
    assert_eq!(site.said(), expected);
    let text = super::said("policy_dir = \"policy.d\"");
    assert!(text.starts_with("t.toml:1:14: found `policy_dir`, expected none: only a file"));
    assert!(super::said("policy_dir = 7").starts_with("t.toml:1:14: found 7,"));
}

#[test]
fn too_many_files() {
    let site = Site::new(MAIN, &[]);
    let add = |number: usize| fs::write(site.path(&format!("policy.d/{number}.toml")), "").unwrap();
    (0..POLICY_FILES_MAX).for_each(add);
    assert_eq!(site.load().unwrap().policy_files.len(), POLICY_FILES_MAX);
    add(POLICY_FILES_MAX);
    assert!(site.said().contains("policy.d: more than 256 policy files"), "{}", site.said());
}

#[test]
fn rules_of_all_files_are_counted_together() {
    let rules = hook("a").repeat(RULES_MAX / 2);
    let site = Site::new(&format!("{MAIN}{rules}"), &[("a.toml", &rules)]);
    assert_eq!(site.load().unwrap().policy.hooks.len(), RULES_MAX);
    fs::write(site.path("policy.d/b.toml"), hook("a")).unwrap();
    let expected = "policy.d/b.toml:1:1: found 4097 tables [[policy]] up to here, expected at \
                    most 4096 in all rules together";
    assert!(site.said().starts_with(expected), "{}", site.said());
}

#[test]
fn the_mode_is_stated_once() {
    let site = Site::new(
        &format!("policy_mode = \"silo\"\n{MAIN}"),
        &[("a.toml", "\npolicy_mode = \"all\"")],
    );
    let expected = "policy.d/a.toml:2:15: found `policy_mode` again, expected it once (the first \
                    is at argod.toml:1)";
    assert!(site.said().starts_with(expected), "{}", site.said());
}

#[test]
fn groups_of_another_file() {
    let group = "[groups]\nteam = ['a', 'label:red', 'id:9']\n";
    let main = format!("{MAIN}[[policy]]\nhook = 'enable'\nfrom = ['group:team', 'b']\n");
    let site = Site::new(&main, &[("a.toml", group), ("b.toml", &port("group:team"))]);
    let policy = site.load().unwrap().policy;
    let red = Subject::Label("red".into());
    let team = [Subject::Name("a".into()), red, Subject::Id(DomainId::new(9).unwrap())];
    assert_eq!(policy.hooks[0].from, [&team[..], &[Subject::Name("b".into())]].concat());
    assert_eq!(policy.ports[0].to, team);

    fs::write(site.path("policy.d/c.toml"), "[groups]\n'team' = 'b'\n").unwrap();
    let expected = "policy.d/c.toml:2:1: found group \"team\" again, expected each group once (the \
                    first is at policy.d/a.toml:2)";
    assert!(site.said().starts_with(expected), "{}", site.said());
}

#[test]
fn bad_groups() {
    let group = |line: &str| said(&format!("[groups]\n{line}\n"));
    let nested = group("a = [\"group:b\"]");
    let expected = "t.toml:2:6: found \"group:b\", expected a domain's name, \"label:NAME\", \
                    \"id:0\" to \"id:32751\" or \"any\" (groups do not nest)";
    assert!(nested.starts_with(expected), "{nested}");
    assert!(group("a = \"x\"").starts_with("t.toml:2:5: found unknown domain \"x\", expected"));
    assert!(group("a = []").starts_with("t.toml:2:5: found an empty array, expected at least"));
    assert!(
        group("any = \"id:1\"").starts_with("t.toml:2:1: found group \"any\", expected a name")
    );
    let unknown = said(&hook("group:nobody"));
    let expected = "t.toml:3:8: found unknown group \"nobody\", expected a group that [groups] has";
    assert!(unknown.starts_with(expected), "{unknown}");
}

#[test]
fn too_many_groups_and_members() {
    let groups = |count: usize| {
        let lines = (0..count).map(|number| format!("g{number} = \"any\"\n"));
        format!("[groups]\n{}", lines.collect::<String>())
    };
    assert!(parse(&groups(GROUPS_MAX)).is_ok());
    let problem = said(&groups(GROUPS_MAX + 1));
    assert!(problem.contains("found 257 groups up to here, expected at most 256 in all files"));

    let group = |count: usize| format!("[groups]\ng = [{}]\n", vec!["'any'"; count].join(","));
    let rule = hook("group:g").replace("\"group:g\"", "[\"group:g\", \"any\"]");
    assert!(parse(&(group(MEMBERS_MAX - 1) + &rule)).is_ok());
    let problem = said(&(group(MEMBERS_MAX) + &rule));
    let expected = "t.toml:5:20: found 257 entries with those of groups, expected at most 256\n";
    assert!(problem.starts_with(expected), "{problem}");
    let problem = said(&group(MEMBERS_MAX + 1));
    assert!(problem.starts_with("t.toml:2:5: found 257 entries, expected at most 256"));
}

#[test]
fn the_policy_alone_is_read_anew() {
    let site = Site::new(&format!("{MAIN}{}", hook("c")), &[("a.toml", &port("b"))]);
    let path = site.path("argod.toml");
    let names = |names: &'static [&'static str]| move |subject: &Subject| !matches!(subject, Subject::Name(name) if !names.contains(&name.as_str()));
    let rules = Rules::of(&Texts::load(&path).unwrap(), names(&["b", "c"])).unwrap();
    assert_eq!(site.places(&rules), ["argod.toml:11", "policy.d/a.toml:1"]);
    let problems =
        Rules::of(&Texts::load(&path).unwrap(), names(&["a", "b"])).unwrap_err().to_string();
    assert!(site.shortened(&problems).starts_with("argod.toml:13:8: found unknown domain \"c\""));
    fs::write(site.path("policy.d/a.toml"), "argo = 3").unwrap();
    let problems = Rules::of(&Texts::load(&path).unwrap(), names(&["c"])).unwrap_err().to_string();
    assert!(site.shortened(&problems).starts_with("policy.d/a.toml:1:1: found unknown key `argo`"));
}
