use super::*;
use crate::policy::{Explanation, Inquiry, InquiryError};

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(&["a", "b", "c", "d", "1", "2", "9"][..]).prop_map(str::to_owned)
}

/// The domain that is meant; a name that no domain has is nobody's.
fn meant(policy: &CompiledPolicy, name: &str) -> Option<DomainId> {
    policy.directory().id(name).or_else(|| DomainId::new(name.parse().ok()?))
}

/// What the engine would answer, asked as it asks.
fn errno(policy: &CompiledPolicy, inquiry: &Inquiry) -> Option<&'static str> {
    let from = meant(policy, &inquiry.from).unwrap();
    let to = meant(policy, inquiry.to.as_deref().unwrap()).unwrap();
    let refuses = |query| policy.decide(query).action == Action::Deny;
    if refuses(Query::Enable { domain: from }) || refuses(Query::Send { from, to }) {
        return Some("EACCES");
    }
    let query = |rings| PortQuery {
        from,
        from_port: inquiry.from_port.map(Port),
        to,
        to_port: Port(inquiry.to_port.unwrap()),
        rings,
    };
    let bars = |rings| policy.decide_ports(query(rings)).action == Action::Deny;
    match bars(Rings::Any) && bars(Rings::ForSender) {
        true => Some("EPERM"),
        false => refuses(Query::Enable { domain: to }).then_some("ECONNREFUSED"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_explanation_is_what_is_decided(
        policy in policies(),
        from in names(),
        to in names(),
        from_port in prop::option::of(prop::sample::select(all_ports())),
        to_port in prop::sample::select(all_ports()),
    ) {
        let (policy, from_port) = (policy.compile(), from_port.map(|port| port.0));
        let (to, to_port) = (Some(to), Some(to_port.0));
        let asked = Inquiry { from, from_port, to, to_port, ..Inquiry::default() };
        let known = |name: &str| meant(&policy, name).is_some();
        match policy.inquire(&asked) {
            Err(error) => {
                prop_assert!(matches!(error, InquiryError::NoDomain(_)));
                prop_assert!(!known(&asked.from) || !known(asked.to.as_deref().unwrap()));
            }
            Ok(explained) => {
                let errno = errno(&policy, &asked);
                prop_assert_eq!(explained.errno.as_deref(), errno);
                // The line about the ports says the same.
                let ports = explained.lines.iter().filter(|line| line.starts_with("port "));
                let allowed = ports.clone().any(|line| {
                    line.contains(": allowed by") && !line.contains("has to own a ring")
                });
                let barred = errno == Some("EPERM");
                prop_assert!(ports.count() >= 1 && (!barred || !allowed));
                prop_assert!(allowed || errno.is_some());
            }
        }
    }

    #[test]
    fn a_hook_s_explanation_is_what_is_decided(policy in policies()) {
        let policy = policy.compile();
        for query in all_hook_queries(&policy) {
            let explained = policy.inquire(&Inquiry {
                from: query.source().to_string(),
                to: query.target().map(|to| to.to_string()),
                hook: Some(query.hook().name().to_owned()),
                ..Inquiry::default()
            }).unwrap();
            let refused = policy.decide(query).action == Action::Deny;
            prop_assert_eq!(explained.errno, refused.then(|| "EACCES".to_owned()));
            prop_assert_eq!(explained.lines, [policy.explain(query)]);
        }
    }
}

fn ask(rules: &str, from: &str, from_port: Option<u32>, to_port: u32) -> (Vec<String>, String) {
    let hooks = "policy = [{ hook = 'any', from = 'any', to = 'any' }]\n";
    let asked = Inquiry {
        from: from.to_owned(),
        from_port,
        to: Some("b".to_owned()),
        to_port: Some(to_port),
        ..Inquiry::default()
    };
    let explained = policy(&format!("{hooks}{rules}")).inquire(&asked).unwrap();
    let ports = explained.lines.iter().skip_while(|line| !line.starts_with("port "));
    (ports.cloned().collect(), explained.verdict)
}

#[test]
fn what_it_supposes_is_said() {
    let rule = "[[port]]\nfrom = 'a'\nfrom_port = '5-6'\nto = 'b'\nto_port = 7\n\
                messages_per_second = 9\ncomment = 'why'\n";
    let (lines, verdict) = ask(rule, "a", Some(5), 7);
    assert_eq!(
        lines,
        [
            "port 1 (a):5 -> 2 (b):7: allowed by port rule 1 (p.toml:2): why",
            "(supposing that 1 (a) owns a ring on port 5)",
            "(at most 9 messages a second; more waits: EAGAIN)",
        ]
    );
    assert_eq!(verdict, "a message from 1 (a) to 2 (b), port 7, is allowed");
    let (lines, verdict) = ask(rule, "1", None, 7);
    assert_eq!(
        lines,
        [
            "port 1 (a) -> 2 (b):7: denied: no port rule allows it",
            "port 1 (a):5 -> 2 (b):7: allowed by port rule 1 (p.toml:2): why (from ports 5-6, \
             where 1 (a) has to own a ring)",
        ]
    );
    assert_eq!(verdict, "a message from 1 (a) to 2 (b), port 7, is refused with EPERM");
}

#[test]
fn paths_are_absolute_or_the_domain_s_own() {
    let rules = "[[store]]\nfrom = 'a'\npath = '~/data'\n";
    let ask = |path: &str, write| {
        let (from, path) = ("a".to_owned(), Some(path.to_owned()));
        policy(rules).inquire(&Inquiry { from, path, write, ..Inquiry::default() }).unwrap()
    };
    let said = "store 1 (a) read \"/local/domain/1/data/x\": allowed by store rule 1 (p.toml:1)";
    for path in ["data/x", "/local/domain/1/data/x"] {
        let Explanation { lines, verdict, errno } = ask(path, false);
        assert_eq!(
            (lines, verdict.as_str(), errno),
            (vec![said.to_owned()], "it is allowed", None)
        );
    }
    let refused = ask("data/x", true);
    assert_eq!(refused.verdict, "it is refused with EACCES");
    assert_eq!(refused.errno.as_deref(), Some("EACCES"));
}

#[test]
fn questions_that_make_no_sense() {
    let ask = |to: Option<&str>, hook: Option<&str>| {
        let (to, hook) = (to.map(str::to_owned), hook.map(str::to_owned));
        let asked = Inquiry { from: "a".to_owned(), to, hook, ..Inquiry::default() };
        policy("").inquire(&asked)
    };
    assert_eq!(ask(None, None), Err(InquiryError::NoTarget));
    assert_eq!(ask(None, Some("send")), Err(InquiryError::NoTarget));
    assert_eq!(ask(Some("x"), None), Err(InquiryError::NoDomain("x".into())));
    assert_eq!(ask(None, Some("fly")), Err(InquiryError::NoHook("fly".into())));
    assert_eq!(ask(None, Some("enable")).unwrap().errno.as_deref(), Some("EACCES"));
}
