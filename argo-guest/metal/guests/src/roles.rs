//! What a guest does, by its command line: `role=ask peer=1`.

use argo_core::platform::Platform;
use argo_guest::{Domain, DomainId};

use crate::probe::Asked;
use crate::{Report, loopback, probe, talk};

/// Plays the role to its end. The last line is always `done`.
pub fn play<A: Asked>(asked: A, command_line: &str, report: &mut Report<'_>)
where
    A::Platform: 'static,
{
    let role = option(command_line, "role").unwrap_or_default();
    let peer = option(command_line, "peer").and_then(|id| DomainId::new(id.parse().ok()?));
    report.note(format_args!("domain {}: {command_line}", asked.platform().domain()));
    match (role, peer) {
        ("idle", _) => {}
        ("loopback", _) => loopback::run(asked.platform(), report),
        ("probe", _) => probe::ask_all(&asked, &mut |question, answer| {
            report.answer(question, answer);
        }),
        ("serve", _) => talk::serve(&session(asked), report),
        ("ask", Some(peer)) => talk::ask(&session(asked), peer, report),
        ("count", _) => talk::count(&session(asked), report),
        ("generate", Some(peer)) => talk::generate(&session(asked), peer, report),
        ("forbidden", Some(peer)) => talk::forbidden(&session(asked), peer, report),
        _ => report.check("a role", false),
    }
    report.done();
}

/// A session without threads. What is drawn from the time is different each time, and no more: nobody
/// attacks these guests.
fn session<A: Asked>(asked: A) -> Domain
where
    A::Platform: 'static,
{
    let entropy = asked.platform().now().as_nanos() as u64;
    Domain::without_thread(asked.into_platform(), entropy).0
}

/// The value of `name=value` on a command line.
pub fn option<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::option;

    #[test]
    fn options_are_whole_words_of_the_command_line() {
        let line = " role=client peer=1 roles=x quiet";
        assert_eq!(option(line, "role"), Some("client"));
        assert_eq!(option(line, "peer"), Some("1"));
        assert_eq!(option(line, "quiet"), None);
        assert_eq!(option(line, "pee"), None);
        assert_eq!(option("", "role"), None);
    }
}
