use alloc::sync::Arc;
use alloc::vec;
use std::collections::BTreeMap as Model;

use argo_core::Errno;
use proptest::prelude::*;

use super::*;

extern crate std;

type Page = Arc<u32>;
type Tables = Grants<Page, &'static str>;

const LIMITS: Limits = Limits { pages: 8, shares: 3, maps: 3 };
const NOTHING: Notify<&'static str> = Notify { byte: None, event: None };

fn domain(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

fn holder(id: u16, connection: u64) -> Holder {
    Holder { domain: domain(id), connection }
}

fn offer(to: u16, access: Access, pages: u32) -> Offer<Page, &'static str> {
    Offer { to: domain(to), access, pages, memory: Arc::new(pages), notify: NOTHING }
}

fn entries(owner: u32, references: impl IntoIterator<Item = u32>) -> Vec<Entry> {
    references.into_iter().map(|reference| Entry { domain: owner, reference }).collect()
}

fn map(tables: &mut Tables, who: Holder, entries: &[Entry]) -> Result<Mapped<Page>, MapError> {
    tables.map(who, &LIMITS, Access::Write, entries, NOTHING)
}

#[test]
fn pages_in_a_row_come_as_one_extent_and_others_as_more() {
    let mut tables = Tables::default();
    let first = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 4)).unwrap();
    let second = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 2)).unwrap();
    let (a, b) = (first.reference, second.reference);
    let mapped = map(&mut tables, holder(2, 0), &entries(1, [a + 1, a + 2, b, a + 3, a])).unwrap();
    let extent = |memory, page, pages| Extent { memory, page, pages };
    let expected = [extent(0, 1, 2), extent(1, 0, 1), extent(0, 3, 1), extent(0, 0, 1)];
    assert_eq!(mapped.extents, expected);
    assert_eq!(mapped.memories.iter().map(|memory| **memory).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn only_the_named_domain_maps_only_as_it_was_shared() {
    let mut tables = Tables::default();
    let shared = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Read, 1)).unwrap();
    let page = entries(1, [shared.reference]);
    let refused = |error: MapError| error.errno();
    assert_eq!(map(&mut tables, holder(3, 0), &page).map_err(refused).err(), Some(Errno::EPERM));
    assert_eq!(map(&mut tables, holder(2, 0), &page).map_err(refused).err(), Some(Errno::EACCES));
    let unknown = entries(1, [shared.reference + 1]);
    assert_eq!(
        map(&mut tables, holder(2, 0), &unknown).map_err(refused).err(),
        Some(Errno::ENOENT)
    );
    assert_eq!(map(&mut tables, holder(2, 0), &[]).map_err(refused).err(), Some(Errno::EINVAL));
    let mapped = tables.map(holder(2, 0), &LIMITS, Access::Read, &page, NOTHING).unwrap();
    assert_eq!(tables.maps(domain(2)), 1);
    assert_eq!(
        tables.unmap(holder(2, 1), mapped.map).map(drop),
        Err(ShareError::Unknown { number: mapped.map }),
        "another connection's map"
    );
}

#[test]
fn what_was_taken_back_counts_until_the_last_map_is_gone() {
    let mut tables = Tables::default();
    let owner = holder(1, 0);
    let shared = tables.share(owner, &LIMITS, offer(2, Access::Write, 8)).unwrap();
    let page = entries(1, [shared.reference]);
    let mapped = map(&mut tables, holder(2, 0), &page).unwrap();
    assert!(tables.unshare(owner, shared.share).unwrap().memory.is_empty());
    assert!(tables.unshare(owner, shared.share).is_err(), "taken back twice");
    assert!(map(&mut tables, holder(2, 0), &page).is_err(), "a new map of what was taken back");
    assert_eq!(tables.pages(domain(1)), 8);
    let over = tables.share(owner, &LIMITS, offer(2, Access::Write, 1)).unwrap_err();
    assert_eq!(over, ShareError::Quota { pages: 1, used: 8, limit: 8 });
    assert_eq!(tables.unmap(holder(2, 0), mapped.map).unwrap().memory.len(), 1);
    assert_eq!(tables.pages(domain(1)), 0);
    tables.share(owner, &LIMITS, offer(2, Access::Write, 8)).unwrap();
}

