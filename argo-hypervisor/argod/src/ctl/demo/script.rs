//! What happens in the demo, and what is said about it.

use std::io::{self, Write};
use std::time::Duration;

use argo_core::errno::decode_ret;

use super::attack::{Attacked, Trick};
use super::channel::{Ending, LAST_WORDS, Moved};
use super::client::{self, Figures, WINDOW};
use super::message::NUMBERED_LEN;
use super::stage::{ATTACKER, Actor, CLIENT, Domain, SERVER, SERVER_PORT, Stage, Users};
use super::verdict::Outcome;
use super::{Mishap, attacker, server};

const INTRODUCTION: &str = "\
Argo: programs that do not trust each other exchange messages, and a policy says who with whom.
Everything here runs in a temporary folder on this machine and is gone afterwards.

  domain   a party with an identity and memory of its own: on Xen a virtual machine, here a process
  argod    plays the hypervisor: it alone carries messages from domain to domain
  ring     memory that a domain receives messages in, on a numbered port
  policy   rules that say who may send to whom; the first that fits decides, no rule means no
";

/// Plays everything. `true`: all went as claimed.
pub(super) fn play(each: Duration) -> Result<bool, Mishap> {
    let mut out = io::stdout().lock();
    writeln!(out, "{INTRODUCTION}")?;
    let stage = start(&mut out)?;
    let mut cast = enter(&mut out, &stage)?;
    greet(&mut out, &mut cast.client)?;
    let tries_refused = tries(&mut out, &stage, &mut cast.attacker)?;
    let mut outcome = measure(&mut out, &stage, &mut cast, each, tries_refused)?;
    outcome.channel_held = converse(&mut out, cast)?;
    write!(out, "\n{}", outcome.tables())?;
    for (holds, claim) in outcome.claims() {
        writeln!(out, "  {}  {claim}", if holds { "yes" } else { "NO " })?;
    }
    Ok(outcome.claims().iter().all(|(holds, _)| *holds))
}

/// The processes of the domains.
struct Cast {
    client: Actor,
    server: Actor,
    attacker: Actor,
}

fn start(out: &mut impl Write) -> Result<Stage, Mishap> {
    let stage = Stage::set()?;
    writeln!(
        out,
        "1. argod starts. Its policy allows this and nothing else (lines of the file argod.toml):"
    )?;
    for (number, line) in stage.policy()? {
        writeln!(out, "   {number:>4} {line}")?;
    }
    Ok(stage)
}

fn enter(out: &mut impl Write, stage: &Stage) -> Result<Cast, Mishap> {
    writeln!(out, "\n2. Three domains, each a process that attaches to argod:")?;
    let server = stage.enter(&SERVER)?;
    let (client, attacker) = (stage.enter(&CLIENT)?, stage.enter(&ATTACKER)?);
    for Domain { id, name, .. } in [CLIENT, SERVER, ATTACKER] {
        let sessions = stage.stat()?.domains.into_iter().filter(|domain| domain.id == id);
        for session in sessions.flat_map(|domain| domain.sessions) {
            writeln!(out, "     {name:<8}  domain {id}, pid {}, uid {}", session.pid, session.uid)?;
        }
    }
    match &stage.users {
        Users::OneEach => writeln!(out, "   Each has a uid of its own and can reach only argod.")?,
        Users::Shared(why) => writeln!(
            out,
            "   They share argod's uid ({why}).\n   So they are kept apart in argod, but not \
             isolated from argod's process and files, nor from\n   each other's: for that, give \
             each domain a uid of its own."
        )?,
    }
    writeln!(
        out,
        "\n3. The server opens a ring on port {SERVER_PORT}, to every domain that the policy lets."
    )?;
    Ok(Cast { client, server, attacker })
}

fn greet(out: &mut impl Write, client: &mut Actor) -> Result<(), Mishap> {
    writeln!(out, "\n4. The client sends to the server, and gets answers:")?;
    for text in ["hello", "how are you?"] {
        let answer: String = client.ask(&client::Order::Greet(text.into()))?;
        writeln!(out, "     client -> server  {text:?}\n     server -> client  {answer:?}")?;
    }
    Ok(())
}

/// The attacker tries what it may not. `true`: all of it was refused as it should be.
fn tries(out: &mut impl Write, stage: &Stage, attacker: &mut Actor) -> Result<bool, Mishap> {
    writeln!(out, "\n5. The attacker tries what it may not:")?;
    let mut as_claimed = true;
    for (trick, what, expected, otherwise) in [
        (Trick::Send, "send to the server", "EACCES", ""),
        (Trick::Forge, "send in the client's name", "EPERM", "a sender's domain is never forged"),
        (Trick::Open, "open a ring to every domain", "EACCES", ""),
    ] {
        let (answer, causes) = attempt(stage, attacker, trick)?;
        let why = if causes.is_empty() {
            otherwise.to_owned()
        } else {
            causes.join(", ").replace("no rule", "no rule allows it")
        };
        let refused = answer == expected && !why.is_empty();
        let answer = if refused { format!("refused, {answer}: {why}") } else { answer };
        writeln!(out, "     {what:<28} {answer}")?;
        as_claimed &= refused;
    }
    if matches!(stage.users, Users::OneEach) {
        let order = attacker::Order::Intrude(stage.socket(&SERVER));
        let why: Option<String> = attacker.ask(&order)?;
        as_claimed &= why.is_some();
        let answer = why.map_or("DONE", |_| "refused: the socket is the server's user's");
        writeln!(out, "     {:<28} {answer}", "act as the server")?;
    }
    Ok(as_claimed)
}

