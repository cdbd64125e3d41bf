//! The policy that is in force now.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use argo_core::DomainId;
use argo_core::policy::{Decision, PortQuery, Query};
use argo_hypervisor::{Judge, Refused};
use parking_lot::Mutex;

use super::directory::{Directory, DirectoryError};
use super::{CompiledPolicy, Written};
use crate::config::{Domain, Problems, Rules};

/// The current policy. Reading never waits; changes follow each other.
pub struct LivePolicy {
    current: ArcSwap<CompiledPolicy>,
    change: Mutex<()>,
}

impl LivePolicy {
    /// Begins with these rules and domains.
    pub fn new(rules: Rules, directory: Directory) -> Self {
        let current = ArcSwap::from_pointee(CompiledPolicy::new(rules, directory));
        Self { current, change: Mutex::new(()) }
    }

    /// The policy now; it stays what it is while others replace it.
    pub fn snapshot(&self) -> Arc<CompiledPolicy> {
        self.current.load_full()
    }

    /// Replaces all rules by those of a text of `[[policy]]` tables. Counts of refusals begin
    /// anew.
    ///
    /// # Errors
    /// Everything that is wrong with the text; the rules stay as they were.
    pub fn replace_rules(&self, file: &str, text: &str) -> Result<(), Problems> {
        let _alone = self.change.lock();
        let current = self.current.load();
        let rules = Rules::parse(file, text, |subject| current.directory.knows(subject))?;
        self.install(Arc::new(Written::new(rules)), current.directory.clone());
        Ok(())
    }

    /// From now on there is one more domain.
    ///
    /// # Errors
    /// Why it cannot be; nothing changed then.
    pub fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        self.change_directory(|directory| directory.add(domain))
    }

    /// From now on there is no such domain; whether there was.
    pub fn remove_domain(&self, id: DomainId) -> bool {
        let remove = |directory: &mut Directory| directory.remove(id).then_some(()).ok_or(());
        self.change_directory(remove).is_ok()
    }

    fn change_directory<E>(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<(), E>,
    ) -> Result<(), E> {
        let _alone = self.change.lock();
        let current = self.current.load();
        let mut directory = Directory::clone(&current.directory);
        change(&mut directory)?;
        self.install(current.written.clone(), Arc::new(directory));
        Ok(())
    }

    fn install(&self, written: Arc<Written>, directory: Arc<Directory>) {
        self.current.store(Arc::new(CompiledPolicy::resolve(written, directory)));
    }
}

impl argo_hypervisor::Policy for LivePolicy {
    type Judge<'p> = Judging;

    fn judge(&self) -> Judging {
        Judging(self.current.load())
    }
}

/// The policy that judges one call from its beginning to its end.
pub struct Judging(Guard<Arc<CompiledPolicy>>);

impl Judge for Judging {
    fn hook(&self, query: Query) -> Decision {
        self.0.decide(query)
    }

    fn ports(&self, query: PortQuery) -> Decision {
        argo_hypervisor::inprocess::AllowAll.ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }

    fn refused(&self, _: Refused, rule: Option<usize>) {
        self.0.count_refusal(rule);
    }
}
