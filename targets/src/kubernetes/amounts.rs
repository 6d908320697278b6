//! Amounts as the API writes them: `500m` cores, `1Gi` of memory.

use berth_language::quantity::Quantity;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, Zero};

/// Cores as the API writes them: whole, else thousandths, rounded up as what was planned for is.
pub fn cores(cores: &BigRational) -> String {
    if cores.is_integer() {
        return cores.to_integer().to_string();
    }
    let thousandths = (cores * BigRational::from_integer(1000.into())).ceil().to_integer();
    format!("{thousandths}m")
}

/// Bytes as the API writes them, in the largest binary unit that is exact.
pub fn bytes(amount: &Quantity) -> String {
    let mut whole = amount.value.ceil().to_integer();
    if whole.is_zero() || whole.is_negative() {
        return "0".into();
    }
    let step = BigInt::from(1024);
    let mut unit = "";
    for larger in ["Ki", "Mi", "Gi", "Ti", "Pi"] {
        if !(&whole % &step).is_zero() {
            break;
        }
        whole /= &step;
        unit = larger;
    }
    format!("{whole}{unit}")
}

/// What an amount of the API stands for: `7910m`, `32Gi`, `1.5`, `2e3`; none where it is no amount.
pub fn amount(text: &str) -> Option<BigRational> {
    let split =
        text.find(|letter: char| !(letter.is_ascii_digit() || "+-.".contains(letter))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || number.len() > 40 {
        return None;
    }
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    let number = BigRational::new(digits, BigInt::from(10).pow(u32::try_from(fraction.len()).ok()?));
    Some(number * scale(suffix)?)
}

fn scale(suffix: &str) -> Option<BigRational> {
    let power = |base: u32, exponent: i32| {
        let size = BigRational::from_integer(BigInt::from(base).pow(exponent.unsigned_abs()));
        if exponent < 0 { size.recip() } else { size }
    };
    let exponent = suffix.strip_prefix(['e', 'E']).filter(|exponent| !exponent.is_empty());
    if let Some(exponent) = exponent {
        let exponent: i32 = exponent.parse().ok()?;
        return (exponent.abs() <= 30).then(|| power(10, exponent));
    }
    Some(match suffix {
        "" => BigRational::one(),
        "n" => power(10, -9),
        "u" => power(10, -6),
        "m" => power(10, -3),
        "k" => power(10, 3),
        "M" => power(10, 6),
        "G" => power(10, 9),
        "T" => power(10, 12),
        "P" => power(10, 15),
        "E" => power(10, 18),
        "Ki" => power(2, 10),
        "Mi" => power(2, 20),
        "Gi" => power(2, 30),
        "Ti" => power(2, 40),
        "Pi" => power(2, 50),
        "Ei" => power(2, 60),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_language::quantity::Dimension;

    #[test]
    fn amounts_are_never_less_than_what_was_planned() {
        let ratio = |a: i64, b: i64| BigRational::new(a.into(), b.into());
        assert_eq!(cores(&ratio(2, 1)), "2");
        assert_eq!(cores(&ratio(1, 2)), "500m");
        assert_eq!(cores(&ratio(1, 3)), "334m");
        let memory = |bytes: i64| Quantity::new(ratio(bytes, 1), Dimension::DATA);
        assert_eq!(bytes(&memory(1 << 30)), "1Gi");
        assert_eq!(bytes(&memory(3 << 19)), "1536Ki");
        assert_eq!(bytes(&memory(1_000_000_001)), "1000000001");
        assert_eq!(bytes(&memory(0)), "0");
    }

    #[test]
    fn amounts_are_read_exactly() {
        let ratio = |a: i64, b: i64| Some(BigRational::new(a.into(), b.into()));
        assert_eq!(amount("8"), ratio(8, 1));
        assert_eq!(amount("7910m"), ratio(791, 100));
        assert_eq!(amount("1.5"), ratio(3, 2));
        assert_eq!(amount("32Gi"), ratio(32 << 30, 1));
        assert_eq!(amount("2e3"), ratio(2000, 1));
        assert_eq!(amount("1E"), ratio(1_000_000_000_000_000_000, 1));
        for text in ["", "Gi", "1X", "1.2.3", "--1", "1e999", "e"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }
}
