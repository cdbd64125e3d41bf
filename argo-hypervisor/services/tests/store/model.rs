//! The store as one would write it if neither time nor memory mattered: a map of whole paths, and
//! each transaction a list of requests that is done again at its end.

use std::collections::BTreeMap;

use argo_core::DomainId;
use argo_core::xenstore::Kind;
use xen_services::store::{Access, Quota};

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: String,
    pub owner: u16,
    others: char,
    /// With the incarnation of the domain that is meant.
    named: Vec<(u16, char, u32)>,
}

/// Which domains there are, each with the number of its incarnation.
pub type Alive = BTreeMap<u16, u32>;

#[derive(Clone, Debug)]
pub struct Request {
    pub domain: u16,
    pub kind: Kind,
    pub path: String,
    pub rest: String,
    /// Which domains there were when it was made.
    pub alive: Alive,
}

/// Who is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Nobody,
    Node,
    Upwards,
}

pub type Changes = BTreeMap<String, Told>;
pub type Answer = Result<String, String>;

/// All nodes, and the domains that are there now.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub nodes: BTreeMap<String, Node>,
    pub alive: Alive,
}

/// Hides what is called "s" from domain 2.
pub fn guard(domain: DomainId, path: &str, _: Access) -> bool {
    domain.raw() != 2 || !path.split('/').any(|name| name == "s")
}

fn parent(path: &str) -> Option<String> {
    let (above, name) = path.rsplit_once('/')?;
    match (above, name) {
        ("", "") => None,
        ("", _) => Some("/".into()),
        _ => Some(above.into()),
    }
}

