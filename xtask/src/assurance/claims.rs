//! What is claimed, and which checks show it: `xtask/assurance.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::Error;
use super::report::{Report, Verdict};

/// The whole file, or the claims of it that were chosen.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Tests of a package that are run in a way of their own.
    #[serde(default, rename = "suite")]
    pub suites: BTreeMap<String, Suite>,
    /// Checks that are no tests.
    #[serde(default, rename = "tool")]
    pub tools: BTreeMap<String, Tool>,
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    pub package: String,
    /// Beside those of `cargo test -p PACKAGE`.
    #[serde(default)]
    pub arguments: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// More of it in a long run.
    #[serde(default)]
    pub long: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The program and its arguments, run in the root of the repository.
    pub run: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub title: String,
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub id: String,
    pub claim: String,
    pub threat: String,
    pub mechanism: String,
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What no check shows.
    #[serde(default)]
    pub unchecked: Option<String>,
}

/// `SUITE/TARGET::TEST` (`lib` for the package's own unit tests), or `tool:NAME`. What no suite is
/// called is a package, tested as `cargo test` does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Check {
    Test { suite: String, target: String, test: String },
    Tool(String),
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadClaims {
    #[error("two claims have the id {0:?}")]
    TwiceThere(String),
    #[error("claim {0:?} has neither checks nor `unchecked`, which says why there are none")]
    NothingSaid(String),
    #[error("claim {claim:?} names tool {tool:?}; expected one that the file describes")]
    NoSuchTool { claim: String, tool: String },
}

/// A check that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no check; expected SUITE/TARGET::TEST or tool:NAME")]
pub struct BadCheck(String);

impl Claims {
    /// Reads the file and looks whether it makes sense.
    ///
    /// # Errors
    /// It cannot be read, or does not.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
        Self::parse(&text, path)
    }

    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let claims: Self = toml::from_str(text)
            .map_err(|source| Error::Toml { path: path.into(), source: Box::new(source) })?;
        claims.examine()?;
        Ok(claims)
    }

    fn examine(&self) -> Result<(), BadClaims> {
        let mut seen = BTreeMap::new();
        for claim in self.iter() {
            if seen.insert(&claim.id, ()).is_some() {
                return Err(BadClaims::TwiceThere(claim.id.clone()));
            }
            if claim.checks.is_empty() && claim.unchecked.is_none() {
                return Err(BadClaims::NothingSaid(claim.id.clone()));
            }
            let unknown = claim.checks.iter().find_map(|check| match check {
                Check::Tool(tool) if !self.tools.contains_key(tool) => Some(tool.clone()),
                _ => None,
            });
            if let Some(tool) = unknown {
                return Err(BadClaims::NoSuchTool { claim: claim.id.clone(), tool });
            }
        }
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.sections.iter().flat_map(|section| &section.claims)
    }

    /// Those whose ids begin with one of these; all if there is none.
    ///
    /// # Errors
    /// No id begins so.
    pub fn chosen(&self, beginnings: &[String]) -> Result<Self, Error> {
        if let Some(stray) =
            beginnings.iter().find(|start| !self.iter().any(|claim| claim.id.starts_with(*start)))
        {
            return Err(Error::NoSuchClaim(stray.clone()));
        }
        let mut chosen = self.clone();
        for section in &mut chosen.sections {
            section.claims.retain(|claim| {
                beginnings.is_empty() || beginnings.iter().any(|start| claim.id.starts_with(start))
            });
        }
        Ok(chosen)
    }

    /// What each claim came to.
    pub fn verdicts(&self, report: &Report) -> Vec<(&Claim, Verdict)> {
        self.iter().map(|claim| (claim, report.verdict(claim))).collect()
    }
}

impl TryFrom<String> for Check {
    type Error = BadCheck;

    fn try_from(text: String) -> Result<Self, BadCheck> {
        if let Some(tool) = text.strip_prefix("tool:") {
            return Ok(Self::Tool(tool.into()));
        }
        let parts = text.split_once("::").and_then(|(place, test)| {
            let (suite, target) = place.split_once('/')?;
            Some(Self::Test { suite: suite.into(), target: target.into(), test: test.into() })
        });
        parts.ok_or(BadCheck(text))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test { suite, target, test } => write!(f, "{suite}/{target}::{test}"),
            Self::Tool(tool) => write!(f, "tool:{tool}"),
        }
    }
}
