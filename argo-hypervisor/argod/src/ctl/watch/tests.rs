use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::draw::draw;
use super::rates::{Activity, Moment, RuleRate, Span, rules};
use super::sampler::Sample;
use super::screen::{Screen, Then};
use crate::admin::{DomainStat, RuleStat, Stat};
use crate::ctl::stat::tests::{domain, ring, stat};

/// Two moments, two seconds apart.
fn moments(before: Stat, now: Stat) -> [Moment; 2] {
    let start = Instant::now();
    let later = start + Duration::from_secs(2);
    [Moment { at: start, stat: before }, Moment { at: later, stat: now }]
}

/// A domain that did this since it was created.
fn worked(id: u16, name: &str, messages: u64, nanoseconds: u64) -> DomainStat {
    let refused = [("EACCES".to_owned(), messages / 10)].into();
    let half = nanoseconds / 2;
    let did = domain(id, name);
    DomainStat {
        messages,
        bytes: 100 * messages,
        refused,
        service_ns: half,
        interrupt_ns: half,
        ..did
    }
}

fn one(domain: DomainStat) -> Stat {
    stat(vec![domain], Vec::new())
}

fn activity(before: Stat, now: Stat) -> Option<Activity> {
    let [before, now] = moments(before, now);
    Span::new(&before, &now).and_then(|span| span.activity(&now.stat.domains[0]))
}

#[test]
fn rates_are_what_was_added_by_the_second() {
    let did = activity(one(worked(1, "a", 100, 0)), one(worked(1, "a", 300, 1_000_000_000)));
    let expected = Activity { messages: 100.0, bytes: 10_000.0, refusals: 10.0, time: 0.5 };
    assert_eq!(did, Some(expected));
}

#[test]
fn a_domain_that_is_new_or_another_has_no_rates() {
    let now = || one(worked(1, "a", 300, 0));
    assert_eq!(activity(stat(Vec::new(), Vec::new()), now()), None);
    assert_eq!(activity(one(worked(1, "b", 100, 0)), now()), None, "another name");
    assert_eq!(activity(one(worked(2, "a", 100, 0)), now()), None, "another id");
    assert_eq!(activity(one(worked(1, "a", 301, 0)), now()), None, "a counter went backwards");
    assert_eq!(activity(one(worked(1, "a", 100, 9)), now()), None, "one of several did");
}

#[test]
fn an_argod_that_was_restarted_has_no_rates() {
    let quiet = || one(worked(1, "a", 0, 0));
    assert!(activity(quiet(), quiet()).is_some());
    assert_eq!(activity(Stat { started: 1, ..quiet() }, quiet()), None);
    assert_eq!(activity(Stat { uptime: 9_999, ..quiet() }, quiet()), None);
    let [mut before, now] = moments(quiet(), quiet());
    before.at = now.at;
    assert!(Span::new(&before, &now).is_none(), "no time has passed");
}

#[test]
fn the_most_frequent_refusals_come_first() {
    let rule = |cause: &str, count| RuleStat { cause: cause.into(), count };
    let refused = |list: &[(&str, u64)]| {
        stat(Vec::new(), list.iter().map(|(cause, count)| rule(cause, *count)).collect())
    };
    let before = refused(&[("rule 1", 1000), ("rule 2", 5), ("rule 3", 7)]);
    let now = refused(&[("rule 1", 1000), ("rule 2", 15), ("rule 3", 6), ("rule 4", 2)]);
    let [before, now] = moments(before, now);
    let rate = |cause: &str, count, rate| RuleRate { cause: cause.into(), count, rate };
    let [one, two] = [rate("rule 1", 1000, Some(0.0)), rate("rule 2", 15, Some(5.0))];
    // Fewer than before: it is not the same rule any more.
    let [three, four] = [rate("rule 3", 6, None), rate("rule 4", 2, Some(1.0))];
    let expected = vec![two, four, one, three];
    assert_eq!(rules(Span::new(&before, &now), &now.stat), expected);
    let unknown = rules(None, &now.stat);
    assert!(unknown.iter().all(|rule| rule.rate.is_none()));
    assert_eq!(unknown[0].cause, "rule 1", "by their number then");
}

/// `busy` did more than `idle`; the ring of `full` is full.
fn system(step: u64) -> Stat {
    let mut full = worked(3, "full", 10 * step, 20_000_000 * step);
    full.fullest = Some(ring(None));
    (full.rings, full.rings_total, full.rings_allowed) = (vec![ring(Some(1))], 4, 5);
    (full.waiting, full.waiting_allowed) = (32, 32);
    let busy = worked(2, "busy", 1000 * step, 500_000_000 * step);
    let refusals = vec![RuleStat { cause: "policy rule 4 (a.toml:9)".into(), count: 50 * step }];
    stat(vec![worked(1, "idle", 0, 0), busy, full], refusals)
}

fn screen() -> Screen {
    let mut screen = Screen::new(Duration::from_secs(1));
    for moment in moments(system(1), system(2)) {
        screen.take(Sample { at: moment.at, stat: Ok(moment.stat) });
    }
    screen
}

fn drawn(screen: &Screen) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(150, 24)).unwrap();
    terminal.draw(|frame| draw(screen, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..150).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..24).map(line).collect()
}

fn line_with<'l>(lines: &'l [String], text: &str) -> &'l str {
    let found = lines.iter().find(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no {text:?} in\n{}", lines.join("\n")))
}

