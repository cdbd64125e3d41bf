//! Domains that are virtual machines on KVM, beside processes. Where KVM cannot be used only what is
//! wrong with images is checked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use argo_core::Errno;
use argo_core::abi::{DOMID_ANY, Op};
use argo_core::host::layout::QueueLayout;
use argo_core::host::machine::{CONTROL, KERNEL_FIRST};
use argo_core::platform::Platform as _;
use argod::admin::{AdminClient, Changed, DomainStat, MachineStat, MachineState, Request};
use argod_hostile::kernels::{self, Script};
use common::tool::{plain, run, text};
use common::{Argod, PATIENCE, open_system, register, ring_bytes, send, wait_until};
use tempfile::TempDir;

const RAM: u64 = 4 << 20;
/// Where the scripts put things.
const THEIR_RING: u64 = 0x10_0000;
const THEIR_ARGS: u64 = 0x20_0000;
/// From a ring's first byte to the first message's payload: two headers.
const PAYLOAD: u64 = 64 + 16;
/// `tx_ptr` in a ring's header.
const TX: u64 = 4;

/// Nobody but the client may have rings, and only it may send.
fn closed(guest: &str) -> String {
    let allowed = "[[policy]]\nhook = \"enable\"\nfrom = \"any\"\n\
                   [[policy]]\nhook = \"register_any_source\"\nfrom = \"client\"\n\
                   [[policy]]\nhook = \"send\"\nfrom = \"client\"\nto = \"any\"\n\
                   [[port]]\nfrom = \"any\"\nto = \"any\"\nto_port = \"any\"\n";
    let client = "[[domain]]\nid = 1\nname = \"client\"\nram = \"1MiB\"\n";
    format!("wildcard_rings = true\n{client}[[domain]]\n{guest}{allowed}")
}

/// Everything is allowed.
fn open(guest: &str) -> String {
    open_system(&[(1, "client")]) + "[[domain]]\n" + guest
}

/// The domain 7, `guest`: a machine with this kernel. 1, `client`, is a process's.
fn guest(image: &Path, more: &str) -> String {
    format!("id = 7\nname = \"guest\"\nkind = \"kvm\"\nram = {RAM}\nimage = {image:?}\n{more}\n")
}

fn folder_with(kernel: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("kernel");
    std::fs::write(&image, kernel).unwrap();
    (dir, image)
}

/// An argod with such a machine; `None`, said loudly, where KVM cannot be used.
fn start(kernel: &[u8], more: &str) -> Option<Argod> {
    start_in(kernel, |image| open(&guest(image, more)))
}

fn start_in(kernel: &[u8], system: impl FnOnce(&Path) -> String) -> Option<Argod> {
    if let Err(why) = argo_vm::Kvm::probe() {
        effort::skipped(&format!("virtual machines: {why}"));
        return None;
    }
    let (dir, image) = folder_with(kernel);
    Some(Argod::start_in(dir, &system(&image)))
}

fn machine(argod: &Argod) -> MachineStat {
    argod.domain("guest").machine.unwrap()
}

fn wait_for(argod: &Argod, what: &str, wanted: impl Fn(&MachineStat) -> bool) -> MachineStat {
    let guests = |domain: &DomainStat| wanted(domain.machine.as_ref().unwrap());
    argod.wait_for("guest", what, guests);
    machine(argod)
}

/// What it ended with, once it has.
fn end(argod: &Argod) -> String {
    wait_for(argod, "its end", |guest| guest.state == MachineState::Ended).last_end.unwrap()
}

/// argod, and all that it serves, is well.
fn is_well(argod: &Argod) {
    let client = argod.attach("client");
    assert_eq!(register(&client, 9, DOMID_ANY, 4096), 0);
    assert_eq!(send(&client, 9, (1, 9), b"hello"), 5);
}

/// What argod says of a configuration that it does not start with.
fn complaint(kernel: &[u8], more: &str) -> String {
    complaint_in(folder_with(kernel), more)
}