#[test]
fn each_limit_holds_at_its_value_and_not_before() {
    let mut tables = Tables::default();
    for _ in 0..LIMITS.shares {
        tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 1)).unwrap();
    }
    let over = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 1)).unwrap_err();
    assert_eq!(over, ShareError::Shares { limit: 3 });
    let page = entries(1, [PAGES_MAX]);
    for _ in 0..LIMITS.maps {
        map(&mut tables, holder(2, 0), &page).unwrap();
    }
    assert_eq!(map(&mut tables, holder(2, 0), &page).unwrap_err(), MapError::Maps { limit: 3 });
    let none = tables.share(holder(3, 0), &LIMITS, offer(2, Access::Write, 0)).unwrap_err();
    assert_eq!(none, ShareError::Pages { pages: 0 });
    let many = offer(2, Access::Write, PAGES_MAX + 1);
    let many = tables.share(holder(3, 0), &LIMITS, many).unwrap_err();
    assert_eq!(many, ShareError::Pages { pages: PAGES_MAX + 1 });
}

#[test]
fn a_map_takes_pages_of_no_more_shares_than_an_answer_has_descriptors_for() {
    let mut tables = Tables::default();
    let limits = Limits { pages: 100, shares: 100, maps: 1 };
    let mut all = vec![];
    for _ in 0..65 {
        let shared = tables.share(holder(1, 0), &limits, offer(2, Access::Write, 1)).unwrap();
        all.extend(entries(1, [shared.reference]));
    }
    assert_eq!(map(&mut tables, holder(2, 0), &all).unwrap_err(), MapError::TooManyShares);
    assert_eq!(map(&mut tables, holder(2, 0), &all[..64]).unwrap().memories.len(), 64);
}

#[test]
fn an_end_clears_the_byte_that_was_named_and_sends_the_event() {
    let mut tables = Tables::default();
    let notify = Notify { byte: Some(4095), event: Some("owner's") };
    let with = Offer { notify, ..offer(2, Access::Write, 1) };
    let shared = tables.share(holder(1, 0), &LIMITS, with).unwrap();
    let two = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 2)).unwrap();
    let notify = Notify { byte: Some(4096 + 7), event: Some("mapper's") };
    let pages = entries(1, [shared.reference, two.reference + 1]);
    tables.map(holder(2, 5), &LIMITS, Access::Write, &pages, notify).unwrap();
    let releases = tables.end_connection(holder(2, 5));
    let clear = releases[0].clear.as_ref().unwrap();
    assert_eq!((*clear.memory, clear.offset, releases[0].event), (2, 4096 + 7, Some("mapper's")));
    let release = tables.unshare(holder(1, 0), shared.share).unwrap();
    let clear = release.clear.unwrap();
    assert_eq!((*clear.memory, clear.offset, release.event), (1, 4095, Some("owner's")));
}

#[test]
fn a_byte_outside_or_in_read_only_pages_is_refused() {
    let mut tables = Tables::default();
    let at = |byte| Notify { byte: Some(byte), event: None };
    let outside = Offer { notify: at(4096), ..offer(2, Access::Write, 1) };
    let outside = tables.share(holder(1, 0), &LIMITS, outside).unwrap_err();
    assert_eq!(outside, ShareError::Notify { offset: 4096, bytes: 4096 });
    let shared = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 2)).unwrap();
    let page = entries(1, [shared.reference + 1]);
    let mut map = |access, byte| tables.map(holder(2, 0), &LIMITS, access, &page, at(byte)).err();
    let outside = MapError::Notify { offset: 4096, bytes: 4096 };
    assert_eq!(map(Access::Write, 4096), Some(outside));
    assert_eq!(map(Access::Read, 0), Some(MapError::NotifyReadOnly { offset: 0 }));
    assert_eq!(map(Access::Write, 4095), None);
}