pub fn is_below(path: &str, above: &str) -> bool {
    above == "/" && path != "/"
        || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

impl World {
    /// Does a request, as far as there is no quota of nodes.
    pub fn perform(&mut self, request: &Request, quota: &Quota, changes: &mut Changes) -> Answer {
        let path = &request.path;
        match request.kind {
            Kind::Read => self.existing(request, path, Access::Read).map(|node| node.value),
            Kind::GetPerms => {
                let node = self.existing(request, path, Access::Read)?;
                Ok(self.entries(&node))
            }
            Kind::Directory => {
                self.existing(request, path, Access::Read)?;
                Ok(self.children(path).iter().map(|name| format!("{name}\0")).collect())
            }
            Kind::Write | Kind::Mkdir => self.write(request, quota, changes),
            Kind::Rm => self.rm(request, changes),
            Kind::SetPerms => self.set(request, quota, changes),
            _ => panic!("{request:?}"),
        }
    }

    pub fn children(&self, path: &str) -> Vec<String> {
        let children = self.nodes.keys().filter(|key| parent(key).as_deref() == Some(path));
        children.map(|key| key.rsplit('/').next().unwrap().to_owned()).collect()
    }

    pub fn owned(&self, domain: u16) -> usize {
        self.nodes.values().filter(|node| node.owner == domain).count()
    }

    pub fn may_read(&self, domain: u16, path: &str) -> bool {
        self.nodes.get(path).is_some_and(|node| self.allows(node, domain, Access::Read))
    }

    pub fn may_read_parent(&self, domain: u16, path: &str) -> bool {
        parent(path).is_some_and(|parent| self.may_read(domain, &parent))
    }

    pub fn remove(&mut self, path: &str, changes: &mut Changes) {
        let below: Vec<_> = self.nodes.keys().filter(|key| is_below(key, path)).cloned().collect();
        for key in below {
            self.nodes.remove(&key);
            tell(changes, &key, Told::Node);
        }
        if self.nodes.remove(path).is_some() {
            tell(changes, path, Told::Upwards);
        }
    }

    pub fn introduce(&mut self, domain: u16, incarnation: u32, changes: &mut Changes) {
        self.alive.insert(domain, incarnation);
        let home = format!("/local/domain/{domain}");
        self.remove(&home, changes);
        let control = Node { value: "".into(), owner: 0, others: 'n', named: vec![] };
        for path in ["/local/domain", "/local"] {
            self.nodes.entry(path.into()).or_insert_with(|| control.clone());
            tell(changes, path, Told::Nobody);
        }
        let readable = Node { named: vec![(domain, 'r', incarnation)], ..control.clone() };
        for (name, value) in
            [("", String::new()), ("/domid", domain.to_string()), ("/name", format!("dom{domain}"))]
        {
            self.nodes.insert(format!("{home}{name}"), Node { value, ..readable.clone() });
            tell(changes, &format!("{home}{name}"), Told::Upwards);
        }
        self.nodes.insert(format!("{home}/data"), Node { owner: domain, ..control });
        tell(changes, &format!("{home}/data"), Told::Upwards);
    }

    pub fn forget(&mut self, domain: u16, changes: &mut Changes) {
        self.remove(&format!("/local/domain/{domain}"), changes);
        let root = self.nodes.get_mut("/").unwrap();
        if root.owner == domain {
            (root.owner, root.others, root.named) = (0, 'n', vec![]);
            tell(changes, "/", Told::Upwards);
        }
        let owned = self.nodes.iter().filter(|(_, node)| node.owner == domain);
        let mut owned: Vec<_> = owned.map(|(path, _)| path.clone()).collect();
        owned.sort_by_key(|path| path.matches('/').count());
        owned.iter().for_each(|path| self.remove(path, changes));
        self.alive.remove(&domain);
    }

    fn allows(&self, node: &Node, domain: u16, access: Access) -> bool {
        let named = node.named.iter().find(|(named, ..)| *named == domain);
        let named = named.filter(|(.., incarnation)| self.alive.get(&domain) == Some(incarnation));
        let letter = named.map_or(node.others, |(_, letter, _)| *letter);
        let letters = if access == Access::Read { "rb" } else { "wb" };
        domain == 0 || domain == node.owner || letters.contains(letter)
    }

    fn existing(&self, request: &Request, path: &str, access: Access) -> Result<Node, String> {
        let domain = DomainId::new(request.domain).unwrap();
        if !guard(domain, path, access) {
            return Err("EACCES".into());
        }
        let mut at = path.to_owned();
        while !self.nodes.contains_key(&at) {
            at = parent(&at).unwrap();
        }
        let node = &self.nodes[&at];
        match self.allows(node, request.domain, access) {
            false => Err("EACCES".into()),
            true if at != path => Err("ENOENT".into()),
            true => Ok(node.clone()),
        }
    }

    fn write(&mut self, request: &Request, quota: &Quota, changes: &mut Changes) -> Answer {
        let path = &request.path;
        let existing = self.existing(request, path, Access::Write);
        if existing.as_ref().is_err_and(|errno| errno != "ENOENT") {
            return existing.map(|_| String::new());
        }
        if request.kind == Kind::Write && request.rest.len() > quota.value {
            return Err("ENOSPC".into());
        }
        if existing.is_err() {
            self.make(request, changes)?;
        }
        if request.kind == Kind::Write {
            self.nodes.get_mut(path).unwrap().value = request.rest.clone();
            tell(changes, path, Told::Upwards);
        }
        Ok("OK\0".into())
    }

    fn make(&mut self, request: &Request, changes: &mut Changes) -> Result<(), String> {
        let mut missing = vec![request.path.clone()];
        let mut above = parent(&request.path).unwrap();
        while !self.nodes.contains_key(&above) {
            missing.push(above.clone());
            above = parent(&above).unwrap();
        }
        let domain = DomainId::new(request.domain).unwrap();
        if !missing.iter().all(|path| guard(domain, path, Access::Write)) {
            return Err("EACCES".into());
        }
        let mut node = Node { value: "".into(), ..self.nodes[&above].clone() };
        if request.domain != 0 {
            node.owner = request.domain;
        }
        for path in missing {
            let told = if path == request.path { Told::Upwards } else { Told::Nobody };
            tell(changes, &path, told);
            self.nodes.insert(path, node.clone());
        }
        Ok(())
    }

    fn rm(&mut self, request: &Request, changes: &mut Changes) -> Answer {
        let path = &request.path;
        let existing = self.existing(request, path, Access::Write);
        match existing {
            Err(errno) if errno == "ENOENT" => {
                let is_there = self.nodes.contains_key(&parent(path).unwrap());
                return if is_there { Ok("OK\0".into()) } else { Err(errno) };
            }
            Err(errno) => return Err(errno),
            Ok(_) if path == "/" => return Err("EINVAL".into()),
            Ok(_) => {}
        }
        let domain = DomainId::new(request.domain).unwrap();
        let mut below = self.nodes.keys().filter(|key| is_below(key, path));
        if !below.all(|key| guard(domain, key, Access::Write)) {
            return Err("EACCES".into());
        }
        self.remove(path, changes);
        Ok("OK\0".into())
    }

    fn set(&mut self, request: &Request, quota: &Quota, changes: &mut Changes) -> Answer {
        let node = self.existing(request, &request.path, Access::Write)?;
        let incarnation = |id| request.alive.get(&id).copied().unwrap_or_default();
        let entry = |text: &str| {
            let id = text[1..].parse().unwrap();
            (id, text.chars().next().unwrap(), incarnation(id))
        };
        let mut entries = request.rest.split_terminator('\0').map(entry);
        let (owner, others, meant) = entries.next().unwrap();
        let named: Vec<_> = entries.collect();
        if named.len() + 1 > quota.permissions {
            return Err("ENOSPC".into());
        }
        if request.domain != 0 && request.domain != node.owner {
            return Err("EACCES".into());
        }
        if request.domain != 0 && owner != node.owner {
            return Err("EPERM".into());
        }
        if self.alive.get(&owner) != Some(&meant) {
            return Err("EINVAL".into());
        }
        let node = Node { value: node.value, owner, others, named };
        self.nodes.insert(request.path.clone(), node);
        tell(changes, &request.path, Told::Upwards);
        Ok("OK\0".into())
    }

    pub fn entries(&self, node: &Node) -> String {
        let current =
            |(id, _, incarnation): &&(u16, char, u32)| self.alive.get(id) == Some(incarnation);
        let named =
            node.named.iter().filter(current).map(|(id, letter, _)| format!("{letter}{id}\0"));
        format!("{}{}\0{}", node.others, node.owner, named.collect::<String>())
    }
}

fn tell(changes: &mut Changes, path: &str, told: Told) {
    let entry = changes.entry(path.into()).or_insert(told);
    *entry = (*entry).max(told);
}