fn complaint_in((dir, image): (TempDir, PathBuf), more: &str) -> String {
    let config = dir.path().join("argod.toml");
    let header = format!("runtime_dir = {:?}\n", dir.path());
    std::fs::write(&config, header + &open(&guest(&image, more))).unwrap();
    let said = |option: &str| {
        let mut argod = Command::new(env!("CARGO_BIN_EXE_argod"));
        let output = argod.arg(option).arg(&config).output().unwrap();
        assert!(!output.status.success());
        text(&output.stderr)
    };
    let [checked, started] = [said("--check-config"), said("--config")];
    assert!(!dir.path().join("guest.sock").exists(), "nothing was started");
    let told = checked.trim_end().rsplit("argod: ").next().unwrap();
    assert!(started.contains(told), "{started:?} says as much as {checked:?}");
    checked.replace(dir.path().to_str().unwrap(), "DIR")
}

#[test]
fn an_image_that_is_no_kernel_is_refused_before_anything_starts() {
    let good = kernels::exits(0);
    let mut others = good.clone();
    others[18] = 183;
    let cases = [
        (&b""[..], "it is empty"),
        (&b"#!/bin/sh\n"[..], "not as an ELF file"),
        (&good[..100], "it is cut short: the table of its parts ends at byte 120, the file at 100"),
        (&others[..], "it is for another machine: ELF class 2, data 1, machine 183"),
    ];
    for (image, expected) in cases {
        let said = complaint(image, "");
        assert!(said.contains("domain guest: image DIR/kernel: "), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let mut vast = good.clone();
    // The part's size in memory.
    vast[104..112].copy_from_slice(&RAM.to_le_bytes());
    let said = complaint(&vast, "");
    assert!(said.contains("needs memory from 0x10000 to 0x410000; the RAM for it is"), "{said}");
    let (dir, image) = folder_with(&good);
    std::fs::remove_file(&image).unwrap();
    assert!(Command::new("mkfifo").arg(&image).status().unwrap().success());
    let said = complaint_in((dir, image), "");
    assert!(said.contains("domain guest: image DIR/kernel: it is no regular file"), "{said}");
    let said = complaint(&good, "vcpus = 9");
    assert!(said.contains("found 9, expected an integer from 1 to 8"), "{said}");
    let said = complaint(&good, "quotas.sessions = 1");
    assert!(said.contains("found unknown key `sessions`"), "{said}");
}

#[test]
fn a_machine_and_a_process_exchange_messages_under_one_policy() {
    let kernel = Script::default()
        .register(7, DOMID_ANY, THEIR_RING, 4096)
        .expect(0)
        .until(THEIR_RING + TX)
        .send((1, 9), THEIR_RING + PAYLOAD, 5, THEIR_ARGS)
        .expect(5)
        .send((1, 10), THEIR_RING + PAYLOAD, 5, THEIR_ARGS)
        .expect(Errno::ECONNREFUSED.ret())
        .then_exit(0);
    let Some(argod) = start(&kernel, "") else { return };
    let client = argod.attach("client");
    assert_eq!(register(&client, 9, DOMID_ANY, 4096), 0);
    wait_until("the machine has its ring", || send(&client, 9, (7, 7), b"hello") == 5);
    wait_until("the answer", || client.events().virq > 0);
    assert_eq!(ring_bytes(&client, 16, 5), b"hello");
    assert_eq!(end(&argod), "exit code 0");
    let guest = argod.domain("guest");
    assert_eq!((guest.messages, guest.bytes, guest.rings_total), (1, 5, 0));
    assert!(guest.service_ns > 0 && guest.guest_ns > 0, "its time is on its account");
    assert_eq!(guest.machine.unwrap().failures, 0);
}

#[test]
fn a_machine_is_refused_what_the_policy_does_not_allow() {
    let denied = Errno::EACCES.ret();
    let kernel = Script::default()
        .register(7, DOMID_ANY, THEIR_RING, 4096)
        .expect(denied)
        .register(7, 1, THEIR_RING, 4096)
        .expect(denied)
        .send((1, 9), THEIR_RING, 5, THEIR_ARGS)
        .expect(denied)
        .then_exit(0);
    let Some(argod) = start_in(&kernel, |image| closed(&guest(image, ""))) else { return };
    let client = argod.attach("client");
    assert_eq!(register(&client, 9, DOMID_ANY, 4096), 0);
    assert_eq!(end(&argod), "exit code 0");
    assert_eq!(client.events().virq, 0);
    let guest = argod.domain("guest");
    assert_eq!(guest.denied.values().sum::<u64>(), 3, "{:?}", guest.denied);
}

#[test]
fn addresses_that_are_none_are_answered_and_change_nothing() {
    let fault = Errno::EFAULT.ret();
    let mut script = Script::default();
    let tables = [0x1000, 0x2000, KERNEL_FIRST - 8];
    let nowhere = [0, 1, 0xfff, RAM - 1, RAM, CONTROL, u64::MAX - 7, 1 << 63];
    for address in nowhere.into_iter().chain(tables) {
        script = script.call(Op::Sendv as u32, [address, address, 1, 0]).expect(fault);
        script = script.call(Op::RegisterRing as u32, [address, THEIR_ARGS, 1, 0]).expect(fault);
        script = script.call(Op::UnregisterRing as u32, [address, 0, 0, 0]).expect(fault);
    }
    script = script.register(7, DOMID_ANY, THEIR_RING, 4096).expect(0);
    script = script.send((7, 7), RAM, 5, THEIR_ARGS).expect(fault);
    script = script.send((7, 7), KERNEL_FIRST - 8, 5, THEIR_ARGS).expect(fault);
    // Pages that do not exist, are the null page or what the processor starts with, or are not the
    // machine's.
    for page in [0, 1, 2, KERNEL_FIRST / 4096 - 1, RAM / 4096, CONTROL / 4096, u64::MAX] {
        let ring = Script::register;
        script = ring(script, 7, DOMID_ANY, THEIR_RING, 4096).expect(0);
        script = script.store(THEIR_RING - 0x800, &page);
        let call = [THEIR_RING - 0x1000, THEIR_RING - 0x800, 2, 0];
        script = script.call(Op::RegisterRing as u32, call).expect(Errno::EINVAL.ret());
    }
    let Some(argod) = start(&script.then_exit(0), "") else { return };
    assert_eq!(end(&argod), "exit code 0");
    assert_eq!(argod.domain("guest").messages, 0);
    is_well(&argod);
}

#[test]
fn whatever_a_machine_does_wrong_is_an_event() {
    let submitted = CONTROL + u64::from(QueueLayout::new(0).submitted().0);
    let liar = Script::default().store(submitted, &1000u32).ring().then_exit(0);
    let cases = [
        (kernels::faults(), "failed: an exception (triple fault) at 0x10000, address 0x0"),
        (kernels::touches(RAM), "failed: an exception (triple fault) at 0x1000a, address 0x400000"),
        (kernels::reads_a_port(), "failed: port 0xa60 read with 4 byte(s)"),
        (kernels::exits(3), "exit code 3"),
        (liar, "protocol broken: submission index 1000 is 1000 ahead of 0: at most 256"),
    ];
    for (kernel, expected) in cases {
        let Some(argod) = start(&kernel, "") else { return };
        assert_eq!(end(&argod), expected);
        assert_eq!(machine(&argod).failures, 1);
        is_well(&argod);
    }
}

#[test]
fn a_machine_that_never_comes_back_is_stopped_and_started() {
    let Some(mut argod) = start(&kernels::spins(), "vcpus = 2") else { return };
    let ask = |request| argod.admin().request::<Changed>(&request);
    let stop = || ask(Request::Stop { domain: "guest".into() });
    let start = || ask(Request::Start { domain: "7".into() });
    assert_eq!(machine(&argod).state, MachineState::Running);
    assert_eq!(start().unwrap_err().to_string(), "its machine runs already");
    assert_eq!(stop().unwrap().sessions_ended, 1);
    let stopped = machine(&argod);
    assert_eq!((stopped.state, stopped.failures), (MachineState::Stopped, 0));
    assert_eq!(stop().unwrap().sessions_ended, 0, "it has ended");
    start().unwrap();
    assert_eq!(machine(&argod).state, MachineState::Running);
    is_well(&argod);
    argod.signal("TERM");
    assert!(argod.process.wait().unwrap().success());
}

#[test]
fn machines_are_started_again_as_their_policy_says() {
    let again = |guest: &MachineStat| guest.restarts >= 2;
    for (code, restart) in [(0, "always"), (1, "always"), (1, "on-failure")] {
        let more = format!("restart = {restart:?}");
        let Some(argod) = start(&kernels::exits(code), &more) else { return };
        let guest = wait_for(&argod, "it is started again", again);
        assert_eq!(guest.last_end, Some(format!("exit code {code}")));
        assert_eq!(guest.failures > 0, code > 0);
        let stop = Request::Stop { domain: "guest".into() };
        argod.admin().request::<Changed>(&stop).unwrap();
        assert_eq!(machine(&argod).state, MachineState::Stopped);
    }
    for (code, restart) in [(0, "never"), (1, "never"), (0, "on-failure")] {
        let more = format!("restart = {restart:?}");
        let Some(argod) = start(&kernels::exits(code), &more) else { return };
        assert_eq!(end(&argod), format!("exit code {code}"));
        assert_eq!(machine(&argod).restarts, 0);
    }
}

#[test]
fn a_machine_starts_again_with_nothing_left_of_its_last_life() {
    let kernel = Script::default()
        .register(7, DOMID_ANY, THEIR_RING, 4096)
        .expect(0)
        .register(8, DOMID_ANY, THEIR_RING + 0x4000, 4096)
        .expect(0)
        .then_exit(1);
    let Some(argod) = start(&kernel, "restart = \"always\"\nquotas.rings = 2") else { return };
    let guest = wait_for(&argod, "it is started again", |guest| guest.restarts >= 2);
    assert_eq!(guest.last_end.as_deref(), Some("exit code 1"), "its rings of before are gone");
    assert!(argod.domain("guest").ending_ns > 0, "nor is its keeper's time forgotten");
}

#[test]
fn a_machine_that_is_started_by_hand_finds_its_memory_as_new() {
    // Behind its code, where its variables would be; and what argod and it count.
    let variable = KERNEL_FIRST + 0x8000;
    let submitted = CONTROL + u64::from(QueueLayout::new(0).submitted().0);
    let kernel = Script::default()
        .expect_zero(variable, 41)
        .expect_zero(submitted, 42)
        .store(variable, &1u32)
        .register(7, DOMID_ANY, THEIR_RING, 4096)
        .expect(0)
        .then_exit(0);
    let Some(argod) = start(&kernel, "") else { return };
    assert_eq!(end(&argod), "exit code 0");
    for ask in 0..4 {
        let domain = "guest".to_owned();
        argod.admin().request::<Changed>(&Request::Start { domain: domain.clone() }).unwrap();
        if ask % 2 == 0 {
            // Whether it has ended meanwhile or not.
            argod.admin().request::<Changed>(&Request::Stop { domain }).unwrap();
        } else {
            assert_eq!(end(&argod), "exit code 0");
        }
    }
    assert_eq!(argod.domain("guest").machine.unwrap().failures, 0);
}

#[test]
fn who_waits_for_a_machine_hears_of_its_end() {
    let kernel = Script::default().register(7, 1, THEIR_RING, 4096).expect(0).then_sleep();
    // A ring for a domain in which nobody runs is refused: it tries again.
    let Some(argod) = start(&kernel, "restart = \"on-failure\"") else { return };
    let client = argod.attach("client");
    wait_until("the machine has its ring", || send(&client, 9, (7, 7), b"x") == 1);
    while send(&client, 9, (7, 7), &[1; 1000]) > 0 {}
    assert_eq!(send(&client, 9, (7, 7), &[1; 1000]), Errno::EAGAIN.ret(), "it never reads");
    let (seen, gone) = (client.sequence(), client.events().peers_gone.unwrap());
    argod.admin().request::<Changed>(&Request::Stop { domain: "guest".into() }).unwrap();
    client.wait(seen, Some(PATIENCE)).unwrap();
    assert_eq!(client.events().peers_gone, Some(gone + 1));
    assert_eq!(send(&client, 9, (7, 7), b"x"), Errno::ECONNREFUSED.ret());
}

#[test]
fn no_process_attaches_to_a_machine_and_none_is_made_later() {
    let Some(argod) = start(&kernels::sleeps(), "") else { return };
    let attached = argo_guest::host::HostSession::attach(argod.socket("guest"));
    let said = attached.err().unwrap().to_string();
    assert!(said.contains("the domain is a virtual machine: no process attaches to it"), "{said}");
    let domain = format!(
        "id = 8\nname = \"late\"\nkind = \"kvm\"\nram = {RAM}\nimage = {:?}\n",
        argod.path("kernel")
    );
    let create = Request::Create { file: None, domain };
    let said = argod.admin().request::<Changed>(&create).unwrap_err().to_string();
    let expected = "machines are made when argod starts, from its configuration; one that was \
                    destroyed may be made anew with its id, image and RAM";
    assert_eq!(said, expected);
    let said = argod.admin().request::<Changed>(&Request::Stop { domain: "client".into() });
    assert_eq!(said.unwrap_err().to_string(), "domain client is no virtual machine");
    let destroy = Request::Destroy { domain: "guest".into() };
    assert_eq!(argod.admin().request::<Changed>(&destroy).unwrap().sessions_ended, 1);
    assert_eq!(argod.stat().domains.len(), 1);
}

#[test]
fn a_machine_that_was_destroyed_is_made_anew_only_as_it_was() {
    let Some(argod) = start(&kernels::exits(5), "") else { return };
    let ask = |request: Request| argod.admin().request::<Changed>(&request);
    let made = |image: &str, ram: u64| {
        let image = argod.path(image);
        let domain =
            format!("id = 7\nname = \"anew\"\nkind = \"kvm\"\nram = {ram}\nimage = {image:?}\n");
        ask(Request::Create { file: None, domain })
    };
    ask(Request::Destroy { domain: "guest".into() }).unwrap();
    for (image, ram) in [("other", RAM), ("kernel", RAM / 2)] {
        let said = made(image, ram).unwrap_err().to_string();
        assert!(said.contains("machines are made when argod starts"), "{image}, {ram}: {said}");
    }
    made("kernel", RAM).unwrap();
    ask(Request::Start { domain: "anew".into() }).unwrap();
    let ended = |domain: &DomainStat| domain.machine.as_ref().unwrap().last_end.is_some();
    argod.wait_for("anew", "its end", ended);
    let anew = argod.domain("anew").machine.unwrap();
    assert_eq!(anew.last_end.as_deref(), Some("exit code 5"));
}

/// Whatever administrators ask while it starts: it serves, and it stops.
#[test]
fn whoever_administers_while_machines_start_holds_nothing_up() {
    const MACHINES: usize = 6;
    if let Err(why) = argo_vm::Kvm::probe() {
        return effort::skipped(&format!("virtual machines: {why}"));
    }
    let (dir, image) = folder_with(&kernels::sleeps());
    let domain = |number: usize| {
        let id = 10 + number;
        format!(
            "[[domain]]\nid = {id}\nname = \"guest-{number}\"\nkind = \"kvm\"\nram = {RAM}\n\
             image = {image:?}\n"
        )
    };
    let domains: String = (0..MACHINES).map(domain).collect();
    let admin = dir.path().join("admin.sock");
    let asks = std::thread::spawn(move || {
        let last = MACHINES - 1;
        let domains = [last, last - 1, last - 2].map(|number| format!("guest-{number}"));
        let [started, stopped, destroyed] = domains;
        wait_until("the administrators' socket", || AdminClient::connect(&admin).is_ok());
        let ask = |request| {
            let mut admin = AdminClient::connect(&admin).unwrap();
            admin.request::<Changed>(&request).map(drop).map_err(|error| error.to_string())
        };
        // Too early, there is no such domain yet.
        wait_until("one more runs", || {
            let said = ask(Request::Start { domain: started.clone() });
            said.is_ok() || said == Err("its machine runs already".to_owned())
        });
        let _ = ask(Request::Start { domain: stopped.clone() });
        ask(Request::Stop { domain: stopped }).unwrap();
        ask(Request::Destroy { domain: destroyed }).unwrap();
    });
    let mut argod = Argod::start_in(dir, &(open_system(&[(1, "client")]) + &domains));
    asks.join().unwrap();
    is_well(&argod);
    let states = |domain: &DomainStat| Some((domain.id, domain.machine.as_ref()?.state));
    let states: Vec<_> = argod.stat().domains.iter().filter_map(states).collect();
    use MachineState::{Running, Stopped};
    let expected = [(10, Running), (11, Running), (12, Running), (14, Stopped), (15, Running)];
    assert_eq!(states, expected);
    argod.signal("TERM");
    assert!(argod.process.wait().unwrap().success());
}

#[test]
fn a_machine_stays_on_the_processors_of_its_domain() {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = own.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap();
    let last = allowed.rsplit(['-', ',']).next().unwrap();
    let more = format!("cpus = [{last}]\nvcpus = 2");
    let Some(argod) = start(&kernels::spins(), &more) else { return };
    for name in ["keeper-7", "vcpu-7-0", "vcpu-7-1"] {
        // A thread has its maker's name until it first runs.
        let find = || argod.threads().into_iter().find(|(_, named)| named == name);
        wait_until(name, || find().is_some());
        let (thread, _) = find().unwrap();
        let path = format!("/proc/{}/task/{thread}/status", argod.process.id());
        let status = std::fs::read_to_string(path).unwrap();
        assert!(status.contains(&format!("Cpus_allowed_list:\t{last}\n")), "{name}: {status}");
    }
}

/// It has done so often what costs its maker something.
fn stormy(argod: &Argod) {
    wait_for(argod, "a thousand exits", |guest| guest.exits > 1000);
    is_well(argod);
    argod.admin().request::<Changed>(&Request::Stop { domain: "guest".into() }).unwrap();
}

#[test]
fn whatever_a_machine_does_without_end_reaches_nobody() {
    let storms =
        [kernels::rings(0), kernels::rings(99), kernels::sleeps_badly(), kernels::prints(b"x")];
    for kernel in storms {
        // Each vCPU does.
        let Some(argod) = start(&kernel, "vcpus = 2") else { return };
        stormy(&argod);
        let guest = argod.domain("guest");
        assert!(guest.service_ns + guest.guest_ns > 0, "its time is on its account");
    }
}

#[test]
fn a_machine_that_calls_more_than_its_weight_is_worth_is_delayed() {
    // Nothing is in the slots: each call is refused.
    let kernel = kernels::calls(100);
    let Some(light) = start(&kernel, "weight = 1") else { return };
    wait_for(&light, "a delay", |guest| guest.delayed_ns > 0);
    is_well(&light);
    let Some(heavy) = start(&kernel, "weight = 10000") else { return };
    stormy(&heavy);
    assert_eq!(machine(&heavy).delayed_ns, 0, "one vCPU takes one processor at the most");
}

#[test]
fn a_machine_cannot_fill_the_log_nor_write_to_a_terminal() {
    const LINES: usize = 100;
    let line = |script: Script, _| script.print(b"\x1b[31mred\"\xff\n");
    let waits = Script::default().register(7, DOMID_ANY, THEIR_RING, 4096).until(THEIR_RING + TX);
    let kernel = (0..LINES).fold(waits, line).then_exit(0);
    let Some(argod) = start(&kernel, "") else { return };
    let client = argod.attach("client");
    wait_until("the machine has its ring", || send(&client, 9, (7, 7), b"now") == 3);
    assert_eq!(end(&argod), "exit code 0");
    let log = || std::fs::read_to_string(argod.path("log")).unwrap();
    wait_until("its end is told", || log().contains("machine ended"));
    let log = log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("[31mred")).collect();
    assert!((1..=20).contains(&told.len()), "{} lines for {LINES}: {log}", told.len());
    assert!(!log.contains('\x1b'), "{log}");
}

#[test]
fn a_machine_is_shown() {
    let Some(argod) = start(&kernels::exits(5), "vcpus = 3") else { return };
    end(&argod);
    let said = |arguments: &[&str]| {
        let mut command = plain(arguments);
        command.env("ARGO_ADMIN", argod.path("admin.sock"));
        text(&run(command, b"").stdout)
    };
    let stat = said(&["stat"]);
    let row = stat.split("virtual machines\n").nth(1).unwrap().lines().nth(1).unwrap();
    let words: Vec<_> = row.split_whitespace().collect();
    assert_eq!(
        (&words[..3], &words[8..]),
        (&["guest", "ended", "3"][..], &["exit", "code", "5"][..])
    );
    assert!(said(&["domain", "show", "guest"]).contains("virtual machine\n"));
    assert_eq!(said(&["domain", "start", "guest"]), "started 7 (guest): its machine runs\n");
    end(&argod);
    assert_eq!(said(&["domain", "stop", "guest"]), "stopped 7 (guest): its machine had ended\n");
}

/// The kernel that `argo-guest/metal/guests` makes (docs/kvm.md says how), if this names it.
const GUESTS: &str = "ARGO_MACHINE";

/// An argod with machines that play these roles, from the domain 10 on; `None`, said loudly, where
/// there is no kernel or no KVM.
fn start_roles(roles: &[&str]) -> Option<Argod> {
    let Some(image) = std::env::var_os(GUESTS) else {
        effort::skipped(&format!("guests that use sockets: {GUESTS} does not name their kernel"));
        return None;
    };
    let image = PathBuf::from(image);
    let domain = |(number, role): (usize, &&str)| {
        let (id, name) = (10 + number, format!("guest-{number}"));
        format!(
            "[[domain]]\nid = {id}\nname = {name:?}\nkind = \"kvm\"\nram = \"16MiB\"\n\
             image = {image:?}\ncommand = {role:?}\n"
        )
    };
    let domains: String = roles.iter().enumerate().map(domain).collect();
    start_in(&[], |_| open_system(&[(1, "client")]) + &domains)
}

/// What a machine has written, once it has ended.
fn console(argod: &Argod, domain: &str) -> String {
    let ended = |domain: &DomainStat| domain.machine.as_ref().unwrap().state == MachineState::Ended;
    argod.wait_for(domain, "its end", ended);
    let request = Request::Domain { domain: domain.to_owned() };
    let machine = argod.admin().request::<DomainStat>(&request).unwrap().machine.unwrap();
    assert_eq!(machine.last_end.as_deref(), Some("exit code 0"), "{}", machine.console);
    machine.console
}

#[track_caller]
fn all_is_well(console: &str, last: &str) {
    assert!(!console.contains("FAILED"), "{console}");
    assert!(console.contains(&format!("check: {last}: ok")), "{console}");
}

#[test]
fn a_platform_keeps_what_it_promises_to_the_sockets_above_it() {
    let Some(argod) = start_roles(&["role=loopback calls=each"]) else { return };
    all_is_well(&console(&argod, "guest-0"), "unregister");
}

#[test]
fn two_machines_talk_by_datagrams_and_streams() {
    let Some(argod) = start_roles(&["role=serve", "role=ask peer=10"]) else { return };
    all_is_well(&console(&argod, "guest-1"), "that is all");
    all_is_well(&console(&argod, "guest-0"), "datagrams and streams served");
    let asked = argod.domain("guest-1");
    let calls = asked.messages;
    let exits = asked.machine.unwrap().exits;
    println!("{exits} exits for {calls} messages");
}

#[test]
fn a_process_and_a_machine_talk_by_the_same_sockets() {
    use argo_guest::{Address, BindOptions, Datagram, Domain, DomainId, Port};
    let Some(argod) = start_roles(&["role=serve"]) else { return };
    let domain = Domain::new(argod.attach("client"));
    let server = Address { domain: DomainId::new(10).unwrap(), port: Port(7) };
    let partner = BindOptions::any_port().partner(server.domain);
    let socket = Datagram::bind_blocking(&domain, partner).unwrap();
    wait_until("the server is there", || socket.blocking().send_to(b"hello", server).is_ok());
    let mut answer = [0; 64];
    let heard = socket.blocking_for(PATIENCE).recv_from(&mut answer).unwrap();
    assert_eq!((&answer[..heard.0], heard.1), (&b"HELLO"[..], server));
    socket.blocking().send_to(b"that is all", server).unwrap();
    // It counts streams too, of which there was none.
    assert!(console(&argod, "guest-0").contains("1 datagrams, 0 streams"));
}

#[test]
fn the_demo_with_a_machine_goes_as_claimed() {
    let (Some(image), Ok(_)) = (std::env::var_os(GUESTS), argo_vm::Kvm::probe()) else {
        return effort::skipped("the demo with a machine: no kernel, or no KVM");
    };
    let mut demo = plain(&["demo", "--each", "200ms", "--vm"]);
    let output = demo.arg(image).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("2. A process sends it \"hello\", and it answers \"HELLO\"."), "{said}");
    assert!(said.contains("which the policy forbids it, is refused."), "{said}");
    let tried = "4. Another machine tries to receive from that process, and to send to it: 2 times refused.";
    assert!(said.contains(tried), "{said}");
    assert!(said.contains("It is told that that is all: exit code 0"), "{said}");
}
