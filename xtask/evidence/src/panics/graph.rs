//! Who refers to whom in a static library: its sections and their relocations.
//!
//! Each function is a section of its own, and so is each table of functions. A section that refers
//! to another may call it, so what is reached by references includes all that is called, behind
//! tables of functions too. Only what a caller hands in from outside is not seen.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use object::read::archive::ArchiveFile;
use object::{
    Object, ObjectSection, ObjectSymbol, Relocation, RelocationTarget, SectionIndex, SymbolKind,
};

use super::location::{Location, string_at};

/// A section, or a symbol that nothing defines.
pub type Node = usize;

/// Sections and what they refer to.
#[derive(Default)]
pub struct Graph {
    names: Vec<String>,
    targets: Vec<Vec<Node>>,
    locations: Vec<Option<Location>>,
    symbols: HashMap<String, Node>,
    undefined: BTreeSet<Node>,
}

/// Why a library cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The file cannot be read.
    #[error("reading the library: {0}")]
    File(#[from] std::io::Error),
    /// It is no archive of objects.
    #[error("the library's format: {0}")]
    Format(#[from] object::read::Error),
    /// Something is referred to that is no symbol.
    #[error("a reference to {0:?}, which is no symbol")]
    Target(RelocationTarget),
    /// A symbol lies in a section that its object does not have.
    #[error("a symbol in section {0}, which is not there")]
    Section(SectionIndex),
}

impl Graph {
    /// The graph of an archive of objects.
    ///
    /// # Errors
    /// There is no such archive.
    pub fn of_library(path: &Path) -> Result<Self, GraphError> {
        let bytes = fs::read(path)?;
        let archive = ArchiveFile::parse(&*bytes)?;
        let members: Vec<_> = archive.members().collect::<Result<_, _>>()?;
        let objects = members.iter().map(|member| object::File::parse(member.data(&*bytes)?));
        let objects: Vec<_> = objects.collect::<Result<_, _>>()?;
        let mut graph = Self::default();
        let sections: Vec<_> = objects.iter().map(|file| graph.define(file)).collect();
        for (file, sections) in objects.iter().zip(&sections) {
            graph.connect(file, sections)?;
        }
        Ok(graph)
    }

    /// A symbol that others can refer to, by its name.
    pub fn symbol(&self, name: &str) -> Option<Node> {
        self.symbols.get(name).copied()
    }

    /// The symbols whose names begin so, in order.
    pub fn symbols_with(&self, prefix: &str) -> Vec<(&str, Node)> {
        let all = self.symbols.iter().filter(|(name, _)| name.starts_with(prefix));
        let mut found: Vec<_> = all.map(|(name, node)| (name.as_str(), *node)).collect();
        found.sort_unstable();
        found
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The function that a node is, as it is written in the source, or the section.
    pub fn name(&self, node: Node) -> &str {
        &self.names[node]
    }

    /// Whether nothing in the library defines it, so that what it leads to is not known.
    pub fn is_undefined(&self, node: Node) -> bool {
        self.undefined.contains(&node)
    }

    /// What the node refers to.
    pub fn targets(&self, node: Node) -> &[Node] {
        &self.targets[node]
    }

    /// The lines of the source that a node hands to what panics.
    pub fn locations(&self, node: Node) -> impl Iterator<Item = &Location> {
        self.targets[node].iter().filter_map(|target| self.locations[*target].as_ref())
    }

    fn add(&mut self, name: String) -> Node {
        self.names.push(name);
        self.targets.push(Vec::new());
        self.locations.push(None);
        self.names.len() - 1
    }

    fn define(&mut self, file: &object::File<'_>) -> HashMap<SectionIndex, Node> {
        let name = |section: &object::Section<'_, '_>| section.name().unwrap_or("?").to_owned();
        let sections: HashMap<_, _> =
            file.sections().map(|section| (section.index(), self.add(name(&section)))).collect();
        for symbol in file.symbols() {
            let node = symbol.section_index().and_then(|index| sections.get(&index));
            let (Some(&node), Ok(name)) = (node, symbol.name()) else { continue };
            if symbol.kind() == SymbolKind::Text {
                self.names[node] = format!("{:#}", rustc_demangle::demangle(name));
            }
            if symbol.is_global() {
                self.symbols.insert(name.to_owned(), node);
            }
        }
        sections
    }

    fn connect(
        &mut self,
        file: &object::File<'_>,
        sections: &HashMap<SectionIndex, Node>,
    ) -> Result<(), GraphError> {
        for section in file.sections() {
            let Some(&from) = sections.get(&section.index()) else { continue };
            for (at, relocation) in section.relocations() {
                let to = self.target(file, sections, &relocation)?;
                self.targets[from].push(to);
                if at == 0 {
                    let text = string_at(file, &relocation);
                    self.locations[from] = Location::decode(&section, text);
                }
            }
        }
        Ok(())
    }

    fn target(
        &mut self,
        file: &object::File<'_>,
        sections: &HashMap<SectionIndex, Node>,
        relocation: &Relocation,
    ) -> Result<Node, GraphError> {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return Err(GraphError::Target(relocation.target()));
        };
        let symbol = file.symbol_by_index(symbol)?;
        if let Some(section) = symbol.section_index() {
            return sections.get(&section).copied().ok_or(GraphError::Section(section));
        }
        let name = symbol.name()?;
        if let Some(node) = self.symbols.get(name) {
            return Ok(*node);
        }
        let node = self.add(format!("{:#}", rustc_demangle::demangle(name)));
        self.symbols.insert(name.to_owned(), node);
        self.undefined.insert(node);
        Ok(node)
    }
}
