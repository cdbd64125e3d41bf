use super::*;
use crate::ctl::policy::graph::Model;

#[test]
fn edges_tell_ports_replies_limits_and_what_only_a_hook_allows() {
    let drawn = Model::of(&policy(
        "policy = [{ hook = 'enable', from = ['a', 'b'] }, \
         { hook = 'send', from = 'label:red', to = 'any' }]\n\
         [[port]]\nfrom = 'label:red'\nto = 'b'\nto_port = [7, '80-81']\nreply = true\n\
         messages_per_second = 10\n\
         [[port]]\nfrom = 'a'\nfrom_port = 5\nto = 'b'\nto_port = 9\n",
    ));
    assert_eq!(
        drawn.dot(),
        "digraph policy {\n  rankdir = LR\n  node [shape = box]\n  d0 [label = \"a (1)\"]\n  \
         d1 [label = \"b (2)\"]\n  d2 [label = \"c (3)\", style = dotted]\n  d0 -> d1 [label = \
         \"7,80-81 + replies, at most 10 messages a second; from 5 to 9\"]\n  d1 -> d0 [label = \
         \"replies\", color = gray]\n}\n"
    );
    let hooks = "policy = [{ hook = 'any', from = 'any', to = 'b' }]\n";
    let drawn = Model::of(&policy(hooks)).dot();
    assert!(drawn.contains("d0 -> d1 [label = \"no port\", style = dashed]"), "{drawn}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// An edge is there for every pair that a message can pass between, and says so.
    #[test]
    fn an_edge_is_where_messages_may_go(policy in policies()) {
        let policy = policy.compile();
        let drawn = Model::of(&policy);
        let ids = ids(&policy);
        for (at, from) in ids.iter().enumerate() {
            for (other, to) in ids.iter().enumerate().filter(|(other, _)| *other != at) {
                let allows = |query| policy.decide(query).action == Action::Allow;
                let enabled = [from, to].into_iter().all(|id| allows(Query::Enable { domain: *id }));
                let sends = enabled && allows(Query::Send { from: *from, to: *to });
                let mut queries = all_port_queries(*from, *to).into_iter();
                let passes = queries.any(|query| policy.decide_ports(query).action == Action::Allow);
                let edge = drawn.edges.iter().find(|edge| (edge.from, edge.to) == (at, other));
                prop_assert_eq!(edge.is_some(), sends);
                prop_assert_eq!(edge.is_some_and(|edge| edge.label != "no port"), sends && passes);
            }
        }
        let svg = drawn.svg();
        prop_assert_eq!(svg.matches("<path class=\"edge\"").count(), drawn.edges.len());
    }
}
