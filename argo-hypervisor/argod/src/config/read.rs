//! Reading a TOML table key by key. A key that is wrong is reported and reading goes on, so that
//! one look finds everything.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Report;

/// Characters of a string that a message repeats.
const QUOTED_MAX: usize = 60;

/// A table being read.
pub(super) struct Reader<'t> {
    table: &'t DeTable<'t>,
    /// Where the table begins: its header.
    pub(super) span: Range<usize>,
    pub(super) report: &'t Report<'t>,
    known: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(table: &'t DeTable<'t>, span: Range<usize>, report: &'t Report<'t>) -> Self {
        Self { table, span, report, known: Vec::new() }
    }

    /// The value at a key, if it is there and `kind` accepts it.
    pub(super) fn optional<T>(&mut self, key: &'static str, kind: Kind<T>) -> Option<Spanned<T>> {
        let value = self.value(key)?;
        self.accept(value, &kind)
    }

    /// As [`optional`](Self::optional), and a missing key is a problem.
    pub(super) fn required<T>(&mut self, key: &'static str, kind: Kind<T>) -> Option<Spanned<T>> {
        match self.value(key) {
            Some(value) => self.accept(value, &kind),
            None => {
                let expected = format!("{key} = {}", kind.expected);
                self.report.mismatch(self.span.clone(), format!("no key `{key}`"), expected);
                None
            }
        }
    }

    /// The plain value at a key, or `default`.
    pub(super) fn or<T>(&mut self, key: &'static str, kind: Kind<T>, default: T) -> T {
        self.optional(key, kind).map_or(default, Spanned::into_inner)
    }

    /// The values of the array at a key, at most `limit`; none if the key is not there.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        kind: Kind<T>,
        limit: usize,
    ) -> Vec<Spanned<T>> {
        self.value(key).map_or_else(Vec::new, |value| self.items(value, &kind, limit))
    }

    /// As [`list`](Self::list), where a single value may stand without brackets, and something
    /// must stand.
    pub(super) fn one_or_more<T>(
        &mut self,
        key: &'static str,
        kind: Kind<T>,
        limit: usize,
    ) -> Vec<Spanned<T>> {
        match self.value(key) {
            None => self.required(key, kind).into_iter().collect(),
            Some(value) => self.some(value, &kind, limit),
        }
    }

    /// The keys of a table of which they are names.
    pub(super) fn keys(&self) -> impl Iterator<Item = Spanned<&'t str>> + use<'t> {
        self.table.keys().map(|key| Spanned::new(key.span(), key.get_ref().as_ref()))
    }

    /// As [`one_or_more`](Self::one_or_more), at a key that is a name.
    pub(super) fn entries<T>(&self, key: &str, kind: &Kind<T>, limit: usize) -> Vec<Spanned<T>> {
        let value = self.table.get(key);
        value.map_or_else(Vec::new, |value| self.some(value, kind, limit))
    }

    fn some<T>(
        &self,
        value: &Spanned<DeValue<'_>>,
        kind: &Kind<T>,
        limit: usize,
    ) -> Vec<Spanned<T>> {
        match value.get_ref().as_array() {
            None => self.accept(value, kind).into_iter().collect(),
            Some(items) if items.is_empty() => {
                self.report.mismatch(value.span(), "an empty array", "at least one entry");
                Vec::new()
            }
            Some(_) => self.items(value, kind, limit),
        }
    }

    fn items<T>(
        &self,
        value: &Spanned<DeValue<'_>>,
        kind: &Kind<T>,
        limit: usize,
    ) -> Vec<Spanned<T>> {
        let Some(items) = value.get_ref().as_array() else {
            self.report.mismatch(value.span(), describe(value.get_ref()), "an array");
            return Vec::new();
        };
        if items.len() > limit {
            let found = format!("{} entries", items.len());
            self.report.mismatch(value.span(), found, format!("at most {limit}"));
        }
        items.iter().take(limit).filter_map(|item| self.accept(item, kind)).collect()
    }

    /// The table at a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Reader<'t>> {
        let value = self.value(key)?;
        self.enter(value, &format!("a table [{key}]"))
    }

    /// The tables of an array of tables, at most `limit`.
    pub(super) fn tables(&mut self, key: &'static str, limit: usize) -> Vec<Reader<'t>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let expected = format!("tables [[{key}]]");
        let Some(items) = value.get_ref().as_array() else {
            self.report.mismatch(value.span(), describe(value.get_ref()), expected);
            return Vec::new();
        };
        if let Some(extra) = items.get(limit) {
            let found = format!("{} tables [[{key}]]", items.len());
            self.report.mismatch(extra.span(), found, format!("at most {limit}"));
        }
        items.iter().take(limit).filter_map(|item| self.enter(item, &expected)).collect()
    }

    /// The span of a key's value, if the key is there.
    pub(super) fn place(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.value(key).map(Spanned::span)
    }

    /// Ends the reading: every key that nobody asked for is a problem.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            if !self.known.contains(&key.get_ref().as_ref()) {
                let found = format!("unknown key `{}`", clip(key.get_ref()));
                let expected = format!("one of: {}", self.known.join(", "));
                self.report.mismatch(key.span(), found, expected);
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    fn accept<T>(&self, value: &Spanned<DeValue<'_>>, kind: &Kind<T>) -> Option<Spanned<T>> {
        let accepted = (kind.read)(value.get_ref());
        if accepted.is_none() {
            self.report.mismatch(value.span(), describe(value.get_ref()), &kind.expected);
        }
        accepted.map(|accepted| Spanned::new(value.span(), accepted))
    }

    fn enter(&self, value: &'t Spanned<DeValue<'t>>, expected: &str) -> Option<Reader<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.report.mismatch(value.span(), describe(value.get_ref()), expected);
        }
        table.map(|table| Reader::new(table, value.span(), self.report))
    }
}

