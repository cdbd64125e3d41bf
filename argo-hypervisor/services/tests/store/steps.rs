//! What may happen in a history.

use argo_core::xenstore::Kind;
use proptest::collection::vec;
use proptest::prelude::*;

/// The domain of each client.
pub const CLIENTS: [u16; 4] = [0, 1, 1, 2];

#[derive(Clone, Debug)]
pub enum Step {
    Ask {
        client: usize,
        transaction: usize,
        kind: Kind,
        path: String,
        rest: String,
    },
    Begin {
        client: usize,
    },
    End {
        client: usize,
        transaction: usize,
        end: &'static str,
    },
    Watch {
        client: usize,
        path: String,
    },
    Unwatch {
        client: usize,
        path: String,
    },
    /// Domain 2 goes if it is there, else it comes.
    Turn,
}

fn path() -> impl Strategy<Value = String> {
    let roots =
        ["", "/pub", "/pub", "/local/domain/1/data", "/local/domain/2/data", "/local/domain/2"];
    let names = vec(prop::sample::select(vec!["a", "b", "s"]), 0..3);
    (prop::sample::select(roots.to_vec()), names).prop_map(|(root, names)| {
        let path = names.iter().fold(root.to_owned(), |path, name| format!("{path}/{name}"));
        if path.is_empty() { "/".into() } else { path }
    })
}

fn ask() -> impl Strategy<Value = Step> {
    let kinds = [Kind::Read, Kind::Directory, Kind::GetPerms, Kind::Mkdir, Kind::Rm];
    let values = ["", "v", "four", "fives"].map(|value| (Kind::Write, value));
    let entries =
        ["n1\0", "n2\0r1\0", "b1\0", "b2\0", "r0\0b1\0w2\0", "n1\0r0\0r2\0b7\0", "n2\0r7\0"];
    let requests = kinds.map(|kind| (kind, "")).into_iter().chain(values);
    let requests = requests.chain(entries.map(|entries| (Kind::SetPerms, entries)));
    let request = prop::sample::select(requests.collect::<Vec<_>>());
    (0..CLIENTS.len(), 0..4usize, request, path()).prop_map(
        |(client, transaction, (kind, rest), path)| Step::Ask {
            client,
            transaction: transaction.saturating_sub(1),
            kind,
            path,
            rest: rest.into(),
        },
    )
}

pub fn step() -> impl Strategy<Value = Step> {
    let client = || 0..CLIENTS.len();
    let ends = prop::sample::select(vec!["T\0", "T\0", "T\0", "F\0"]);
    prop_oneof![
        20 => ask(),
        2 => client().prop_map(|client| Step::Begin { client }),
        3 => (client(), 0..2usize, ends)
            .prop_map(|(client, transaction, end)| Step::End { client, transaction, end }),
        2 => (client(), path()).prop_map(|(client, path)| Step::Watch { client, path }),
        1 => (client(), path()).prop_map(|(client, path)| Step::Unwatch { client, path }),
        1 => Just(Step::Turn),
    ]
}
