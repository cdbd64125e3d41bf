//! `argoctl policy graph`: who may send to whom, as a picture.

mod dot;
mod model;
mod svg;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

pub(super) use model::Graph as Model;

use super::source::Source;
use super::{Answer, print};
use crate::ctl::Failure;

/// Draw who may send to whom, and on which ports.
#[derive(Args)]
pub(super) struct Graph {
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Svg)]
    format: Format,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Graphviz.
    Dot,
    /// A picture: senders on the left, receivers on the right.
    Svg,
}

impl Graph {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let model = Model::of(&self.source.policy()?);
        let text = match self.format {
            Format::Dot => model.dot(),
            Format::Svg => model.svg(),
        };
        print(&text, Answer::Yes)
    }
}