#[test]
fn a_later_domain_of_the_same_id_maps_nothing_of_the_earlier_one() {
    let mut tables = Tables::default();
    let shared = tables.share(holder(1, 0), &LIMITS, offer(2, Access::Write, 1)).unwrap();
    assert!(tables.end_domain(domain(2)).is_empty());
    let page = entries(1, [shared.reference]);
    assert!(map(&mut tables, holder(2, 9), &page).is_err());
    assert_eq!(tables.unshare(holder(1, 0), shared.share).unwrap().memory.len(), 1);
}

#[test]
fn what_an_ended_domain_leaves_mapped_counts_for_no_later_one() {
    let mut tables = Tables::default();
    let (owner, mapper) = (holder(1, 0), holder(2, 0));
    let shared = tables.share(owner, &LIMITS, offer(2, Access::Write, 8)).unwrap();
    let page = entries(1, [shared.reference]);
    let mapped = map(&mut tables, mapper, &page).unwrap();
    assert!(tables.end_domain(domain(1)).iter().all(|release| release.memory.is_empty()));
    assert_eq!((tables.pages(domain(1)), tables.shares(domain(1))), (0, 0));
    let new = tables.share(owner, &LIMITS, offer(2, Access::Write, 8)).unwrap();
    assert_eq!(new.reference, shared.reference);
    let again = map(&mut tables, mapper, &page).unwrap();
    let release = tables.unmap(mapper, mapped.map).unwrap();
    assert_eq!(release.memory.iter().map(|memory| **memory).collect::<Vec<_>>(), [8]);
    assert!(tables.orphans.is_empty());
    assert_eq!((tables.pages(domain(1)), tables.shares(domain(1))), (8, 1), "the later one's");
    assert!(tables.unmap(mapper, again.map).unwrap().memory.is_empty());
    assert_eq!(tables.unshare(owner, new.share).unwrap().memory.len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Share { who: Holder, to: u16, pages: u32 },
    Unshare { who: Holder, share: u32 },
    Map { who: Holder, owner: u16, share: u32, page: u32 },
    Unmap { who: Holder, map: u32 },
    EndConnection(Holder),
    EndDomain(u16),
}

fn any_holder() -> impl Strategy<Value = Holder> {
    (1..4u16, 0..2u64).prop_map(|(id, connection)| holder(id, connection))
}

fn any_step() -> impl Strategy<Value = Step> {
    let (ids, numbers) = (1..4u16, 0..5u32);
    prop_oneof![
        (any_holder(), ids.clone(), 0..6u32).prop_map(|(who, to, pages)| Step::Share {
            who,
            to,
            pages
        }),
        (any_holder(), numbers.clone()).prop_map(|(who, share)| Step::Unshare { who, share }),
        (any_holder(), ids, numbers.clone(), 0..5u32)
            .prop_map(|(who, owner, share, page)| Step::Map { who, owner, share, page }),
        (any_holder(), numbers).prop_map(|(who, map)| Step::Unmap { who, map }),
        any_holder().prop_map(Step::EndConnection),
        (1..4u16).prop_map(Step::EndDomain),
    ]
}

/// A domain that is gone is this number times its life and its id.
const GONE: u32 = 1 << 16;

/// The same by lists: what there is, and who has it.
#[derive(Default)]
struct Simple {
    /// By owner and number: connection, mapper, pages, whether it was taken back.
    shares: Model<(u32, u32), (u64, u16, u32, bool)>,
    /// By domain and number: connection and share.
    maps: Model<(u16, u32), (u64, (u32, u32))>,
    /// How many domains have gone.
    ends: u32,
}

impl Simple {
    fn sweep(&mut self) {
        let maps = &self.maps;
        let mapped = |id: &(u32, u32)| maps.values().any(|(_, share)| share == id);
        self.shares.retain(|id, (.., revoked)| !*revoked || mapped(id));
    }

    fn pages(&self, domain: u16) -> u32 {
        let own = self.shares.iter().filter(|((owner, _), _)| *owner == domain.into());
        own.map(|(_, (_, _, pages, _))| pages).sum()
    }

    fn shares(&self, domain: u16) -> usize {
        self.shares.keys().filter(|(owner, _)| *owner == domain.into()).count()
    }

    /// The domain's maps go; its shares are another's now, and nobody's whom they were for.
    fn end_domain(&mut self, id: u16) {
        self.ends += 1;
        let gone = u32::from(id) + self.ends * GONE;
        let now = |owner: u32| if owner == id.into() { gone } else { owner };
        self.maps.retain(|(by, _), _| *by != id);
        for (_, (owner, _)) in self.maps.values_mut() {
            *owner = now(*owner);
        }
        let shares = core::mem::take(&mut self.shares).into_iter();
        self.shares = shares
            .map(|((owner, number), (by, to, pages, over))| {
                let to = if to == id { 0 } else { to };
                ((now(owner), number), (by, to, pages, over || owner == id.into()))
            })
            .collect();
    }

    fn step(&mut self, tables: &mut Tables, step: Step) {
        match step {
            Step::Share { who, to, pages } => {
                let raw = who.domain.raw();
                let fits = (1..=8 - self.pages(raw)).contains(&pages) && self.shares(raw) < 3;
                let shared = tables.share(who, &LIMITS, offer(to, Access::Write, pages));
                assert_eq!(shared.is_ok(), fits, "{shared:?}");
                if let Ok(shared) = shared {
                    let new = (who.connection, to, pages, false);
                    assert_eq!(self.shares.insert((raw.into(), shared.share), new), None);
                }
            }
            Step::Unshare { who, share } => {
                let found = self.shares.get_mut(&(who.domain.raw().into(), share));
                let found = found.filter(|(by, .., over)| *by == who.connection && !*over);
                assert_eq!(tables.unshare(who, share).is_ok(), found.is_some());
                if let Some((.., over)) = found {
                    *over = true;
                }
            }
            Step::Map { who, owner, share, page } => {
                let raw = who.domain.raw();
                let found = self.shares.get(&(owner.into(), share));
                let fits = found
                    .is_some_and(|(_, to, pages, over)| *to == raw && page < *pages && !over)
                    && self.maps.keys().filter(|(by, _)| *by == raw).count() < 3;
                let entry = entries(owner.into(), [share * PAGES_MAX + page]);
                let mapped = map(tables, who, &entry);
                assert_eq!(mapped.is_ok(), fits, "{mapped:?}");
                if let Ok(mapped) = mapped {
                    let new = (who.connection, (owner.into(), share));
                    assert_eq!(self.maps.insert((raw, mapped.map), new), None);
                }
            }
            Step::Unmap { who, map } => {
                let id = (who.domain.raw(), map);
                let found = self.maps.get(&id).is_some_and(|(by, _)| *by == who.connection);
                assert_eq!(tables.unmap(who, map).is_ok(), found);
                if found {
                    self.maps.remove(&id);
                }
            }
            Step::EndConnection(who) => {
                let raw = who.domain.raw();
                drop(tables.end_connection(who));
                self.maps.retain(|(by, _), (of, _)| *by != raw || *of != who.connection);
                for ((by, _), (of, .., over)) in &mut self.shares {
                    *over |= *by == raw.into() && *of == who.connection;
                }
            }
            Step::EndDomain(id) => {
                drop(tables.end_domain(domain(id)));
                self.end_domain(id);
            }
        }
        self.sweep();
    }
}

proptest! {
    #[test]
    fn any_history_is_accounted_for(steps in prop::collection::vec(any_step(), 1..80)) {
        let (mut tables, mut model) = (Tables::default(), Simple::default());
        for step in steps {
            model.step(&mut tables, step);
            for id in 1..4u16 {
                prop_assert_eq!(tables.pages(domain(id)), model.pages(id));
                prop_assert_eq!(tables.shares(domain(id)), model.shares(id));
                let maps = model.maps.keys().filter(|(by, _)| *by == id).count();
                prop_assert_eq!(tables.maps(domain(id)), maps);
            }
            let orphans = model.shares.keys().filter(|(owner, _)| *owner >= GONE).count();
            prop_assert_eq!(tables.orphans.len(), orphans);
        }
        for id in 1..4u16 {
            drop(tables.end_domain(domain(id)));
        }
        prop_assert!(tables.orphans.is_empty());
        for id in 1..4u16 {
            prop_assert_eq!(tables.pages(domain(id)), 0);
            prop_assert_eq!(tables.shares(domain(id)) + tables.maps(domain(id)), 0);
        }
    }
}
