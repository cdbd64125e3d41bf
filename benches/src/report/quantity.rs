//! Numbers with their units, in three digits.

use crate::case::Unit;
use crate::spread::Spread;

/// A number of this unit, such as `1.25 M/s`.
pub fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::MessagesPerSecond => scaled(value, "/s"),
        Unit::BytesPerSecond => scaled(value, "B/s"),
        Unit::Nanoseconds => scaled(value / 1e9, "s"),
        Unit::Instructions => format!("{value:.0} instr."),
        Unit::Bytes => scaled(value, "B"),
        Unit::Times => ratio(value),
    }
}

/// A ratio in three digits.
pub fn ratio(value: f64) -> String {
    match value.abs() {
        abs if abs >= 100.0 => format!("{value:.0}"),
        abs if abs >= 10.0 => format!("{value:.1}"),
        abs if abs.is_nan() => "nan".into(),
        _ => format!("{value:.2}"),
    }
}

/// `LEAST to MOST` in this unit.
pub fn range(spread: &Spread, unit: Unit) -> String {
    format!("{} to {}", show(spread.min, unit), show(spread.max, unit))
}

fn scaled(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 6] =
        [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ")];
    // What is rounded up to the next prefix belongs there.
    let fits = |(scale, _): &(f64, &str)| value.abs() >= scale * 0.9995;
    let (scale, prefix) = match PREFIXES.into_iter().find(fits) {
        Some(found) => found,
        None if value == 0.0 || value.is_nan() => (1.0, ""),
        None => (1e-9, "n"),
    };
    format!("{} {prefix}{unit}", ratio(value / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_prefix() {
        assert_eq!(show(871_234.0, Unit::MessagesPerSecond), "871 k/s");
        assert_eq!(show(5.94e9, Unit::BytesPerSecond), "5.94 GB/s");
        assert_eq!(show(12_345.0, Unit::Nanoseconds), "12.3 µs");
        assert_eq!(show(410.0, Unit::Nanoseconds), "410 ns");
        assert_eq!(show(999_999.0, Unit::Nanoseconds), "1.00 ms");
        assert_eq!(show(0.0, Unit::Bytes), "0.00 B");
        assert_eq!(show(1.523, Unit::Times), "1.52");
        assert_eq!(show(f64::NAN, Unit::Nanoseconds), "nan s");
    }
}
