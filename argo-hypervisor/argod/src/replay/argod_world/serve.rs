//! The process of a domain: attaches, then does what it is asked for.

use std::error::Error;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use argo_core::platform::{Call, Link, Platform};
use argo_guest::host::HostSession;

use super::super::world::MAX_ACCESS_BYTES;
use super::protocol::{Frame, answer, request};

/// Attaches to the domain whose socket lies at `domain` and serves `asker`, who knows the rest, up
/// to its end. What goes wrong with the domain is told there.
///
/// # Errors
/// The connection to `asker` broke.
pub fn serve_guest(domain: &Path, mut asker: UnixStream) -> io::Result<()> {
    let session = match HostSession::attach(domain) {
        Ok(session) => session,
        Err(error) => return failed(&error).send(&mut asker),
    };
    Frame::new(answer::DONE, &[]).send(&mut asker)?;
    let mut virqs = session.events().virq;
    while let Some(asked) = Frame::receive(&mut asker)? {
        let done = carry_out(&session, &mut virqs, &asked);
        done.unwrap_or_else(|error| failed(error.as_ref())).send(&mut asker)?;
    }
    Ok(())
}

fn carry_out(
    session: &HostSession,
    virqs: &mut u32,
    asked: &Frame,
) -> Result<Frame, Box<dyn Error>> {
    let [word, args @ ..] = asked.words;
    match asked.code {
        request::WRITE => {
            session.ram().write(usize::try_from(word)?, &asked.body)?;
            Ok(Frame::new(answer::DONE, &[]))
        }
        request::READ => {
            let mut bytes = vec![0; usize::try_from(args[0])?.min(MAX_ACCESS_BYTES)];
            session.ram().read(usize::try_from(word)?, &mut bytes)?;
            Ok(Frame::new(answer::DONE, &[]).with_body(bytes))
        }
        request::OP => {
            let call = Call { cmd: u32::try_from(word)?, args, link: Link::None };
            Ok(Frame::new(answer::DONE, &[session.call(&call)?.cast_unsigned()]))
        }
        request::VIRQS => {
            let now = session.events().virq;
            let since = now.wrapping_sub(std::mem::replace(virqs, now));
            Ok(Frame::new(answer::DONE, &[since.into()]))
        }
        unknown => Err(format!("unknown request {unknown}").into()),
    }
}

fn failed(error: &dyn Error) -> Frame {
    Frame::new(answer::FAILED, &[]).with_body(error.to_string().into_bytes())
}
