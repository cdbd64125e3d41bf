//! Rules about paths: what they allow, what the modes do, and who hears of a refusal.

use argo_core::policy::{StoreAccess, StoreQuery};
use argo_hypervisor::Policy as _;

use super::*;
use StoreAccess::{Read, Write};

const RULES: &str = "
[[store]]
from = ['client', 'server']
path = '~'
access = 'write'

[[store]]
from = 'label:red'
path = ['/local/domain/*/data/vchan/~', '/tool']
comment = 'meetings'
";

fn query(domain: u16, path: &str, access: StoreAccess) -> StoreQuery<'_> {
    StoreQuery { domain: id(domain), path, access }
}

#[test]
fn lists_labels_and_accesses() {
    let policy = live(RULES);
    let may = |domain, path, access| policy.judge().may_store(query(domain, path, access));
    assert!(may(1, "/local/domain/1/data", Write) && may(2, "/local/domain/2", Write));
    assert!(!may(1, "/local/domain/2/data", Read) && !may(3, "/local/domain/3", Read));
    let meeting = "/local/domain/2/data/vchan/1/x";
    assert!(may(1, meeting, Read) && !may(1, meeting, Write) && !may(3, meeting, Read));
    assert!(may(2, "/tool/x", Read));
}

#[test]
fn an_explanation_names_the_rule() {
    let policy = live(RULES).snapshot();
    let explained = |domain, path, access| policy.explain_store(query(domain, path, access));
    assert_eq!(
        explained(1, "/tool", Read),
        "store 1 (client) read \"/tool\": allowed by store rule 2 (demo.toml:7): meetings"
    );
    assert_eq!(
        explained(9, "/tool", Write),
        "store 9 write \"/tool\": denied: no store rule allows it"
    );
}

#[test]
fn refusals_are_counted_by_rule() {
    let deny = "[[store]]\nfrom = 'any'\npath = '/a'\naction = 'deny'\n";
    let policy = live(deny);
    for path in ["/a", "/a/b", "/b"] {
        assert!(!policy.judge().may_store(query(1, path, Read)));
    }
    assert!(!policy.may(Query::Grant { from: id(1), to: id(2) }));
    let refusals = policy.snapshot().refusals().into_iter();
    let refusals: Vec<_> = refusals.map(|refusals| (refusals.text, refusals.count)).collect();
    let expected = [("no rule", 1), ("no store rule", 1), ("store rule 1 (demo.toml:1)", 2)];
    assert_eq!(refusals, expected.map(|(text, count)| (text.to_owned(), count)));
}

#[test]
fn the_mode_answers_where_no_rule_does() {
    let homes = ["/local/domain/0/x", "/local/domain/1/x", "/local/domain/2/x", "/tool", "/"];
    let mode = |mode, domain| {
        let policy = live(&format!(
            "policy_mode = '{mode}'\n[[store]]\nfrom = 'any'\npath = '/tool'\naction = 'deny'\n"
        ));
        homes.map(|path| policy.judge().may_store(query(domain, path, Write)))
    };
    assert_eq!(mode("rules", 0), [false; 5]);
    assert_eq!(mode("silo", 1), [true, true, false, false, false]);
    assert_eq!(mode("silo", 0), [true, true, true, false, true]);
    assert_eq!(mode("all", 1), [true, true, true, false, true]);
}

#[test]
fn grants_and_event_channels_are_asked_one_by_one() {
    let policy = live(
        "[[policy]]\nhook = 'grant'\nfrom = 'server'\nto = 'client'\n\
         [[policy]]\nhook = 'event_channel'\nfrom = ['client', 'server']\nto = ['client', 'server']",
    );
    let (server, client) = (id(2), id(1));
    assert!(policy.may(Query::Grant { from: server, to: client }));
    assert!(!policy.may(Query::Grant { from: client, to: server }));
    assert!(policy.may(Query::EventChannel { from: server, to: client }));
    assert!(policy.may(Query::EventChannel { from: client, to: server }));
    assert!(!policy.may(Query::EventChannel { from: client, to: id(3) }));
}
