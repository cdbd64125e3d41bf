//! What happens in a system of domains, as bytes: the form that traces are turned into.
//!
//! Fixed fields, little-endian, no lengths but those of written bytes: most changes of a byte are
//! another sensible script.

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'b> {
    /// A domain comes, with so many pages.
    Create {
        /// Its id.
        dom: u16,
        /// Its pages.
        pages: u8,
    },
    /// A guest writes its memory.
    Write {
        /// Who.
        dom: u16,
        /// Where.
        at: u32,
        /// What.
        bytes: &'b [u8],
    },
    /// A guest makes a hypercall.
    Op {
        /// Who.
        dom: u16,
        /// The command.
        cmd: u8,
        /// The registers.
        args: [u64; 4],
    },
    /// The domain goes.
    Destroy(u16),
    /// Its Argo state goes.
    SoftReset(u16),
    /// Nobody runs in it any more.
    Deactivate(u16),
    /// Somebody does.
    Activate(u16),
    /// The policy refuses this domain to send from here on.
    Deny(u16),
    /// The policy allows it again.
    Allow(u16),
}

/// The first step in `bytes`, which loses it; `None`: they are over.
pub fn next<'b>(bytes: &mut &'b [u8]) -> Option<Step<'b>> {
    let [tag] = take(bytes)?;
    let dom = u16::from_le_bytes(take(bytes)?);
    Some(match tag % 9 {
        0 => Step::Create { dom, pages: take::<1>(bytes)?[0] },
        1 => {
            let at = u32::from_le_bytes(take(bytes)?);
            let len = usize::from(take::<1>(bytes)?[0]).min(bytes.len());
            let (written, rest) = bytes.split_at(len);
            *bytes = rest;
            Step::Write { dom, at, bytes: written }
        }
        2 => {
            let [cmd] = take(bytes)?;
            let mut args = [0; 4];
            for arg in &mut args {
                *arg = u64::from_le_bytes(take(bytes)?);
            }
            Step::Op { dom, cmd, args }
        }
        3 => Step::Destroy(dom),
        4 => Step::SoftReset(dom),
        5 => Step::Deactivate(dom),
        6 => Step::Activate(dom),
        7 => Step::Deny(dom),
        _ => Step::Allow(dom),
    })
}

/// Appends a step, which [`next`] reads. At most 255 bytes can be written at once.
pub fn push(step: Step<'_>, to: &mut Vec<u8>) {
    let mut head = |tag: u8, dom: u16| {
        to.push(tag);
        to.extend(dom.to_le_bytes());
    };
    match step {
        Step::Create { dom, pages } => {
            head(0, dom);
            to.push(pages);
        }
        Step::Write { dom, at, bytes } => {
            head(1, dom);
            to.extend(at.to_le_bytes());
            to.push(bytes.len() as u8);
            to.extend(bytes);
        }
        Step::Op { dom, cmd, args } => {
            head(2, dom);
            to.push(cmd);
            to.extend(args.iter().flat_map(|arg| arg.to_le_bytes()));
        }
        Step::Destroy(dom) => head(3, dom),
        Step::SoftReset(dom) => head(4, dom),
        Step::Deactivate(dom) => head(5, dom),
        Step::Activate(dom) => head(6, dom),
        Step::Deny(dom) => head(7, dom),
        Step::Allow(dom) => head(8, dom),
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
