//! Laws of quantities and of their text.

use berth_language::quantity::{ArithmeticError, Dimension, Quantity};
use berth_language::units::unit;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use proptest::prelude::*;

/// Units whose text form the laws look at.
const UNITS: [&str; 44] = [
    "", "s", "ms", "us", "min", "h", "d", "y", "W", "kW", "MW", "Wh", "kWh", "J", "B", "kB", "MB", "GB",
    "TB", "KiB", "MiB", "GiB", "TiB", "Gbit", "GB/s", "Gbit/s", "TB/s", "TFLOPS", "GFLOPS", "TFLOP", "g",
    "kg", "t", "g/kWh", "Hz", "MHz", "req", "tok", "core", "req/s", "$", "$/h", "$/kWh", "€/GB",
];

fn amount() -> impl Strategy<Value = BigRational> {
    (-1_000_000_i64..1_000_000, 1_i64..1_000)
        .prop_map(|(above, below)| BigRational::new(above.into(), below.into()))
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (amount(), 0..UNITS.len()).prop_map(|(amount, at)| {
        let unit = unit(UNITS[at]).expect("a unit of the table");
        Quantity::new(amount * unit.factor, unit.dimension)
    })
}

/// Reads what `Display` writes: a currency, a number, a unit.
fn read(text: &str) -> Quantity {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let digits = |character: &char| character.is_ascii_digit() || "_.".contains(*character);
    let currency: String = text.chars().take_while(|c| "$€£¥".contains(*c)).collect();
    let rest = &text[currency.len()..];
    let number: String = rest.chars().take_while(digits).collect();
    let written = rest[number.len()..].trim_start();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let plain: BigInt = format!("{whole}{fraction}").replace('_', "").parse().expect("digits");
    let places = u32::try_from(fraction.len()).expect("a few decimals");
    let value = BigRational::new(plain * sign, BigInt::from(10).pow(places));
    let unit = unit(&format!("{currency}{written}")).expect("a unit that exists");
    Quantity::new(value * unit.factor, unit.dimension)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sums_commute_and_associate(a in amount(), b in amount(), c in amount()) {
        let [a, b, c] = [a, b, c].map(|value| Quantity::new(value, Dimension::POWER));
        prop_assert_eq!(a.add(&b), b.add(&a));
        let left = a.add(&b).and_then(|sum| sum.add(&c));
        let right = b.add(&c).and_then(|sum| a.add(&sum));
        prop_assert_eq!(left, right);
        prop_assert_eq!(a.subtract(&a), Ok(Quantity::new(BigRational::zero(), Dimension::POWER)));
    }

    #[test]
    fn products_commute_and_distribute(a in quantity(), b in amount(), c in amount()) {
        let [b, c] = [b, c].map(|value| Quantity::new(value, Dimension::TIME));
        prop_assert_eq!(a.multiply(&b), b.multiply(&a));
        let whole = b.add(&c).and_then(|sum| a.multiply(&sum));
        let parts = a.multiply(&b).and_then(|left| left.add(&a.multiply(&c)?));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn division_undoes_a_product(a in quantity(), b in quantity()) {
        match a.multiply(&b).and_then(|product| product.divide(&b)) {
            Ok(again) => prop_assert_eq!(again, a),
            Err(ArithmeticError::DivisionByZero) => prop_assert!(b.value.is_zero()),
            Err(ArithmeticError::MixedCurrencies) => {
                prop_assert_ne!(a.dimension.money, b.dimension.money);
            }
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }

    #[test]
    fn only_like_quantities_add(a in quantity(), b in quantity()) {
        prop_assert_eq!(a.add(&b).is_ok(), a.dimension == b.dimension);
        prop_assert_eq!(a.compare(&b).is_ok(), a.dimension == b.dimension);
    }

    #[test]
    fn units_of_a_dimension_add_exactly(a in amount(), b in amount(), first in 0..UNITS.len()) {
        let one = unit(UNITS[first]).expect("a unit of the table");
        for second in UNITS {
            let other = unit(second).expect("a unit of the table");
            let left = Quantity::new(&a * &one.factor, one.dimension.clone());
            let right = Quantity::new(&b * &other.factor, other.dimension.clone());
            match left.add(&right) {
                // As if both had been written with the second unit.
                Ok(sum) => prop_assert_eq!(sum.value / &other.factor, &a * &one.factor / &other.factor + &b),
                Err(_) => prop_assert_ne!(&one.dimension, &other.dimension),
            }
        }
    }

    #[test]
    fn a_whole_number_of_any_unit_is_read_back_exactly(
        number in -1_000_000_i64..1_000_000,
        at in 0..UNITS.len(),
    ) {
        let known = unit(UNITS[at]).expect("a unit of the table");
        let written = Quantity::new(BigRational::from_integer(number.into()) * known.factor, known.dimension);
        // A rate by a day or a year has no short decimal by the hour; those have a law of their own.
        prop_assert_eq!(read(&written.to_string()), written);
    }

    #[test]
    fn what_is_rounded_is_near_and_measures_the_same(value in quantity()) {
        let again = read(&value.to_string());
        prop_assert_eq!(&again.dimension, &value.dimension);
        let difference = &again.value - &value.value;
        let bound = &value.value * BigRational::new(1.into(), 100_000.into());
        let least = BigRational::new(1.into(), 1_000_000.into());
        let abs = |value: &BigRational| num_traits::Signed::abs(value);
        prop_assert!(abs(&difference) <= abs(&bound).max(least), "{} for {:?}", value, value);
    }
}

#[test]
fn numbers_beyond_all_measure_are_refused() {
    let large = Quantity::integer(BigInt::from(2).pow(300));
    assert_eq!(large.multiply(&large), Err(ArithmeticError::TooLarge));
    let small = Quantity::integer(1).divide(&large).expect("a fraction that fits");
    assert_eq!(small.multiply(&small), Err(ArithmeticError::TooLarge));
    assert_eq!(Quantity::integer(1).divide(&Quantity::integer(0)), Err(ArithmeticError::DivisionByZero));
}
