use super::super::host::parse_meminfo;
use super::*;

fn domains(ram: &str) -> Vec<Domain> {
    let small = "[[domain]]\nid = 1\nname = 'small'\nram = '8KiB'\nquotas.grant_pages = 0\n";
    let large = format!(
        "[[domain]]\nid = 2\nname = 'large'\nram = '{ram}'\nquotas.sessions = 3\n\
         quotas.grant_pages = 256\n"
    );
    parse(&format!("{small}{large}")).unwrap().domains
}

#[test]
fn memory_suffices_up_to_the_last_byte() {
    let domains = domains("1MiB");
    let needed = (3 << 20) + 8192;
    assert_eq!(check_memory(&domains, needed), Ok(()));
    let short = check_memory(&domains, needed - 1).unwrap_err();
    assert_eq!(
        short.to_string(),
        "too little memory: the domains may need 3080KiB for 4 sessions, 3153919 bytes are \
         available; the largest is large with 3MiB"
    );
    assert_eq!(check_memory(&[], 0), Ok(()));
}

#[test]
fn what_may_be_shared_is_told_apart_up_to_the_last_byte() {
    let domains = domains("1MiB");
    let needed = (4 << 20) + 8192;
    assert_eq!(check_shares(&domains, needed), Ok(()));
    let short = check_shares(&domains, needed - 1).unwrap_err();
    assert_eq!(
        short.to_string(),
        "the domains may share 1MiB (quotas.grant_pages), their RAM leaves 1048575 bytes"
    );
    assert_eq!(check_memory(&domains, needed - 1), Ok(()), "no reason not to start");
}

#[test]
fn this_machine_can_be_asked() {
    assert!(!Host::detect().cpus.is_empty());
    assert!(available_memory().unwrap() > 0);
}

#[test]
fn meminfo() {
    let text = "MemTotal: 9 kB\nMemAvailable:    2000 kB\nBuffers: 1 kB\n";
    assert_eq!(parse_meminfo(text), Some(2_048_000));
    assert_eq!(parse_meminfo("MemTotal: 9 kB\n"), None);
    assert_eq!(parse_meminfo("MemAvailable: many kB\n"), None);
    assert_eq!(parse_meminfo(&format!("MemAvailable: {} kB\n", u64::MAX)), None);
}

#[test]
fn processors_without_a_worker_serve_nobody() {
    let domain = "[[domain]]\nid = 1\nname = 'a'\nram = '8KiB'\ncpus = [0, 2]\n";
    let with = |workers| parse(&format!("service.workers = {workers}\n{domain}"));
    let problems = with(2).unwrap_err().to_string();
    assert!(
        problems.contains("found 2, expected a processor that has a worker: 0-1"),
        "{problems}"
    );
    assert_eq!(with(3).unwrap().domains[0].cpus, [0, 2]);
    assert_eq!(with(9).unwrap().domains[0].cpus, [0, 2]);
}
