//! The counts as a page of the documentation.

use std::fmt::Write;

use super::count::Counts;

const HEAD: &str = "\
# Unsafe code, counted

Written by `cargo run -p evidence -- unsafe --write`; `cargo test -p evidence unsafe` fails where this
page, the table of packages in [ARCHITECTURE.md](../ARCHITECTURE.md) and the code differ. So whoever
adds unsafe code changes this page, and a review sees it.

Each block and each `unsafe impl` has its proof beside it (`// SAFETY:`; clippy's
`undocumented_unsafe_blocks` is an error), each unsafe function says what it asks for (`# Safety`).

- *blocks* do what the compiler cannot check;
- *promises* are `unsafe impl`: of a type, to all code;
- *demands* are `unsafe fn` and `unsafe extern`: on the caller, or on the C side;
- *names* are `#[unsafe(no_mangle)]`: symbols that nothing else may have.
";

/// Counts by file, for what is delivered and for the tests.
pub struct Page<'a> {
    pub delivered: &'a [(String, Counts)],
    pub tests: &'a [(String, Counts)],
}

impl Page<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let (delivered, tests) = (table(self.delivered), table(self.tests));
        format!("{HEAD}\n## In what is delivered\n\n{delivered}\n## In tests and proofs\n\n{tests}")
    }
}

fn table(files: &[(String, Counts)]) -> String {
    let mut text =
        String::from("| file | blocks | promises | demands | names |\n|---|---|---|---|---|\n");
    let mut sum = Counts::default();
    for (file, counts) in files {
        row(&mut text, &format!("`{file}`"), *counts);
        sum += *counts;
    }
    row(&mut text, "all", sum);
    text
}

fn row(text: &mut String, name: &str, counts: Counts) {
    let Counts { blocks, impls, functions, exports } = counts;
    // Writing to a string does not fail.
    let _ = writeln!(text, "| {name} | {blocks} | {impls} | {functions} | {exports} |");
}
