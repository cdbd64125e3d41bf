//! How the screen looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row as Cells, Table, TableState};

use super::cells;
use super::columns::{self, Column};
use super::rates::rules;
use super::screen::{Row, Screen};
use crate::admin::{DomainStat, ServicesStat, Stat};
use crate::ctl::stat::render::{headline, name, share};
use crate::ctl::table::{bytes, grouped};

const KEYS: &str = " q quit   j k ↑ ↓ select   s sort";

/// Draws everything.
pub(super) fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let heights =
        [Constraint::Length(1), Constraint::Fill(3), Constraint::Fill(2), Constraint::Length(1)];
    let [head, top, bottom, foot] = Layout::vertical(heights).areas(frame.area());
    frame.render_widget(headline_of(screen), head);
    frame.render_widget(Paragraph::new(KEYS).style(Style::new().fg(Color::DarkGray)), foot);
    let Some(now) = &screen.now else { return };
    let rows = screen.rows();
    let selected = screen.selected(&rows);
    draw_domains(screen, &rows, selected, frame, top);
    let halves = [Constraint::Fill(1), Constraint::Fill(1)];
    let [left, right] = Layout::horizontal(halves).areas(bottom);
    draw_refusals(screen, &now.stat, frame, left);
    if let Some(row) = selected.and_then(|at| rows.get(at)) {
        draw_domain(&now.stat, row.domain, frame, right);
    }
}

fn headline_of(screen: &Screen) -> Paragraph<'_> {
    if let Some(why) = &screen.gone {
        let text = format!(" argod is gone, trying again: {why}");
        return Paragraph::new(text).style(Style::new().fg(Color::White).bg(Color::Red));
    }
    let text = match &screen.now {
        None => " asking argod".into(),
        Some(now) => format!(" {}, each {:?}", headline(&now.stat), screen.interval),
    };
    Paragraph::new(text).style(Style::new().add_modifier(Modifier::REVERSED))
}

fn draw_domains(
    screen: &Screen,
    rows: &[Row<'_>],
    selected: Option<usize>,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let time = screen.span().map_or(0.0, |span| span.time());
    let order = screen.order.name();
    let all = cells::percent(time);
    let title = format!(" domains by {order} (time of one processor; together {all}) ");
    let shown = columns::fitting(area.width);
    let cells = |row| Cells::new(shown.iter().map(|column| (column.cell)(row)));
    let table = Table::new(rows.iter().map(cells), shown.iter().map(Column::constraint))
        .header(bold(shown.iter().map(Column::head)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(Block::bordered().title(title));
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}

fn draw_refusals(screen: &Screen, now: &Stat, frame: &mut Frame<'_>, area: Rect) {
    let rows = rules(screen.span(), now).into_iter().map(|rule| {
        let count = cells::right(grouped(rule.count));
        Cells::new([cells::rate(rule.rate), count, Line::from(rule.cause)])
    });
    let widths = [Constraint::Length(10), Constraint::Length(13), Constraint::Fill(1)];
    let head = [cells::right("A SECOND".into()), cells::right("TOTAL".into()), "RULE".into()];
    let block = Block::bordered().title(" refused by the policy ");
    frame.render_widget(Table::new(rows, widths).header(bold(head)).block(block), area);
}

/// The selected domain: who is attached, what its calls got, its rings.
fn draw_domain(stat: &Stat, domain: &DomainStat, frame: &mut Frame<'_>, area: Rect) {
    let title = format!(" {} at {} ", domain.name, domain.socket.display());
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let heights = [Constraint::Length(3), Constraint::Fill(1)];
    let [facts, rings] = Layout::vertical(heights).areas(inner);
    frame.render_widget(
        Paragraph::new(vec![sessions(domain), refused(domain), services(domain)]),
        facts,
    );
    draw_rings(stat, domain, frame, rings);
}

fn sessions(domain: &DomainStat) -> Line<'static> {
    let sessions = domain.sessions.iter();
    let shown = sessions.map(|session| format!("pid {} (uid {})", session.pid, session.uid));
    Line::from(format!("sessions: {}", or_none(shown.collect())))
}

fn refused(domain: &DomainStat) -> Line<'static> {
    let shown = domain.refused.iter().map(|(errno, count)| format!("{errno} {}", grouped(*count)));
    Line::from(format!("refused: {}", or_none(shown.collect())))
}

fn services(domain: &DomainStat) -> Line<'static> {
    let ServicesStat { connections, shares, pages, maps, ports, store_nodes, .. } = domain.services;
    let shown = [
        (connections as u64, "connections"),
        (shares as u64, "shares"),
        (pages.into(), "pages"),
        (maps as u64, "maps"),
        (ports as u64, "event channel ports"),
        (store_nodes as u64, "nodes"),
    ];
    let shown = shown.into_iter().filter(|(count, _)| *count > 0);
    let shown = shown.map(|(count, what)| format!("{what} {}", grouped(count)));
    Line::from(format!("services: {}", or_none(shown.collect())))
}

fn or_none(shown: Vec<String>) -> String {
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

fn draw_rings(stat: &Stat, domain: &DomainStat, frame: &mut Frame<'_>, area: Rect) {
    let rows = domain.rings.iter().map(|ring| {
        let from = ring.partner.map_or_else(|| "any".into(), |partner| name(stat, partner));
        Cells::new([
            cells::right(ring.port.to_string()),
            Line::from(from),
            cells::right(bytes(ring.len.into())),
            cells::right(share(ring.filled, ring.len)),
            cells::right(ring.waiting.to_string()),
        ])
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Fill(1),
        Constraint::Length(10),
        Constraint::Length(6),
        Constraint::Length(7),
    ];
    let titles = ["LENGTH", "FILLED", "WAITING"].map(|title| cells::right(title.into()));
    let [length, filled, waiting] = titles;
    let head = [cells::right("PORT".into()), "FROM".into(), length, filled, waiting];
    frame.render_widget(Table::new(rows, widths).header(bold(head)), area);
}

fn bold(titles: impl IntoIterator<Item = Line<'static>>) -> Cells<'static> {
    Cells::new(titles).style(Style::new().add_modifier(Modifier::BOLD))
}
