//! Lists of children that do not fit in one message.

use argo_core::xenstore::Kind;

use super::support::*;

fn fill(world: &mut World, client: Client, count: usize) -> Vec<String> {
    let names: Vec<_> = (0..count).map(|n| format!("child-{n:05}")).collect();
    for name in &names {
        assert_eq!(world.write(client, &format!("data/{name}"), ""), ok());
    }
    names
}

/// One part: the generation, the names, and whether the list ends with it.
fn part(world: &mut World, client: Client, offset: usize) -> (String, String, bool) {
    let answer = world.does(client, Kind::DirectoryPart, &format!("data\0{offset}\0")).unwrap();
    let (generation, names) = answer.split_once('\0').unwrap();
    let ends = names.is_empty() || names.ends_with("\0\0") || names == "\0";
    let names = if ends { &names[..names.len() - 1] } else { names };
    (generation.to_owned(), names.to_owned(), ends)
}

#[test]
fn parts_make_up_the_list() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    let names = fill(&mut world, client, 900);
    assert_eq!(world.list(client, "data"), Err("E2BIG".to_owned()));
    let mut all = String::new();
    let mut parts = 0;
    loop {
        let (_, names, ends) = part(&mut world, client, all.len());
        all.push_str(&names);
        parts += 1;
        if ends {
            break;
        }
    }
    assert_eq!(all.split_terminator('\0').collect::<Vec<_>>(), names);
    assert_eq!(parts, 3);
}

#[test]
fn the_generation_tells_that_the_list_has_changed() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    fill(&mut world, client, 3);
    let (before, ..) = part(&mut world, client, 0);
    assert_eq!(world.write(client, "data/child-00001", "new value"), ok());
    assert_eq!(part(&mut world, client, 0).0, before);
    assert_eq!(world.rm(client, "data/child-00001"), ok());
    assert_ne!(part(&mut world, client, 0).0, before);
}

#[test]
fn past_the_end_there_is_only_the_end() {
    let mut world = World::with(&[1]);
    let client = world.connect(1);
    fill(&mut world, client, 2);
    for offset in [24, 25, usize::MAX] {
        let (_, names, ends) = part(&mut world, client, offset);
        assert_eq!((names.as_str(), ends), ("", true));
    }
    for bad in ["data\0", "data\0x\0", "data\0-1\0"] {
        assert_eq!(world.does(client, Kind::DirectoryPart, bad), refused("EINVAL"));
    }
}
