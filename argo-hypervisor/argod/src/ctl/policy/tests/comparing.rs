use argo_core::policy::Decision;

use super::*;
use crate::ctl::policy::diff::Changes;

/// What becomes of a message: where it may go, and with which limit.
fn fate(
    policy: &CompiledPolicy,
    from: &str,
    source: Option<Port>,
    to: &str,
    port: Port,
) -> (u8, Limit) {
    let id = |name: &str| policy.directory().id(name);
    let (Some(from), Some(to)) = (id(from), id(to)) else { return (0, Limit::default()) };
    let ask = |rings| {
        policy.decide_ports(PortQuery { from, from_port: source, to, to_port: port, rings })
    };
    let limit = |decision: Decision| {
        decision.rule.map(|rule| policy.rules().ports[rule].limit).unwrap_or_default()
    };
    match (ask(Rings::Any), ask(Rings::ForSender)) {
        (any, _) if any.action == Action::Allow => (2, limit(any)),
        (_, alone) if alone.action == Action::Allow => (1, limit(alone)),
        _ => (0, Limit::default()),
    }
}

/// What the domain of this name may do to a path.
fn may(policy: &CompiledPolicy, name: &str, path: &str) -> Option<StoreAccess> {
    let domain = policy.directory().id(name)?;
    let allows = |access: &StoreAccess| {
        let query = StoreQuery { domain, path, access: *access };
        policy.decide_store(query).action == Action::Allow
    };
    StoreAccess::ALL.into_iter().rfind(allows)
}

/// Whether a path is one that may have stars, or below it.
fn is_below(path: &str, above: &str) -> bool {
    let mut names = path.split('/');
    above == "/"
        || above.split('/').all(|one| names.next().is_some_and(|name| one == "*" || one == name))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every message that fares differently is in one line, and no other message is in any.
    #[test]
    fn a_diff_is_what_differs_and_nothing_else(old in policies(), new in policies()) {
        let (old, new) = (old.compile(), new.compile());
        let changes = Changes::between(&old, &new).unwrap();
        let mut differ = false;
        for from in ["a", "b", "c", "d"] {
            for to in ["a", "b", "c", "d"] {
                let lines = changes.ports.iter().filter(|line| line.from == from && line.to == to);
                let lines: Vec<_> = lines.collect();
                for port in all_ports() {
                    for source in all_ports().into_iter().map(Some).chain([None]) {
                        let told = lines.iter().filter(|line| {
                            let of_source = match source {
                                None => line.sources.ringless,
                                Some(port) => {
                                    line.sources.ports.iter().any(|ports| ports.contains(port))
                                }
                            };
                            of_source && line.ports.iter().any(|ports| ports.contains(port))
                        });
                        let before = fate(&old, from, source, to, port);
                        let after = fate(&new, from, source, to, port);
                        prop_assert_eq!(told.count(), usize::from(before != after));
                        differ |= before != after;
                    }
                }
            }
        }
        prop_assert_eq!(differ, !changes.ports.is_empty());
        prop_assert_eq!(changes.is_empty(), changes.text().is_empty());
        let count = changes.hooks.len() + changes.ports.len() + changes.store.len();
        prop_assert_eq!(changes.told().len(), count);
    }

    /// Whatever a domain may do to a path and could not before, or the other way round, is told of
    /// the path or of one that covers it; and what is told is true.
    #[test]
    fn paths_that_differ_are_told(old in policies(), new in policies()) {
        let (old, new) = (old.compile(), new.compile());
        let changes = Changes::between(&old, &new).unwrap().store;
        for change in &changes {
            let (before, after) = (change.before.access, change.after.access);
            let may = |policy| may(policy, change.domain, &change.path);
            let is_other = old.directory().id(change.domain) != new.directory().id(change.domain);
            prop_assert!(is_other || (before, after) == (may(&old), may(&new)));
            prop_assert!(before != after);
        }
        let paths = all_paths();
        for name in ["a", "b", "c", "d"] {
            let told: Vec<_> = changes.iter().filter(|change| change.domain == name).collect();
            for path in &paths {
                let (before, after) = (may(&old, name, path), may(&new, name, path));
                let tells = told.iter().any(|told| is_below(path, &told.path));
                prop_assert!(before == after || tells, "{name} {path}");
            }
        }
    }

    #[test]
    fn hooks_that_differ_are_told(old in rules(), new in rules(), domains in directories()) {
        let compile = |rules| CompiledPolicy::new(rules, domains.clone());
        let (old, new) = (compile(old), compile(new));
        let queries = all_hook_queries(&old);
        let differ = queries.iter().filter(|query| {
            old.decide(**query).action != new.decide(**query).action
        });
        prop_assert_eq!(Changes::between(&old, &new).unwrap().hooks.len(), differ.count());
    }

    #[test]
    fn nothing_differs_from_itself(policy in policies()) {
        let policy = policy.compile();
        prop_assert!(Changes::between(&policy, &policy).unwrap().is_empty());
    }
}

