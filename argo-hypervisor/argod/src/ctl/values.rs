//! Values of arguments, as people write them.

use std::time::Duration;

use argo_guest::{Address, DomainId, Port};

use crate::config::number;

/// `DOMAIN:PORT`, both as numbers: a guest knows no names of domains.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let Some((dom, at)) = text.split_once(':') else {
        return Err("expected DOMAIN:PORT, such as 2:7".into());
    };
    Ok(Address::new(domain(dom)?, port(at)?))
}

/// The number of a domain.
pub(super) fn domain(text: &str) -> Result<DomainId, String> {
    let id = number(text).and_then(|id| u16::try_from(id).ok()).and_then(DomainId::new);
    let last = DomainId::LIMIT - 1;
    id.ok_or_else(|| {
        format!("{text:?} is no domain: expected its number (not its name), 0 to {last}")
    })
}

/// A port: decimal, or hexadecimal after `0x`.
pub(super) fn port(text: &str) -> Result<Port, String> {
    number(text).map(Port).ok_or_else(|| format!("{text:?} is no port: expected 0 to {}", u32::MAX))
}

/// A time in `us`, `ms` or `s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: expected such as 500ms or 2s");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (count, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(wrong()),
    };
    let count: f64 = count.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(count * seconds).map_err(|_| wrong())
}

/// A number of bytes: plain, or in KiB, MiB or GiB.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let factor: Option<u64> = match unit {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let size = factor.and_then(|factor| count.parse::<u64>().ok()?.checked_mul(factor));
    size.ok_or_else(|| format!("{text:?} is no size: expected such as 32800 or 700MiB"))
}

/// The same, of a ring.
pub(super) fn ring_len(text: &str) -> Result<u32, String> {
    u32::try_from(size(text)?).map_err(|_| format!("{text:?}: no ring is so long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_two_numbers() {
        let to = address("2:0x1F").unwrap();
        assert_eq!((to.domain.raw(), to.port), (2, Port(31)));
        for wrong in ["2", "server:7", "32752:7", "-1:7", "+1:7", "2:", "2:0x+1", "2:4294967296"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert!(address("server:7").unwrap_err().contains("not its name"));
    }

    #[test]
    fn sizes_may_have_a_unit() {
        assert_eq!(size("32800"), Ok(32_800));
        assert_eq!(size("3MiB"), Ok(3 << 20));
        for wrong in ["", "MiB", "1MB", "-1", "1.5KiB", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert!(ring_len("4GiB").is_err());
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        for wrong in ["", "5", "ms", "1m", "-1s", "1..2s", "99999999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
