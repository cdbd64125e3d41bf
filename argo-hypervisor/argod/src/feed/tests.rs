use super::*;

const NOW: Duration = Duration::ZERO;

fn feed(keep: usize) -> Arc<Feed<u64>> {
    Arc::new(Feed::new(keep))
}

fn publish(feed: &Feed<u64>, items: impl Iterator<Item = u64>) {
    items.for_each(|item| feed.publish(item, |item, ()| Some(*item)));
}

/// What is there without waiting.
fn found<I>(reader: &mut Subscription<u64, I>) -> Vec<Next<u64>> {
    let end = [Next::Quiet, Next::Closed];
    std::iter::from_fn(|| Some(reader.next(NOW)).filter(|next| !end.contains(next))).collect()
}

fn item(item: u64) -> Next<u64> {
    Next::Item(Numbered { seq: item, item })
}

#[test]
fn a_reader_finds_everything_in_order() {
    let feed = feed(0);
    publish(&feed, 1..=2);
    let mut reader = feed.subscribe((), 8).unwrap();
    publish(&feed, 3..=10);
    assert_eq!(found(&mut reader), (3..=10).map(item).collect::<Vec<_>>());
}

#[test]
fn who_comes_later_finds_the_last_ones_first() {
    let feed = feed(3);
    publish(&feed, 1..=3);
    let all = |feed: &Arc<_>| found(&mut Feed::subscribe(feed, (), 1).unwrap());
    assert_eq!(all(&feed), [item(1), item(2), item(3)]);
    publish(&feed, 4..=4);
    let mut reader = feed.subscribe((), 8).unwrap();
    publish(&feed, 5..=5);
    assert_eq!(found(&mut reader), [item(2), item(3), item(4), item(5)]);
}

#[test]
fn what_a_full_queue_loses_is_told_where_it_is_missing() {
    let feed = feed(0);
    let mut reader = feed.subscribe((), 2).unwrap();
    publish(&feed, 1..=2);
    assert_eq!(found(&mut reader), [item(1), item(2)], "it just fits");
    publish(&feed, 3..=9);
    assert_eq!(reader.next(NOW), item(3));
    publish(&feed, 10..=11);
    assert_eq!(found(&mut reader), [item(4), Next::Lost(5), item(10), Next::Lost(1)]);
}

#[test]
fn one_slow_reader_costs_the_others_nothing() {
    let feed = feed(0);
    let mut slow = feed.subscribe((), 1).unwrap();
    let mut quick = feed.subscribe((), 100).unwrap();
    publish(&feed, 1..=100);
    assert_eq!(found(&mut quick).len(), 100);
    assert_eq!(found(&mut slow), [item(1), Next::Lost(99)]);
}

#[test]
fn there_is_a_limit_to_readers_and_who_leaves_makes_room() {
    let feed = feed(0);
    assert!(!feed.is_watched());
    let mut readers: Vec<_> = (0..READERS_MAX).map(|_| feed.subscribe((), 1).unwrap()).collect();
    assert_eq!(feed.subscribe((), 1).err(), Some(SubscribeError::Full));
    assert!(feed.is_watched());
    readers.pop();
    readers.push(feed.subscribe((), 1).unwrap());
    readers.clear();
    assert!(!feed.is_watched());
}

#[test]
fn only_what_meets_its_interest_takes_a_readers_room() {
    let feed = Arc::new(Feed::<u64, u64>::new(0));
    let mut even = feed.subscribe(2, 2).unwrap();
    let mut fourth = feed.subscribe(4, 2).unwrap();
    (1..=5)
        .for_each(|item| feed.publish(item, |item, of| item.is_multiple_of(*of).then_some(*item)));
    assert_eq!(found(&mut even), [item(2), item(4)]);
    assert_eq!(found(&mut fourth), [item(4)]);
    assert_eq!(feed.most(|of| Some(*of)), Some(4));
}

#[test]
fn a_closed_feed_is_read_to_its_end() {
    let feed = feed(0);
    let mut reader = feed.subscribe((), 1).unwrap();
    publish(&feed, 1..=3);
    feed.close();
    assert_eq!(found(&mut reader), [item(1), Next::Lost(2)]);
    assert_eq!(reader.next(Duration::MAX), Next::Closed);
    assert_eq!(feed.subscribe((), 1).err(), Some(SubscribeError::Closed));
}

#[test]
fn publishers_at_once_lose_nothing_uncounted() {
    let feed = feed(0);
    let mut reader = feed.subscribe((), 16).unwrap();
    let mut told = 0;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| publish(&feed, 0..5000));
        }
        while told < 20_000 {
            match reader.next(Duration::from_secs(10)) {
                Next::Item(item) => {
                    assert_eq!(item.seq, told + 1, "after what was told to be lost");
                    told += 1;
                }
                Next::Lost(lost) => told += lost,
                other => panic!("{other:?} after {told}"),
            }
        }
    });
    assert_eq!((told, reader.next(NOW)), (20_000, Next::Quiet));
}
