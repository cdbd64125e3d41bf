//! From claims to commands: one for the tests of a suite, one for a tool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::claims::{Check, Claims};

/// What is to be run, in order.
pub struct Plan(Vec<Step>);

/// One command and the checks that it answers.
pub struct Step {
    pub program: String,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// More of it in a long run.
    pub long: BTreeMap<String, String>,
    pub answers: Answers,
}

/// How its output answers them.
pub enum Answers {
    /// A line for each of these tests.
    Tests { suite: String, tests: BTreeSet<Check> },
    /// Its exit status.
    Tool(String),
}

impl Plan {
    /// All of it, or the tools only.
    pub fn new(claims: &Claims, only_tools: bool) -> Self {
        let mut suites: BTreeMap<&str, BTreeSet<Check>> = BTreeMap::new();
        let mut tools = BTreeSet::new();
        for check in claims.iter().flat_map(|claim| &claim.checks) {
            match check {
                Check::Test { suite, .. } => {
                    suites.entry(suite).or_default().insert(check.clone());
                }
                Check::Tool(tool) => {
                    tools.insert(tool.as_str());
                }
            }
        }
        if only_tools {
            suites.clear();
        }
        let tests = suites.into_iter().map(|(name, tests)| Step::tests(claims, name, tests));
        Self(tests.chain(tools.into_iter().map(|tool| Step::tool(claims, tool))).collect())
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Step {
    fn tests(claims: &Claims, suite: &str, tests: BTreeSet<Check>) -> Self {
        let special = claims.suites.get(suite).cloned();
        let package = special.as_ref().map_or(suite, |special| &special.package);
        let mut arguments = ["test", "--no-fail-fast", "-p", package].map(String::from).to_vec();
        let (environment, long) = match special {
            Some(special) => {
                arguments.extend(special.arguments);
                (special.environment, special.long)
            }
            None => <_>::default(),
        };
        let mut names = BTreeSet::new();
        let mut targets = BTreeSet::new();
        for check in &tests {
            let Check::Test { target, test, .. } = check else { continue };
            names.insert(test.clone());
            targets.insert(target.as_str());
        }
        for target in targets {
            match target {
                "lib" => arguments.push("--lib".into()),
                target => arguments.extend(["--test".into(), target.into()]),
            }
        }
        arguments.extend(["--", "--show-output", "--exact"].map(String::from));
        arguments.extend(names);
        let answers = Answers::Tests { suite: suite.into(), tests };
        Self { program: "cargo".into(), arguments, environment, long, answers }
    }

    fn tool(claims: &Claims, name: &str) -> Self {
        let run = claims.tools.get(name).map(|tool| tool.run.clone()).unwrap_or_default();
        let (program, arguments) = match run.split_first() {
            Some((program, arguments)) => (program.clone(), arguments.to_vec()),
            None => <_>::default(),
        };
        let answers = Answers::Tool(name.into());
        Self { program, arguments, environment: BTreeMap::new(), long: BTreeMap::new(), answers }
    }

    /// What it is about, in a word.
    pub fn name(&self) -> &str {
        match &self.answers {
            Answers::Tests { suite, .. } => suite,
            Answers::Tool(tool) => tool,
        }
    }
}

/// As it would be typed.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value:?} ")?;
        }
        write!(f, "{}", self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}
