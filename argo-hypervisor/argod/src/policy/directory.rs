//! Which domains there are, as rules see them: id, name, labels.

use std::collections::{BTreeMap, BTreeSet};

use argo_core::DomainId;
use argo_core::policy::Label;
use thiserror::Error;

use crate::config::{DOMAINS_MAX, Domain, Subject};

/// Domains by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    domains: BTreeMap<DomainId, Member>,
    names: BTreeMap<String, DomainId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    name: String,
    labels: Vec<String>,
}

/// A domain cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// There is one with this id.
    #[error("there is a domain {id} already: {name}")]
    IdTaken {
        /// The id.
        id: DomainId,
        /// The name of that domain.
        name: String,
    },
    /// There is one with this name.
    #[error("there is a domain named {name} already: {id}")]
    NameTaken {
        /// The name.
        name: String,
        /// The id of that domain.
        id: DomainId,
    },
    /// There are as many as there may be.
    #[error("there are {DOMAINS_MAX} domains already, and there may be no more")]
    TooManyDomains,
    /// All domains together would have too many different labels.
    #[error("the domains would have {labels} different labels, at most {} may be", Label::LIMIT)]
    TooManyLabels {
        /// How many.
        labels: usize,
    },
}

impl Directory {
    /// The directory of these domains.
    ///
    /// # Errors
    /// As for [`add`](Self::add), for the first domain that cannot be added.
    pub fn new<'d>(domains: impl IntoIterator<Item = &'d Domain>) -> Result<Self, DirectoryError> {
        let mut directory = Self::default();
        domains.into_iter().try_for_each(|domain| directory.add(domain))?;
        Ok(directory)
    }

    /// Adds a domain, or leaves everything as it is.
    ///
    /// # Errors
    /// Its id or name is taken, or there are too many domains or labels.
    pub fn add(&mut self, domain: &Domain) -> Result<(), DirectoryError> {
        self.check(domain)?;
        let member = Member { name: domain.name.clone(), labels: domain.labels.clone() };
        self.domains.insert(domain.id, member);
        self.names.insert(domain.name.clone(), domain.id);
        Ok(())
    }

    /// Takes a domain out; whether it was there.
    pub fn remove(&mut self, id: DomainId) -> bool {
        let member = self.domains.remove(&id);
        member.and_then(|member| self.names.remove(&member.name)).is_some()
    }

    /// The name of a domain.
    pub fn name(&self, id: DomainId) -> Option<&str> {
        self.domains.get(&id).map(|member| member.name.as_str())
    }

    /// The domain with this name.
    pub fn id(&self, name: &str) -> Option<DomainId> {
        self.names.get(name).copied()
    }

    /// Whether there is a domain or label that is written so.
    pub fn knows(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Any | Subject::Id(_) => true,
            Subject::Name(name) => self.id(name).is_some(),
            Subject::Label(label) => self.members().any(|(_, labels)| labels.contains(label)),
        }
    }

    /// How many domains there are.
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// The domains in the order of their ids, with their labels.
    pub fn members(&self) -> impl Iterator<Item = (DomainId, &[String])> {
        self.domains.iter().map(|(id, member)| (*id, member.labels.as_slice()))
    }

    /// Every label that a domain has.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.members().flat_map(|(_, labels)| labels).map(String::as_str).collect()
    }

    fn check(&self, domain: &Domain) -> Result<(), DirectoryError> {
        if let Some(name) = self.name(domain.id) {
            return Err(DirectoryError::IdTaken { id: domain.id, name: name.to_owned() });
        }
        if let Some(id) = self.id(&domain.name) {
            return Err(DirectoryError::NameTaken { name: domain.name.clone(), id });
        }
        if self.len() >= DOMAINS_MAX {
            return Err(DirectoryError::TooManyDomains);
        }
        let mut labels = self.labels();
        labels.extend(domain.labels.iter().map(String::as_str));
        match labels.len() {
            labels if labels > Label::LIMIT => Err(DirectoryError::TooManyLabels { labels }),
            _ => Ok(()),
        }
    }
}
