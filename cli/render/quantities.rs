//! Numbers of a plan file as people write them: `640 ms`, `$2.10/h`, `12.5 GiB`.

/// `value` of a base unit of the plan file.
pub fn quantity(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "unbounded".into();
    }
    match unit {
        "s" => seconds(value),
        "$/h" => money(value),
        "byte" => bytes(value),
        "1" => plain(value),
        _ => format!("{} {unit}", plain(value)),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    if share == 0.0 { "0 %".into() } else { format!("{} %", significant(share * 100.0)) }
}

/// Money an hour; small amounts keep their cents' parts.
pub fn money(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    let cents = format!("{value:.2}");
    let fine = format!("{value:.4}");
    // Two places unless they would hide something.
    if fine.trim_end_matches('0').len() <= cents.len() {
        format!("{sign}${cents}/h")
    } else {
        format!("{sign}${fine}/h")
    }
}

fn seconds(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0 s".into()
    } else if magnitude < 1e-3 {
        format!("{} µs", significant(value * 1e6))
    } else if magnitude < 1.0 {
        format!("{} ms", significant(value * 1e3))
    } else if magnitude < 7_200.0 {
        format!("{} s", significant(value))
    } else if magnitude < 3.0 * 86_400.0 {
        format!("{} h", significant(value / 3_600.0))
    } else {
        format!("{} d", significant(value / 86_400.0))
    }
}

fn bytes(value: f64) -> String {
    let mut value = value;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{} {unit}", significant(value))
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { significant(value) }
}

/// Three significant digits, without trailing zeros.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    let places = if magnitude >= 100.0 {
        0
    } else if magnitude >= 10.0 {
        1
    } else if magnitude >= 1.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{money, quantity};

    #[test]
    fn numbers_read_as_people_write_them() {
        let cases = [
            (0.64, "s", "640 ms"),
            (1.2345, "s", "1.23 s"),
            (0.0000034, "s", "3.4 µs"),
            (13_421_772_800.0, "byte", "12.5 GiB"),
            (3.0, "1", "3"),
            (0.085, "1", "0.085"),
            (37.5, "req/s", "37.5 req/s"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(quantity(value, unit), expected);
        }
        assert_eq!(money(0.57), "$0.57/h");
        assert_eq!(money(0.0025), "$0.0025/h");
        assert_eq!(money(44.0), "$44.00/h");
    }
}