const HOOKS: &str = "policy = [{ hook = 'any', from = 'any', to = 'any' }]\n";

fn changes(old: &str, new: &str) -> String {
    let (old, new) = (policy(&format!("{HOOKS}{old}")), policy(&format!("{HOOKS}{new}")));
    Changes::between(&old, &new).unwrap().text()
}

#[test]
fn ranges_are_merged_and_rules_named() {
    let old = "[[port]]\nfrom = 'a'\nto = 'b'\nto_port = [1, 2, '5-9']";
    let new = "[[port]]\nfrom = 'a'\nto = 'b'\nto_port = ['2-6', 7]\nmessages_per_second = 5\n\
               [[port]]\nfrom = 'a'\nto = 'b'\nto_port = [20, 21]";
    assert_eq!(
        changes(old, new),
        "+ a -> b port 3-4, at most 5 messages a second (p.toml:2)\n\
         + a -> b port 20-21 (p.toml:7)\n\
         - a -> b port 1,8-9 (no rule; was p.toml:2)\n\
         ~ a -> b port 2,5-7: no limit becomes 5 messages a second (p.toml:2)\n"
    );
}

#[test]
fn replies_source_ports_and_modes() {
    let rule = "[[port]]\nfrom = 'a'\nto = 'b'\nto_port = 7\n";
    assert_eq!(
        changes(rule, &format!("{rule}reply = true")),
        "+ a -> b port 2147483648-4294967295, into rings that are for a alone (p.toml:2)\n\
         + b:0-6,8-4294967295 or without a ring -> a port 2147483648-4294967295, into rings that \
         are for b alone (p.toml:2)\n\
         + b:7 -> a port any (p.toml:2)\n"
    );
    let all = policy("policy_mode = 'all'");
    let text = Changes::between(&policy(""), &all).unwrap().text();
    assert!(text.contains("+ send a -> b (policy_mode \"all\")\n"), "{text}");
    assert!(text.contains("+ a -> b port any (policy_mode \"all\")\n"), "{text}");
}

#[test]
fn a_hook_that_refuses_all_the_same_is_told() {
    let port = "[[port]]\nfrom = 'a'\nto = 'b'\nto_port = 7\n";
    let text = Changes::between(&policy(""), &policy(port)).unwrap().text();
    assert_eq!(text, "+ a -> b port 7 (p.toml:1) [but hook send refuses it]\n");
}

#[test]
fn paths_of_the_store() {
    let rule = |path: &str, access: &str| {
        format!("[[store]]\nfrom = 'a'\npath = '{path}'\naccess = '{access}'\n")
    };
    let old = [rule("~", "write"), rule("/tool", "read"), rule("/x", "read")].concat();
    let new = [rule("~/data", "write"), rule("~", "read"), rule("/tool", "write")].concat();
    assert_eq!(
        changes(&old, &new),
        "- write a /local/domain/1 (p.toml:6; was p.toml:2)\n\
         + write a /tool (p.toml:10)\n\
         - read a /x (no rule; was p.toml:10)\n"
    );
}

#[test]
fn domains_that_come_and_go() {
    let hooks = "[[policy]]\nhook = 'enable'\nfrom = 'any'\n";
    let domain = |id, name| format!("[[domain]]\nid = {id}\nname = '{name}'\nram = 8192\n");
    let old = compiled("old.toml", &format!("{hooks}{}", domain(1, "x")));
    let new = compiled("new.toml", &format!("{hooks}{}", domain(1, "y")));
    let text = Changes::between(&old, &new).unwrap().text();
    assert_eq!(text, "- enable x (no such domain; was old.toml:1)\n+ enable y (new.toml:1)\n");
}