/// What a value may be, in words and as a function.
pub(super) struct Kind<T> {
    expected: String,
    read: Box<Understand<T>>,
}

type Understand<T> = dyn Fn(&DeValue<'_>) -> Option<T>;

impl<T> Kind<T> {
    pub(super) fn new(
        expected: impl Into<String>,
        read: impl Fn(&DeValue<'_>) -> Option<T> + 'static,
    ) -> Self {
        Self { expected: expected.into(), read: Box::new(read) }
    }

    /// A string that `read` understands.
    pub(super) fn text(
        expected: impl Into<String>,
        read: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        Self::new(expected, move |value| read(value.as_str()?))
    }
}

/// An integer within bounds.
pub(super) fn integer<T: TryFrom<u64> + 'static>(bounds: RangeInclusive<u64>) -> Kind<T> {
    let expected = format!("an integer from {} to {}", bounds.start(), bounds.end());
    Kind::new(expected, move |value| {
        let number = whole_number(value).filter(|number| bounds.contains(number))?;
        T::try_from(number).ok()
    })
}

/// `true` or `false`.
pub(super) fn boolean() -> Kind<bool> {
    Kind::new("true or false", |value| value.as_bool())
}

/// One of the words, each with what it stands for.
pub(super) fn word<T: Copy + 'static, const N: usize>(words: [(&'static str, T); N]) -> Kind<T> {
    let names: Vec<_> = words.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    Kind::text(format!("one of {}", names.join(", ")), move |text| {
        words.iter().find(|(name, _)| *name == text).map(|(_, meaning)| *meaning)
    })
}

/// An integer that is not negative.
pub(super) fn whole_number(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{}\"", clip(text)),
        DeValue::Integer(integer) => clip(&integer.to_string()),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        other => format!("a {}", other.type_str()),
    }
}

/// The text, escaped, and shortened if it is long.
pub(super) fn clip(text: &str) -> String {
    let head: String = text.chars().take(QUOTED_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED_MAX).is_some() { head + "…" } else { head }
}
