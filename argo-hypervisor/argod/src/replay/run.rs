//! A trace against a world, record by record, up to the first difference.

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::fields::to_hex;
use super::record::{Check, Content, Op, Record, Teardown};
use super::trace::{Entry, Trace};
use super::world::{MAX_ACCESS_BYTES, OpResult, World, WorldError};

/// The record at which a trace failed.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {record}\n{cause}", .file.display())]
pub struct Failure {
    /// The trace.
    pub file: PathBuf,
    /// The line of the record, from 1.
    pub line: usize,
    /// The record in brief.
    pub record: String,
    /// What went wrong.
    pub cause: Cause,
}

/// Why a record failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The world did something else.
    #[error("  expected {expected}\n  got      {got}")]
    Mismatch {
        /// What the trace says.
        expected: String,
        /// What the world did.
        got: String,
    },
    /// The world broke.
    #[error("  expected the record to be carried out\n  got      {}", chain(.0.as_ref()))]
    World(WorldError),
}

impl From<WorldError> for Cause {
    fn from(error: WorldError) -> Self {
        Self::World(error)
    }
}

/// Carries out the records of `trace` on a world at its start.
///
/// # Errors
/// The first record at which the world did something else than the trace says, or broke.
pub fn replay(trace: &Trace, world: &mut dyn World) -> Result<(), Failure> {
    for Entry { line, record } in &trace.entries {
        carry_out(record, world).map_err(|cause| Failure {
            file: trace.file.clone(),
            line: *line,
            record: record.to_string(),
            cause,
        })?;
    }
    Ok(())
}

fn carry_out(record: &Record, world: &mut dyn World) -> Result<(), Cause> {
    match record {
        Record::Deny(hook) => world.deny(*hook)?,
        Record::Allow(hook) => world.allow(*hook)?,
        // Page 0 is never used, so that a domain without pages is one with this page alone.
        Record::Domain { id, pages, ro } => world.create_domain(*id, (*pages).max(1), ro)?,
        Record::Write { dom, addr, bytes } => write(world, *dom, *addr, bytes)?,
        Record::Fill { dom, addr, len, seed } => fill(world, (*dom, *addr), *len, *seed)?,
        Record::Op(op) => op_as_stated(world, op)?,
        Record::Destroy(Teardown { dom, virq }) => {
            let got = world.destroy(*dom)?;
            signals(world, virq, &got)?;
        }
        Record::SoftReset(Teardown { dom, virq }) => {
            let got = world.soft_reset(*dom)?;
            signals(world, virq, &got)?;
        }
        Record::Check(check) => memory(world, check)?,
    }
    Ok(())
}

fn write(world: &mut dyn World, dom: u16, addr: u64, bytes: &[u8]) -> Result<(), WorldError> {
    let places = (addr..).step_by(MAX_ACCESS_BYTES);
    for (part, place) in bytes.chunks(MAX_ACCESS_BYTES).zip(places) {
        world.write(dom, place, part)?;
    }
    Ok(())
}

fn fill(
    world: &mut dyn World,
    (dom, addr): (u16, u64),
    len: u64,
    seed: u64,
) -> Result<(), WorldError> {
    for part in parts(len) {
        let start = part.start;
        let bytes: Vec<u8> = part.map(|i| pattern(seed, i)).collect();
        world.write(dom, addr + start, &bytes)?;
    }
    Ok(())
}

/// Byte `i` of a fill. Only its low 8 bits count, so that wrapping changes nothing.
fn pattern(seed: u64, i: u64) -> u8 {
    let sum = seed.wrapping_mul(31).wrapping_add(i.wrapping_mul(131));
    sum.wrapping_add((i >> 8).wrapping_mul(17)) as u8
}

fn op_as_stated(world: &mut dyn World, op: &Op) -> Result<(), Cause> {
    let OpResult { ret, virq } = world.op(op.dom, op.cmd, op.args)?;
    let interrupts = world.interrupts();
    let expected = (op.ret, interrupts.comparable(&op.virq));
    // The low half is the result; the upper half is not part of the contract.
    let got = (ret as i32, interrupts.comparable(&virq));
    same(&expected, &got, |(ret, virq)| format!("ret {ret}, virq {virq:?}"))
}

fn signals(world: &dyn World, expected: &[u16], got: &[u16]) -> Result<(), Cause> {
    let interrupts = world.interrupts();
    let (expected, got) = (interrupts.comparable(expected), interrupts.comparable(got));
    same(&expected, &got, |virq| format!("virq {virq:?}"))
}

fn memory(world: &mut dyn World, check: &Check) -> Result<(), Cause> {
    let mut digest = Sha256::new();
    let mut bytes = Vec::new();
    for part in parts(check.len) {
        bytes.resize((part.end - part.start) as usize, 0);
        world.read(check.dom, check.addr + part.start, &mut bytes)?;
        digest.update(&bytes);
    }
    match &check.content {
        Content::Bytes(expected) => same(expected, &bytes, |bytes| to_hex(bytes)),
        Content::Sha256(expected) => {
            let got: [u8; 32] = digest.finalize().into();
            same(expected, &got, |digest| format!("sha256 {}", to_hex(digest)))
        }
    }
}

/// Cuts `0..len` so that each part is one access.
fn parts(len: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..len).step_by(MAX_ACCESS_BYTES);
    starts.map(move |start| start..len.min(start + MAX_ACCESS_BYTES as u64))
}

fn same<T: PartialEq>(expected: &T, got: &T, show: impl Fn(&T) -> String) -> Result<(), Cause> {
    if expected == got {
        return Ok(());
    }
    Err(Cause::Mismatch { expected: show(expected), got: show(got) })
}

/// An error and what it came from.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
