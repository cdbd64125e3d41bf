//! Where answers about the store may change.

use std::collections::BTreeSet;

use argo_core::DomainId;

use super::CompiledPolicy;

impl CompiledPolicy {
    /// The paths of the rules that are about this domain, with its own path and number where a rule
    /// has `~`.
    ///
    /// To ask about such a path, a `*` in it included, is to ask about one that no rule names any
    /// closer: no component that a rule can name is `*`. So a rule decides something if it decides
    /// about one of its own paths, and nothing else.
    pub fn store_paths(&self, domain: DomainId) -> BTreeSet<String> {
        let labels = self.labels_of(domain, domain);
        let rules = self.compiled.store.rules.iter();
        let about = rules.filter(|rule| rule.from.covers(domain, labels));
        about.map(|rule| meant_by(&rule.path, domain)).collect()
    }
}

fn meant_by(pattern: &str, domain: DomainId) -> String {
    let absolute = match pattern.strip_prefix('~') {
        Some(below) => format!("/local/domain/~{below}"),
        None => pattern.to_owned(),
    };
    let number = domain.to_string();
    let components = absolute.split('/').map(|one| if one == "~" { number.as_str() } else { one });
    components.collect::<Vec<_>>().join("/")
}
