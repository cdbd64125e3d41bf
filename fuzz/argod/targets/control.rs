//! Lines to the administrators' socket of an argod that runs. Each gets one answer, a result or an
//! error; what is refused changes nothing; what is not UTF-8 ends that conversation only; and the next
//! administrator finds argod as alive as the one before.
#![no_main]

use argod_fuzz::daemon::{Administrator, Argod};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};

/// Lines of one conversation.
const LINES_MAX: usize = 16;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let lines = || bytes.split(|byte| *byte == b'\n').take(LINES_MAX);
    // A domain's socket may lie anywhere: not where other programs have theirs.
    if lines().any(names_a_place) {
        return Corpus::Reject;
    }
    let argod = Argod::running();
    let mut administrator = argod.administrator();
    for line in lines() {
        if !tell(&mut administrator, line) {
            break;
        }
    }
    drop(administrator);
    tidy(&mut argod.administrator());
    Corpus::Keep
});

/// Whether a request could name a socket of a domain.
fn names_a_place(line: &[u8]) -> bool {
    let request: Option<Value> = serde_json::from_slice(line).ok();
    let domain = request.as_ref().and_then(|request| request.get("domain")?.as_str());
    domain.is_some_and(|text| text.contains("socket") || text.contains('\\'))
}

/// Whether the conversation goes on.
fn tell(administrator: &mut Administrator, line: &[u8]) -> bool {
    let before = what_lasts(&administrator.stat());
    let Some(answer) = administrator.ask(line) else {
        assert!(std::str::from_utf8(line).is_err(), "argod hung up");
        return false;
    };
    let object = answer.as_object();
    let said = object.filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    match said {
        Some((key, Value::String(why))) if key == "error" => {
            assert!(!why.is_empty());
            assert_eq!(what_lasts(&administrator.stat()), before, "a refusal changed something");
        }
        Some((key, _)) if key == "ok" => {}
        _ => panic!("neither ok nor error: {answer}"),
    }
    true
}

/// What does not change by itself.
fn what_lasts(stat: &Value) -> Value {
    let domains = stat["domains"].as_array().map_or(&[][..], Vec::as_slice);
    let lasting = |domain: &Value| {
        json!([domain["id"], domain["name"], domain["ram"], domain["rings_total"]])
    };
    domains.iter().map(lasting).collect()
}

/// All is as at the beginning.
fn tidy(administrator: &mut Administrator) {
    let stat = administrator.stat();
    for domain in stat["domains"].as_array().map_or(&[][..], Vec::as_slice) {
        let request = json!({"op": "destroy", "domain": domain["name"]});
        let answer = administrator.ask(request.to_string().as_bytes()).unwrap_or_default();
        assert!(answer.get("ok").is_some(), "{answer}");
    }
    for (id, name) in [(1, "one"), (2, "two")] {
        let text = format!("id = {id}\nname = '{name}'\nram = '64KiB'\n");
        let request = json!({"op": "create", "domain": text});
        let answer = administrator.ask(request.to_string().as_bytes()).unwrap_or_default();
        assert!(answer.get("ok").is_some(), "{answer}");
    }
    let request = json!({"op": "policy", "file": "all", "text": "policy_mode = 'all'"});
    let answer = administrator.ask(request.to_string().as_bytes()).unwrap_or_default();
    assert!(answer.get("ok").is_some(), "{answer}");
}
