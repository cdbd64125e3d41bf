//! A configuration with its policy. What is wrong is told with a place that the text has; what is
//! accepted is so again, and decides every question as its rules, read one after the other, say: the
//! first time and, from what was kept, the second.
#![no_main]

use std::collections::BTreeSet;

use argo_core::policy::{Hook, PortQuery, Query, Rings, StoreAccess, StoreQuery};
use argo_core::{DomainId, Port};
use argod::config::{Config, Host, Problem, Rules, Subject};
use argod::policy::{CompiledPolicy, Directory, Inquiry};
use argod_fuzz::written;
use libfuzzer_sys::fuzz_target;

/// Questions of each kind: a run is to take milliseconds.
const DOMAINS_ASKED: usize = 2;
const PORTS_ASKED: usize = 4;
const PATHS_ASKED: usize = 4;

fuzz_target!(|text: &str| {
    let host = Host { cpus: vec![0, 1] };
    match Config::parse_for(&host, "argod.toml", text) {
        Err(problems) => {
            assert!(!problems.told.is_empty());
            problems.told.iter().for_each(|problem| is_in(text, problem));
            assert!(!problems.to_string().contains('\u{1b}'), "it goes to a terminal");
        }
        Ok(config) => {
            assert_eq!(Config::parse_for(&host, "argod.toml", text).ok().as_ref(), Some(&config));
            decide(&config);
        }
    }
    let _ = Rules::parse("site.toml", text, |subject| *subject == Subject::Any)
        .map_err(|problems| problems.told.iter().for_each(|problem| is_in(text, problem)));
    let _ = argod::config::Domain::parse("domain", text, &host, "/run/argod".as_ref())
        .map_err(|problems| problems.told.iter().for_each(|problem| is_in(text, problem)));
});

fn is_in(text: &str, problem: &Problem) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&problem.line), "{problem:?}");
    let columns = lines[problem.line - 1].chars().count() + 1;
    assert!((1..=columns).contains(&problem.column), "{problem:?}");
    assert!(!problem.message.is_empty());
}

fn decide(config: &Config) {
    let Ok(directory) = Directory::new(&config.domains) else { panic!("domains that clash") };
    let policy = CompiledPolicy::new(config.policy.clone(), directory);
    let domains = domains(config);
    for from in &domains {
        for to in &domains {
            about_domains(config, &policy, *from, *to);
            about_ports(config, &policy, *from, *to);
        }
        about_paths(config, &policy, *from);
    }
}

fn about_domains(config: &Config, policy: &CompiledPolicy, from: DomainId, to: DomainId) {
    for query in Hook::ALL.into_iter().filter_map(|hook| Query::new(hook, from, Some(to))) {
        let expected = written::hook(config, query);
        let decided = [(); 2].map(|()| policy.decide(query));
        assert_eq!(decided, [expected; 2], "{query:?}");
        assert!(!policy.explain(query).is_empty());
    }
}

fn about_ports(config: &Config, policy: &CompiledPolicy, from: DomainId, to: DomainId) {
    let ports = ports(config);
    for to_port in &ports {
        for from_port in ports.iter().copied().map(Some).chain([None]) {
            for rings in [Rings::Any, Rings::ForSender] {
                let query = PortQuery { from, from_port, to, to_port: *to_port, rings };
                let expected = written::ports(config, query);
                let decided = [(); 2].map(|()| policy.decide_ports(query));
                assert_eq!(decided, [expected; 2], "{query:?}");
            }
        }
    }
    let inquiry =
        Inquiry { from: from.to_string(), to: Some(to.to_string()), ..Inquiry::default() };
    assert!(policy.inquire(&inquiry).is_ok());
}

fn about_paths(config: &Config, policy: &CompiledPolicy, domain: DomainId) {
    for path in paths(config, domain) {
        for access in StoreAccess::ALL {
            let expected = written::store(config, domain, &path, access);
            let query = StoreQuery { domain, path: &path, access };
            assert_eq!(policy.decide_store(query), expected, "{query:?}");
        }
    }
}

/// Some that there are, one that there is not, and domain 0.
fn domains(config: &Config) -> BTreeSet<DomainId> {
    let known = config.domains.iter().map(|domain| domain.id).take(DOMAINS_ASKED);
    known.chain([DomainId::CONTROL]).chain(DomainId::new(77)).collect()
}

/// The ends of ranges that rules name, and what lies beside them.
fn ports(config: &Config) -> BTreeSet<Port> {
    let rules =
        config.policy.ports.iter().flat_map(|rule| rule.to_port.iter().chain(&rule.from_port));
    let ends = rules.flat_map(|range| [range.first().0, range.last().0.wrapping_add(1)]);
    let dynamic = Port::DYNAMIC_FIRST.0;
    ends.take(PORTS_ASKED).chain([dynamic]).map(Port).collect()
}

/// Paths that rules name, each itself and with something below.
fn paths(config: &Config, domain: DomainId) -> Vec<String> {
    let home = format!("/local/domain/{domain}");
    let named = config.policy.store.iter().flat_map(|rule| rule.paths.iter()).take(PATHS_ASKED);
    let filled = named.map(|path| match path.strip_prefix('~') {
        Some(below) => format!("{home}{below}"),
        None => path.replace("/~", &format!("/{domain}")).replace("/*", "/any"),
    });
    let below = filled.flat_map(|path| [format!("{}/x", path.trim_end_matches('/')), path]);
    below.chain([home.clone(), "/tool".to_owned(), "/".to_owned()]).collect()
}
