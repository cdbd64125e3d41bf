//! Turns conformance traces into inputs of the target `hypercall`, one file each.
//!
//! `cargo run --example seeds -- TRACES FOLDER`: a folder with traces, and where the inputs go. Traces
//! of systems that are too large for that target are left out.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use argo_fuzz::script::{self, Step};
use serde_json::Value;

/// Bytes of an input at most.
const BYTES_MAX: usize = 16 << 10;
/// Bytes of memory that a step writes at most.
const WRITE_MAX: usize = 255;
/// Bytes that are kept of a fill.
const FILL_MAX: u64 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [traces, folder] = arguments.as_slice() else { return Err("TRACES FOLDER".into()) };
    fs::create_dir_all(folder)?;
    for file in fs::read_dir(traces)? {
        let path = file?.path();
        let Some(input) = input(&fs::read_to_string(&path)?) else { continue };
        fs::write(Path::new(folder).join(path.file_stem().unwrap_or_default()), input)?;
    }
    Ok(())
}

/// The steps of a trace; `None`: it cannot be said in them, or is too long.
fn input(trace: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in trace.lines() {
        push(&serde_json::from_str(line).ok()?, &mut bytes)?;
    }
    (bytes.len() <= BYTES_MAX).then_some(bytes)
}

fn push(record: &Value, to: &mut Vec<u8>) -> Option<()> {
    let number = |key: &str| record[key].as_u64();
    let id = |key: &str| u16::try_from(record[key].as_u64()?).ok();
    let is_send = record["hook"] == "send";
    match record["t"].as_str()? {
        "domain" => {
            let pages = u8::try_from(number("pages")?).ok()?;
            script::push(Step::Create { dom: id("id")?, pages }, to);
        }
        "write" => write(id("dom")?, number("addr")?, &bytes(record["hex"].as_str()?)?, to)?,
        "fill" => {
            let (len, seed) = (number("len")?.min(FILL_MAX), number("seed")?);
            let bytes: Vec<u8> = (0..len).map(|at| at.wrapping_add(seed) as u8).collect();
            write(id("dom")?, number("addr")?, &bytes, to)?;
        }
        "op" => {
            let cmd = number("cmd")?.try_into().unwrap_or(u8::MAX);
            let args = [number("a1")?, number("a2")?, number("a3")?, number("a4")?];
            script::push(Step::Op { dom: id("dom")?, cmd, args }, to);
        }
        "destroy" => script::push(Step::Destroy(id("dom")?), to),
        "soft_reset" => script::push(Step::SoftReset(id("dom")?), to),
        "deny" if is_send => script::push(Step::Deny(id("dst")?), to),
        "allow" if is_send => script::push(Step::Allow(id("dst")?), to),
        _ => {}
    }
    Some(())
}

fn write(dom: u16, addr: u64, bytes: &[u8], to: &mut Vec<u8>) -> Option<()> {
    for (part, at) in bytes.chunks(WRITE_MAX).zip((addr..).step_by(WRITE_MAX)) {
        script::push(Step::Write { dom, at: u32::try_from(at).ok()?, bytes: part }, to);
    }
    Some(())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}
