//! Lists of system calls as programs for the kernel, and their installation.

use std::collections::BTreeMap;
use std::io;
use std::process;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::calls::{Call, Is, LOW, List, Verdict};

/// What the kernel is asked of each call, by its number; no rules: it matches always.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Leaves this thread, and those that it starts, with these calls.
///
/// # Errors
/// The kernel has no seccomp, or the list is no list for it.
pub(super) fn confine(list: &List) -> io::Result<String> {
    compile(list)?.iter().try_for_each(install)?;
    Ok("seccomp".to_owned())
}

/// The programs of a list. The last one allows no other program, so they go in in this order.
///
/// # Errors
/// The list is no list for this kind of processor.
pub(super) fn compile(list: &List) -> io::Result<Vec<BpfProgram>> {
    let exceptions = list.exceptions.iter();
    exceptions
        .map(|(calls, verdict)| program(&[calls], SeccompAction::Allow, action(*verdict)))
        .chain([program(list.allowed, action(list.otherwise), SeccompAction::Allow)])
        .collect()
}

/// Puts a program into force for this thread. It sets `no_new_privs`, too.
///
/// # Errors
/// The kernel refuses it.
pub(super) fn install(program: &BpfProgram) -> io::Result<()> {
    seccompiler::apply_filter(program).map_err(|error| match error {
        seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => error,
        other => io::Error::other(other),
    })
}

fn program(
    groups: &[&[Call]],
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules(groups)?, otherwise, matched, arch);
    filter.and_then(BpfProgram::try_from).map_err(io::Error::other)
}

fn rules(groups: &[&[Call]]) -> io::Result<Rules> {
    let mut conditional = Rules::new();
    let mut always = Rules::new();
    for call in groups.iter().copied().flatten() {
        match call {
            Call::Any(number) => _ = always.insert(*number, Vec::new()),
            Call::If(number, conditions) => {
                conditional.entry(*number).or_default().push(rule(conditions)?);
            }
            Call::Ioctl(request) => {
                let this = Is { argument: 1, mask: LOW, value: *request };
                conditional.entry(libc::SYS_ioctl).or_default().push(rule(&[this])?);
            }
            Call::ToItself(number) => {
                let this = Is { argument: 0, mask: u64::MAX, value: process::id().into() };
                conditional.entry(*number).or_default().push(rule(&[this])?);
            }
        }
    }
    // What one group allows always, another may allow under conditions.
    conditional.extend(always);
    Ok(conditional)
}

fn rule(conditions: &[Is]) -> io::Result<SeccompRule> {
    let conditions = conditions.iter().map(|Is { argument, mask, value }| {
        let equal = SeccompCmpOp::MaskedEq(*mask);
        SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, equal, *value)
    });
    let conditions = conditions.collect::<Result<_, _>>().map_err(io::Error::other)?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn action(verdict: Verdict) -> SeccompAction {
    match verdict {
        Verdict::Killed => SeccompAction::KillProcess,
        Verdict::Answered(errno) => SeccompAction::Errno(errno.unsigned_abs()),
    }
}
