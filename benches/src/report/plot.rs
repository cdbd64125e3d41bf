//! A picture a case: a panel a figure, a bar a contestant at its median, a line from its least to
//! its most.

use std::error::Error;
use std::path::{Path, PathBuf};

use plotters::prelude::*;

use super::quantity;
use crate::case::{Figure, Outcome};
use crate::spread::Spread;

const WIDTH: u32 = 760;
/// Pixels of a panel beside its bars, and of a bar.
const PANEL: u32 = 90;
const BAR: u32 = 34;
const OURS: RGBColor = RGBColor(0x1b, 0x7f, 0x79);
const PEERS: RGBColor = RGBColor(0xa8, 0xb0, 0xb8);

/// Writes the picture of a case into this folder; tells where.
///
/// # Errors
/// The file cannot be written.
pub fn write(outcome: &Outcome, folder: &Path) -> Result<PathBuf, Box<dyn Error + Send + Sync>> {
    let path = folder.join(format!("{}.svg", file_name(&outcome.title)));
    let mut svg = String::new();
    draw(outcome, &mut svg).map_err(|error| error.to_string())?;
    std::fs::write(&path, svg)?;
    Ok(path)
}

/// Letters and digits of the title, and dashes for the rest.
fn file_name(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase()
}

fn draw(outcome: &Outcome, svg: &mut String) -> Result<(), Box<dyn Error>> {
    let (bars, panels) = (outcome.contestants.len(), outcome.figures.len());
    let height = (PANEL + BAR * bars as u32) * panels as u32;
    let picture = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    picture.fill(&WHITE)?;
    for (place, area) in picture.split_evenly((panels, 1)).iter().enumerate() {
        let spread = |contestant| Spread::of(&outcome.values(contestant, place));
        let spreads: Vec<_> = (0..bars).map(spread).collect();
        panel(area, outcome, &outcome.figures[place], &spreads)?;
    }
    Ok(picture.present()?)
}

type Area<'s> = DrawingArea<SVGBackend<'s>, plotters::coord::Shift>;

fn panel(
    area: &Area<'_>,
    outcome: &Outcome,
    figure: &Figure,
    spreads: &[Spread],
) -> Result<(), Box<dyn Error>> {
    let most = spreads.iter().map(|spread| spread.max).fold(0.0, f64::max);
    let names = &outcome.contestants;
    // The last one is a segment too.
    let segments = 0..names.len().saturating_sub(1);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{}, {}", outcome.title, figure.name), ("sans-serif", 18))
        .margin(8)
        .margin_right(40)
        .x_label_area_size(26)
        .y_label_area_size(210)
        .build_cartesian_2d(0.0..most.max(f64::MIN_POSITIVE) * 1.15, segments.into_segmented())?;
    let name = |segment: &SegmentValue<usize>| match segment {
        // The first is at the top.
        SegmentValue::CenterOf(place) => {
            names.iter().rev().nth(*place).copied().unwrap_or_default().into()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(5)
        .x_label_formatter(&|value| quantity::show(*value, figure.unit))
        .y_label_formatter(&name)
        .label_style(("sans-serif", 14))
        .draw()?;
    for (place, spread) in spreads.iter().rev().enumerate() {
        let color = if place + 1 == spreads.len() { OURS } else { PEERS };
        let (bottom, top) = (SegmentValue::Exact(place), SegmentValue::Exact(place + 1));
        let middle = SegmentValue::CenterOf(place);
        let mut bar = Rectangle::new([(0.0, bottom), (spread.median, top)], color.filled());
        bar.set_margin(5, 5, 0, 0);
        chart.draw_series([bar])?;
        let ends = vec![(spread.min, middle.clone()), (spread.max, middle.clone())];
        chart.draw_series([PathElement::new(ends, BLACK)])?;
        let value = quantity::show(spread.median, figure.unit);
        let beside = (spread.max + most * 0.01, middle);
        chart.draw_series([Text::new(value, beside, ("sans-serif", 13))])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::outcome;

    #[test]
    fn a_picture_names_the_case_and_everybody_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&outcome(&[4e6, 6e6], &[2e6, 3e6]), folder.path()).unwrap();
        assert_eq!(path.file_name().unwrap(), "datagrams-of-64-bytes.svg");
        let svg = std::fs::read_to_string(path).unwrap();
        for words in ["datagrams of 64 bytes, rate", "argod", "Unix stream", "5.00 M/s", "2.50 M/s"]
        {
            assert!(svg.contains(words), "{words} in {svg}");
        }
    }

    #[test]
    fn a_case_without_a_round_has_a_picture_too() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&outcome(&[], &[]), folder.path()).is_ok());
    }
}
