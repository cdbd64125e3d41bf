//! How often a source file says `unsafe`, and what it means there.

use std::ops::AddAssign;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What stands behind the word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `unsafe { … }`: something is done that the compiler cannot check.
    pub blocks: usize,
    /// `unsafe impl`: something is promised of a type.
    pub impls: usize,
    /// `unsafe fn`, `unsafe extern`: something is asked of the caller.
    pub functions: usize,
    /// `#[unsafe(…)]`: a name that the linker sees.
    pub exports: usize,
}

impl Counts {
    /// What Rust source says, comments and texts left out.
    pub fn of(source: &TokenStream) -> Self {
        let mut counts = Self::default();
        let mut tokens = source.clone().into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => counts += Self::of(&group.stream()),
                TokenTree::Ident(word) if word == "unsafe" => counts.add(tokens.peek()),
                _ => {}
            }
        }
        counts
    }

    /// All of them.
    pub fn total(self) -> usize {
        self.blocks + self.impls + self.functions + self.exports
    }

    fn add(&mut self, next: Option<&TokenTree>) {
        let counter = match next {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                &mut self.blocks
            }
            Some(TokenTree::Group(_)) => &mut self.exports,
            Some(TokenTree::Ident(word)) if word == "impl" => &mut self.impls,
            _ => &mut self.functions,
        };
        *counter += 1;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.impls += other.impls;
        self.functions += other.functions;
        self.exports += other.exports;
    }
}