fn press(screen: &mut Screen, key: char) -> Then {
    screen.press(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE))
}

/// The names of the domains from top to bottom.
fn order(screen: &Screen) -> Vec<&str> {
    screen.rows().iter().map(|row| &*row.domain.name).collect()
}

#[test]
fn rates_fill_limits_and_refusals_are_drawn() {
    let lines = drawn(&screen());
    assert!(
        lines[0].contains("argod 1.2.3, up 1 h 1 min: 3/1024 domains, 2 workers"),
        "{}",
        lines[0]
    );
    line_with(&lines, "domains by time (time of one processor; together 26.0 %)");
    let busy = line_with(&lines, "busy ");
    for shown in [" 500 ", " 48.8 KiB/s ", " 50 ", " 25.0 % ", " no ring "] {
        assert!(busy.contains(shown), "{shown:?} in {busy}");
    }
    let full = line_with(&lines, "full ");
    for shown in [" 5.0 ", "████····  50 %", " 32/32!", " 1/1 ", " 4/5!", "0 B/2.0 GiB "]
    {
        assert!(full.contains(shown), "{shown:?} in {full}");
    }
    line_with(&lines, " 25           100 policy rule 4 (a.toml:9)");
    line_with(&lines, " busy at /run/argod/busy.sock ");
    line_with(&lines, "sessions: pid 4194304 (uid 1001)");
    line_with(&lines, "refused: EACCES 200");
}

#[test]
fn limits_that_are_reached_are_red_and_near_ones_yellow() {
    let mut terminal = Terminal::new(TestBackend::new(150, 24)).unwrap();
    terminal.draw(|frame| draw(&screen(), frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let coloured = |color| {
        let cells = buffer.content().iter().filter(|cell| cell.fg == color);
        cells.map(|cell| cell.symbol()).collect::<String>()
    };
    assert_eq!(coloured(Color::Red).trim(), "32/32!");
    assert_eq!(coloured(Color::Yellow).trim(), "4/5!");
}

#[test]
fn keys_sort_select_and_leave() {
    let mut screen = screen();
    assert_eq!(order(&screen), ["busy", "full", "idle"], "by time");
    assert_eq!(press(&mut screen, 'j'), Then::Stay);
    line_with(&drawn(&screen), " full at /run/argod/full.sock ");
    line_with(&drawn(&screen), "2147483650 idle");
    for (by, expected) in [
        ("messages", ["busy", "full", "idle"]),
        ("bytes", ["busy", "full", "idle"]),
        ("refusals", ["busy", "full", "idle"]),
        ("fullest ring", ["full", "idle", "busy"]),
        ("id", ["idle", "busy", "full"]),
        ("time", ["busy", "full", "idle"]),
    ] {
        press(&mut screen, 's');
        assert_eq!(screen.order.name(), by);
        assert_eq!(order(&screen).first(), expected.first(), "{by}");
        line_with(&drawn(&screen), " full at /run/argod/full.sock ");
    }
    press(&mut screen, 'k');
    press(&mut screen, 'k');
    line_with(&drawn(&screen), " busy at /run/argod/busy.sock ");
    for _ in 0..5 {
        press(&mut screen, 'j');
    }
    line_with(&drawn(&screen), " idle at /run/argod/idle.sock ");
    assert_eq!(press(&mut screen, 'x'), Then::Stay);
    assert_eq!(press(&mut screen, 'q'), Then::Leave);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.press(interrupt), Then::Leave);
}

#[test]
fn an_argod_that_is_gone_is_told_and_comes_back() {
    let mut screen = screen();
    let sample = |stat| Sample { at: Instant::now() + Duration::from_secs(9), stat };
    screen.take(sample(Err("no such file".into())));
    let lines = drawn(&screen);
    assert!(lines[0].starts_with(" argod is gone, trying again: no such file "), "{}", lines[0]);
    line_with(&lines, "busy ");
    screen.take(sample(Ok(Stat { started: 7, uptime: 0, ..system(1) })));
    let lines = drawn(&screen);
    assert!(lines[0].contains("argod 1.2.3, up 0 s"), "{}", lines[0]);
    let busy = line_with(&lines, "busy ");
    assert!(busy.contains(" - ") && !busy.contains("0.0 %"), "no rates yet: {busy}");
}

#[test]
fn it_can_be_drawn_before_argod_answers_and_on_any_terminal() {
    let nothing = Screen::new(Duration::from_secs(1));
    assert!(drawn(&nothing)[0].starts_with(" asking argod "));
    for (width, height) in [(1, 1), (20, 3), (80, 24), (300, 100)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&screen(), frame)).unwrap();
        assert_eq!(terminal.size().unwrap().width, width);
    }
}

#[test]
fn a_narrow_terminal_shows_the_columns_that_matter_most() {
    let shown = |width| {
        let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
        terminal.draw(|frame| draw(&screen(), frame)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..width).map(|x| buffer[(x, 2)].symbol()).collect::<String>()
    };
    let words = |width| {
        shown(width).replace('│', " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let narrow = ["ID", "NAME", "TIME", "MESSAGES/S", "BYTES", "REFUSED/S", "FULLEST", "RING"];
    assert_eq!(words(80), narrow, "{}", shown(80));
    assert!(shown(120).contains("RINGS") && !shown(120).contains("BYTES OF RINGS"));
    assert!(shown(150).contains("BYTES OF RINGS"));
}
