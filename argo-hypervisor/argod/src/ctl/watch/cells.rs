//! Single values as they are shown.

use ratatui::layout::Alignment;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::ctl::table::{bytes, grouped};

/// Characters of a bar.
const BAR: u64 = 8;

/// From this part of a limit on, in percent, its use is marked.
const NEAR: u64 = 80;

/// What cannot be said yet.
const UNKNOWN: &str = "-";

/// A number a second.
pub(super) fn rate(rate: Option<f64>) -> Line<'static> {
    right(match rate {
        None => UNKNOWN.into(),
        Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => grouped(rate.round() as u64),
    })
}

/// Bytes a second.
pub(super) fn byte_rate(rate: Option<f64>) -> Line<'static> {
    right(rate.map_or_else(|| UNKNOWN.into(), |rate| format!("{}/s", bytes(rate as u64))))
}

/// A part of one processor.
pub(super) fn time(share: Option<f64>) -> Line<'static> {
    right(share.map_or_else(|| UNKNOWN.into(), percent))
}

/// A part, in percent with one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The part of a ring that is filled, as a bar and in percent.
pub(super) fn filled(permille: Option<u64>) -> Line<'static> {
    let Some(permille) = permille else { return right("no ring".into()) };
    let full = (permille * BAR).div_ceil(1000).min(BAR) as usize;
    let bar = "█".repeat(full) + &"·".repeat(BAR as usize - full);
    let percent = format!(" {:>3} %", permille / 10);
    let style = near(permille, 1000);
    Line::from(vec![Span::styled(bar, style), Span::styled(percent, style)])
}

/// The use of a limit; marked if it is near.
pub(super) fn limit(used: u64, allowed: u64) -> Line<'static> {
    used_of(used, allowed, used.to_string() + "/" + &allowed.to_string())
}

/// The same of bytes.
pub(super) fn byte_limit(used: u64, allowed: u64) -> Line<'static> {
    used_of(used, allowed, bytes(used) + "/" + &bytes(allowed))
}

/// The same of sessions: where there may be one only, one is as it should be.
pub(super) fn sessions(used: u64, allowed: u64) -> Line<'static> {
    match allowed {
        1 => right(format!("{used}/1 ")),
        _ => limit(used, allowed),
    }
}

fn used_of(used: u64, allowed: u64, text: String) -> Line<'static> {
    // Not by colour alone.
    let mark = if is_near(used, allowed) { "!" } else { " " };
    right(text + mark).style(near(used, allowed))
}

fn is_near(used: u64, allowed: u64) -> bool {
    used > 0 && used.saturating_mul(100) >= allowed.saturating_mul(NEAR)
}

fn near(used: u64, allowed: u64) -> Style {
    match is_near(used, allowed) {
        true if used >= allowed => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        true => Style::new().fg(Color::Yellow),
        false => Style::new(),
    }
}

/// Text at the right edge of its column.
pub(super) fn right(text: String) -> Line<'static> {
    Line::from(text).alignment(Alignment::Right)
}
