//! From the fields of a line to its record.

use super::fields::{Fields, Wrong, quoted};
use super::layout::MAX_LIVE_PAGES;
use super::record::{Check, Content, Hook, Op, Record, System, Teardown};

/// The version of the format that is read here.
const VERSION: u64 = 1;

/// Up to this many bytes a check states them, above it their SHA-256.
const MAX_HEX_CHECK_BYTES: u64 = 64;

/// Reads the first line.
pub(super) fn system(line: &str) -> Result<System, Wrong> {
    let mut fields = Fields::read(line)?;
    let kind = fields.kind()?;
    if kind != "system" {
        return Err(Wrong::new(
            format!("first record {}", quoted(&kind)),
            "first record \"system\"",
        ));
    }
    fields.number("version", VERSION..=VERSION)?;
    let system = System {
        argo: fields.flag("argo")?,
        mac_permissive: fields.flag("mac_permissive")?,
        note: fields.text("note")?,
    };
    fields.finish()?;
    Ok(system)
}

/// Reads any later line.
pub(super) fn record(line: &str) -> Result<Record, Wrong> {
    let mut fields = Fields::read(line)?;
    let record = match fields.kind()?.as_str() {
        "deny" => Record::Deny(hook(&mut fields)?),
        "allow" => Record::Allow(hook(&mut fields)?),
        "domain" => domain(&mut fields)?,
        "write" => write(&mut fields)?,
        "fill" => fill(&mut fields)?,
        "op" => Record::Op(op(&mut fields)?),
        "destroy" => Record::Destroy(teardown(&mut fields)?),
        "soft_reset" => Record::SoftReset(teardown(&mut fields)?),
        "check" => Record::Check(check(&mut fields)?),
        kind => return Err(unknown_kind(kind)),
    };
    fields.finish()?;
    Ok(record)
}

fn hook(fields: &mut Fields) -> Result<Hook, Wrong> {
    let name = fields.text("hook")?;
    let src = fields.id("src")?;
    Ok(match name.as_str() {
        "enable" => Hook::Enable { src },
        "register_any_source" => Hook::RegisterAnySource { src },
        "register_single_source" => Hook::RegisterSingleSource { src, dst: fields.id("dst")? },
        "send" => Hook::Send { src, dst: fields.id("dst")? },
        _ => {
            let known = "enable, register_any_source, register_single_source or send";
            return Err(Wrong::new(format!("hook {}", quoted(&name)), known));
        }
    })
}

fn domain(fields: &mut Fields) -> Result<Record, Wrong> {
    let id = fields.id("id")?;
    let pages = fields.number("pages", 0..=MAX_LIVE_PAGES)?;
    let ro = match (fields.has("ro"), pages.checked_sub(1)) {
        (false, _) => Vec::new(),
        (true, Some(last)) => fields.numbers("ro", 0..=last)?,
        (true, None) => return Err(Wrong::new("\"ro\" without pages", "no \"ro\"")),
    };
    Ok(Record::Domain { id, pages, ro })
}

fn write(fields: &mut Fields) -> Result<Record, Wrong> {
    let (dom, addr) = place(fields)?;
    Ok(Record::Write { dom, addr, bytes: fields.bytes("hex")? })
}

fn fill(fields: &mut Fields) -> Result<Record, Wrong> {
    let (dom, addr) = place(fields)?;
    let len = any_number(fields, "len")?;
    Ok(Record::Fill { dom, addr, len, seed: any_number(fields, "seed")? })
}

fn op(fields: &mut Fields) -> Result<Op, Wrong> {
    Ok(Op {
        dom: fields.id("dom")?,
        cmd: command(fields)?,
        args: [
            any_number(fields, "a1")?,
            any_number(fields, "a2")?,
            any_number(fields, "a3")?,
            any_number(fields, "a4")?,
        ],
        ret: fields.signed("ret")?,
        virq: fields.ascending_ids("virq")?,
    })
}

/// The command is an `unsigned int` of the hypercall, the arguments are whole registers.
fn command(fields: &mut Fields) -> Result<u32, Wrong> {
    let cmd = fields.number("cmd", 0..=u64::from(u32::MAX))?;
    u32::try_from(cmd).map_err(|_| Wrong::new(cmd.to_string(), "a command of 32 bits"))
}

fn teardown(fields: &mut Fields) -> Result<Teardown, Wrong> {
    Ok(Teardown { dom: fields.id("dom")?, virq: fields.ascending_ids("virq")? })
}

fn check(fields: &mut Fields) -> Result<Check, Wrong> {
    let (dom, addr) = place(fields)?;
    let len = fields.number("len", 1..=u64::MAX)?;
    Ok(Check { dom, addr, len, content: content(fields, len)? })
}

fn content(fields: &mut Fields, len: u64) -> Result<Content, Wrong> {
    match (fields.has("hex"), fields.has("sha256")) {
        (true, true) => Err(Wrong::new("\"hex\" and \"sha256\"", "one of \"hex\" and \"sha256\"")),
        (false, false) => Err(Wrong::new("no content", "\"hex\" or \"sha256\"")),
        (true, false) if len <= MAX_HEX_CHECK_BYTES => {
            Ok(Content::Bytes(exactly(fields.bytes("hex")?, "hex", len)?))
        }
        (false, true) if len > MAX_HEX_CHECK_BYTES => digest(fields.bytes("sha256")?),
        (true, false) => Err(Wrong::new(format!("\"hex\" for {len} bytes"), "\"sha256\"")),
        (false, true) => Err(Wrong::new(format!("\"sha256\" of {len} bytes"), "\"hex\"")),
    }
}

fn digest(bytes: Vec<u8>) -> Result<Content, Wrong> {
    let found = format!("\"sha256\" of {} bytes", bytes.len());
    let digest = bytes.try_into().map_err(|_| Wrong::new(found, "\"sha256\" of 32 bytes"))?;
    Ok(Content::Sha256(digest))
}

fn exactly(bytes: Vec<u8>, key: &str, len: u64) -> Result<Vec<u8>, Wrong> {
    if bytes.len() as u64 == len {
        return Ok(bytes);
    }
    Err(Wrong::new(format!("{key:?} of {} bytes", bytes.len()), format!("{len} bytes, as \"len\"")))
}

fn place(fields: &mut Fields) -> Result<(u16, u64), Wrong> {
    Ok((fields.id("dom")?, any_number(fields, "addr")?))
}

fn any_number(fields: &mut Fields, key: &str) -> Result<u64, Wrong> {
    fields.number(key, 0..=u64::MAX)
}

fn unknown_kind(kind: &str) -> Wrong {
    let known = "deny, allow, domain, write, fill, op, destroy, soft_reset or check";
    Wrong::new(format!("record {}", quoted(kind)), known)
}
