//! The graph as a picture: senders on the left, receivers on the right. What a sender may send on
//! the same terms has a row, from which a line goes to each receiver: so no label covers another.

use std::fmt::Write;

use super::model::{Edge, Graph, Way};

const MARGIN: usize = 16;
const ROW: usize = 22;
const GAP: usize = 14;
/// Width of a character of a label, and of a name.
const CHARACTER: usize = 7;
/// Where lines cross from their rows to the receivers.
const CROSSING: usize = 300;
/// Characters of a label that are shown; the rest is in its tooltip.
const LABEL_MAX: usize = 90;
const COLOURS: [&str; 10] = [
    "#1f77b4", "#d95f02", "#2a8a2a", "#b02a37", "#7b5ea7", "#8c564b", "#c0399f", "#556270",
    "#8a8a00", "#0f8f9f",
];

/// Where things are.
struct Layout {
    name_width: usize,
    label_width: usize,
    /// By sender: the top of its box.
    tops: Vec<usize>,
    height: usize,
}

impl Layout {
    fn new(graph: &Graph) -> Self {
        let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let mut names = graph.domains.iter().map(|node| node.name.chars().count());
        let rows = (0..graph.domains.len()).flat_map(|at| graph.rows(at));
        let mut labels = rows.map(|row| graph.text(&row).chars().count().min(LABEL_MAX));
        let mut tops = Vec::new();
        let mut bottom = MARGIN + ROW;
        for at in 0..graph.domains.len() {
            tops.push(bottom);
            bottom += graph.rows(at).len().max(1) * ROW + GAP;
        }
        Self {
            name_width: widest(&mut names) * CHARACTER + 20,
            label_width: widest(&mut labels) * CHARACTER + 20,
            tops,
            height: bottom + MARGIN,
        }
    }

    /// Where labels begin.
    fn left(&self) -> usize {
        MARGIN + self.name_width
    }

    /// Where labels end.
    fn middle(&self) -> usize {
        self.left() + self.label_width
    }

    /// Where receivers begin.
    fn right(&self) -> usize {
        self.middle() + CROSSING
    }

    fn width(&self) -> usize {
        self.right() + self.name_width + MARGIN
    }

    /// The height of the middle of a receiver's box.
    fn receiver(&self, at: usize) -> usize {
        let room = self.height.saturating_sub(2 * MARGIN + ROW);
        MARGIN + ROW + (2 * at + 1) * room / (2 * self.tops.len().max(1))
    }
}

impl Graph {
    /// An SVG document.
    pub(in crate::ctl::policy) fn svg(&self) -> String {
        let layout = Layout::new(self);
        let (width, height) = (layout.width(), layout.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"DejaVu Sans Mono, monospace\" font-size=\"11\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        heading(&mut svg, MARGIN, "sends");
        heading(&mut svg, layout.left() + 8, "to which ports of whom");
        heading(&mut svg, layout.right(), "receives");
        for at in 0..self.domains.len() {
            for (place, row) in self.rows(at).iter().enumerate() {
                self.draw_row(&mut svg, &layout, row, layout.tops[at] + place * ROW);
            }
        }
        for (at, node) in self.domains.iter().enumerate() {
            let tall = self.rows(at).len().max(1) * ROW;
            let fill = if node.enabled { "#f4f4f4" } else { "#ffffff" };
            let sender = (MARGIN, layout.tops[at], layout.name_width, tall);
            draw_box(&mut svg, sender, colour(at), fill, &node.name);
            let top = layout.receiver(at) - ROW / 2;
            let receiver = (layout.right(), top, layout.name_width, ROW);
            draw_box(&mut svg, receiver, "#444444", fill, &node.name);
        }
        svg + "</svg>\n"
    }

    /// A sender's edges, those that are alike together.
    fn rows(&self, from: usize) -> Vec<Vec<&Edge>> {
        let mut rows: Vec<Vec<&Edge>> = Vec::new();
        for edge in self.edges.iter().filter(|edge| edge.from == from) {
            let alike = |row: &&mut Vec<&Edge>| {
                row.iter().any(|first| (first.way, &first.label) == (edge.way, &edge.label))
            };
            match rows.iter_mut().find(alike) {
                Some(row) => row.push(edge),
                None => rows.push(vec![edge]),
            }
        }
        rows
    }

    /// What is sent on the same terms, and to whom.
    fn text(&self, row: &[&Edge]) -> String {
        let label = row.first().map_or("", |first| &first.label);
        let names = row.iter().filter_map(|edge| self.domains.get(edge.to));
        let names: Vec<_> = names.filter_map(|node| node.name.split(' ').next()).collect();
        format!("{label} → {}", names.join(", "))
    }

    fn draw_row(&self, svg: &mut String, layout: &Layout, row: &[&Edge], top: usize) {
        let Some(first) = row.first() else { return };
        let (left, middle) = (layout.left(), layout.middle());
        let (x, y) = (left + 8, top + ROW - 5);
        let (text, text_y) = (self.text(row), y - 4);
        let (line, label) = (style(first), clipped(&text));
        let _ = writeln!(
            svg,
            "<g><title>{text}</title><path d=\"M{left} {y} H{middle}\" {line}/>\
             <text x=\"{x}\" y=\"{text_y}\" fill=\"#222222\">{label}</text></g>"
        );
        row.iter().for_each(|edge| draw_edge(svg, layout, edge, y));
    }
}

fn colour(at: usize) -> &'static str {
    COLOURS[at % COLOURS.len()]
}

fn heading(svg: &mut String, x: usize, text: &str) {
    // Writing to a String does not fail, here and below.
    let y = MARGIN + 4;
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"#666666\">{text}</text>");
}

fn draw_box(
    svg: &mut String,
    (x, y, wide, tall): (usize, usize, usize, usize),
    stroke: &str,
    fill: &str,
    name: &str,
) {
    let (text_x, text_y) = (x + 10, y + tall / 2 + 4);
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" rx=\"4\" fill=\"{fill}\" \
         stroke=\"{stroke}\" stroke-width=\"1.5\"/>\n\
         <text x=\"{text_x}\" y=\"{text_y}\" font-weight=\"bold\">{name}</text>"
    );
}

/// From a row's end to the receiver.
fn draw_edge(svg: &mut String, layout: &Layout, edge: &Edge, y: usize) {
    let (middle, right) = (layout.middle(), layout.right());
    let (bend, tip, back) = (middle + CROSSING / 2, right - 1, right - 9);
    let (end, line, fill) = (layout.receiver(edge.to), style(edge), stroke(edge));
    let _ = writeln!(
        svg,
        "<path class=\"edge\" d=\"M{middle} {y} C{bend} {y} {bend} {end} {back} {end}\" {line}/>\
         <path d=\"M{tip} {end} l-8 -4 v8 z\" fill=\"{fill}\"/>"
    );
}

fn stroke(edge: &Edge) -> &'static str {
    match edge.way {
        Way::Ports | Way::HookOnly => colour(edge.from),
        Way::Replies => "#999999",
    }
}

fn style(edge: &Edge) -> String {
    let dashes = match edge.way {
        Way::HookOnly => " stroke-width=\"0.8\" stroke-dasharray=\"5 4\"",
        Way::Ports | Way::Replies => " stroke-width=\"1.3\"",
    };
    format!("fill=\"none\" stroke=\"{}\"{dashes}", stroke(edge))
}

fn clipped(label: &str) -> String {
    match label.char_indices().nth(LABEL_MAX) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}