/// What a trick got, and by which rules of the policy.
fn attempt(
    stage: &Stage,
    attacker: &mut Actor,
    trick: Trick,
) -> Result<(String, Vec<String>), Mishap> {
    let before = stage.stat()?.refusals;
    let ret: i64 = attacker.ask(&attacker::Order::Try(trick))?;
    let after = stage.stat()?.refusals.into_iter().filter(|rule| !before.contains(rule));
    let causes = after.map(|rule| stage.shortened(&rule.cause)).collect();
    let answer = match decode_ret(ret) {
        Ok(_) => "DONE".to_owned(),
        Err(errno) => format!("{errno:?}"),
    };
    Ok((answer, causes))
}

/// What the attacker does while the client measures.
#[derive(Clone, Copy)]
enum Meanwhile {
    Idle,
    Burn,
    Attack,
}

fn measure(
    out: &mut impl Write,
    stage: &Stage,
    cast: &mut Cast,
    each: Duration,
    tries_refused: bool,
) -> Result<Outcome, Mishap> {
    writeln!(
        out,
        "\n6. The client measures, {each:?} each time: messages of {NUMBERED_LEN} bytes and their \
         answers, first one\n   at a time, then {WINDOW} at a time. Meanwhile the attacker"
    )?;
    let mut during = |what: &str, meanwhile| {
        writeln!(out, "     {what}")?;
        one(cast, each, meanwhile)
    };
    let (idle, _) = during("does nothing;", Meanwhile::Idle)?;
    let (burning, _) = during("keeps a processor busy, without argod;", Meanwhile::Burn)?;
    let (attacked, attack) = during(
        "makes forbidden hypercalls as fast as it can, overwrites all the memory that it shares\n     \
         with argod, rings argod's doorbell all the time, and attaches again when thrown out.",
        Meanwhile::Attack,
    )?;
    let sent: u64 = cast.client.ask(&client::Order::End)?;
    let report: server::Report = cast.server.hear()?;
    let stat = stage.stat()?;
    let shorten = |text: &str| stage.shortened(text);
    let refusals = stat.refusals.iter().map(|rule| (shorten(&rule.cause), rule.count)).collect();
    let attacker = stat.domains.into_iter().find(|domain| domain.id == ATTACKER.id);
    let attacker = attacker.ok_or("argod has no attacker any more")?;
    let figures = [idle, burning, attacked];
    // Not yet.
    let channel_held = false;
    Ok(Outcome { figures, attack, sent, report, refusals, attacker, tries_refused, channel_held })
}

/// Client and server have a vchan, until the server is killed. `true`: all of it went as it should.
fn converse(out: &mut impl Write, cast: Cast) -> Result<bool, Mishap> {
    let Cast { mut client, mut server, mut attacker } = cast;
    writeln!(
        out,
        "\n7. The server shares memory with the client alone. In it they have a vchan, a channel of \
         bytes with\n   nobody in between:"
    )?;
    server.ask::<()>(&server::Order::Listen)?;
    let Moved { bytes, took, whole } = client.ask(&client::Order::Write)?;
    server.hear::<()>()?;
    let rate = bytes as f64 / took.as_secs_f64() / 1e9;
    let sum = if whole { "all as written" } else { "DAMAGED" };
    writeln!(out, "     client -> server             {} MiB, {rate:.1} GB/s, {sum}", bytes >> 20)?;

    let order = attacker::Order::Map { owner: SERVER.id.into() };
    let why: Option<String> = attacker.ask(&order)?;
    let refused = why.is_some();
    let answer = why.map_or("DONE".into(), |why| format!("refused: {why}"));
    writeln!(out, "     the attacker maps it         {answer}")?;

    drop(server);
    let Ending { left, then, closed } = client.ask(&client::Order::Mourn)?;
    writeln!(
        out,
        "     the server is killed         the client still reads what was left, {left:?};\n     \
                                             then: {then}"
    )?;
    Ok(whole && refused && closed && left == LAST_WORDS)
}

fn one(
    cast: &mut Cast,
    each: Duration,
    meanwhile: Meanwhile,
) -> Result<(Figures, Attacked), Mishap> {
    let order = match meanwhile {
        Meanwhile::Idle => None,
        Meanwhile::Burn => Some(attacker::Order::Burn),
        Meanwhile::Attack => Some(attacker::Order::Attack),
    };
    if let Some(order) = order {
        cast.attacker.tell(&order)?;
    }
    let millis = u64::try_from(each.as_millis())?;
    let figures = cast.client.ask(&client::Order::Measure(millis))?;
    let attacked = match meanwhile {
        Meanwhile::Idle => Attacked::default(),
        Meanwhile::Burn => {
            cast.attacker.ask::<()>(&attacker::Order::Stop)?;
            Attacked::default()
        }
        Meanwhile::Attack => cast.attacker.ask(&attacker::Order::Stop)?,
    };
    Ok((figures, attacked))
}
