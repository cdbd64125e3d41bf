//! Where `unsafe` may be: the table of packages in ARCHITECTURE.md.

/// The packages, as the table has them.
pub struct Table(Vec<Package>);

struct Package {
    /// Its directory, with a slash at its end.
    place: String,
    modules: Modules,
}

enum Modules {
    None,
    All,
    /// Files under `src`, without `.rs`, or directories there.
    These(Vec<String>),
}

impl Table {
    /// The rows of the table, found by its four columns.
    pub fn of(page: &str) -> Self {
        Self(page.lines().filter_map(Package::of).collect())
    }

    /// Whether the file may have `unsafe`.
    pub fn allows(&self, file: &str) -> bool {
        let innermost = self.0.iter().filter(|package| file.starts_with(&package.place));
        let innermost = innermost.max_by_key(|package| package.place.len());
        innermost.is_some_and(|package| package.allows(file))
    }

    /// The entries for which there is none of these files.
    pub fn without<'a>(&'a self, files: &'a [String]) -> impl Iterator<Item = String> + 'a {
        self.0
            .iter()
            .flat_map(|package| package.entries())
            .filter(|entry| !files.iter().any(|file| is_of_module(file, entry)))
    }
}

impl Package {
    fn of(row: &str) -> Option<Self> {
        let columns: Vec<&str> = row.strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
        let [_, place, _, modules] = columns.as_slice() else { return None };
        let place = format!("{}/", quoted(place).next()?);
        let modules = match modules.trim() {
            "none" => Modules::None,
            text if text.starts_with("all of it") => Modules::All,
            text => Modules::These(quoted(text).map(str::to_owned).collect()),
        };
        Some(Self { place, modules })
    }

    fn allows(&self, file: &str) -> bool {
        match self.modules {
            Modules::None => false,
            Modules::All => true,
            Modules::These(_) => self.entries().any(|entry| is_of_module(file, &entry)),
        }
    }

    /// The modules by their whole paths.
    fn entries(&self) -> impl Iterator<Item = String> {
        let modules = match &self.modules {
            Modules::These(modules) => modules.as_slice(),
            Modules::None | Modules::All => &[],
        };
        modules.iter().map(|module| format!("{}src/{module}", self.place))
    }
}

fn is_of_module(file: &str, module: &str) -> bool {
    let rest = file.strip_prefix(module);
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| package | where | what | unsafe |
|---|---|---|---|
| outer | `outer` | … | none |
| inner | `outer/inner` | … | `copy`, `deep/place` |
| proof | `proof` | … | all of it: … |
";

    #[test]
    fn the_innermost_package_decides() {
        let table = Table::of(PAGE);
        for (file, allowed) in [
            ("outer/src/copy.rs", false),
            ("outer/inner/src/copy.rs", true),
            ("outer/inner/src/copy/part.rs", true),
            ("outer/inner/src/copyist.rs", false),
            ("outer/inner/src/deep/place.rs", true),
            ("outer/inner/src/deep/other.rs", false),
            ("proof/src/anything.rs", true),
            ("elsewhere/src/lib.rs", false),
        ] {
            assert_eq!(table.allows(file), allowed, "{file}");
        }
    }

    #[test]
    fn an_entry_without_a_file_is_told() {
        let table = Table::of(PAGE);
        let files = ["outer/inner/src/copy.rs".to_owned()];
        assert_eq!(table.without(&files).collect::<Vec<_>>(), ["outer/inner/src/deep/place"]);
    }
}
