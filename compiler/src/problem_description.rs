//! The text form of a [`Packing`]: what `berth lower --to problem` prints.
//!
//! One line each for a class of interchangeable machines, an item, a form of an item, a row, a wish
//! and a level, folded at 100 columns. Stable: the same problem gives the same text.

use crate::problem::{Atom, Choice, Devices, LevelAtom, Packing, Relation, Row, Running, Shortfall};
use crate::relaxation::machine_groups;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::fmt::Write;

/// The whole packing as text.
pub fn describe(packing: &Packing) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_packing(&mut text, packing);
    text.lines().map(folded).collect()
}

/// A line, broken before a sum's terms where it is too long.
fn folded(line: &str) -> String {
    const WIDTH: usize = 100;
    let mut text = String::new();
    let mut width = 0;
    for (index, term) in line.split(" + ").enumerate() {
        let length = term.chars().count() + 3;
        if index > 0 && width + length > WIDTH {
            text.push_str("\n    + ");
            width = 6;
        } else if index > 0 {
            text.push_str(" + ");
        }
        text.push_str(term);
        width += length;
    }
    text.push('\n');
    text
}

fn write_packing(text: &mut String, packing: &Packing) -> std::fmt::Result {
    let groups = machine_groups(packing);
    writeln!(
        text,
        "packing: {} machines in {} classes, {} items, {} rows, {} wishes, {} levels",
        packing.machines.len(),
        groups.len(),
        packing.items.len(),
        packing.rows.len(),
        packing.wishes.len(),
        packing.levels.len()
    )?;
    for group in &groups {
        let Some(machine) = group.first().and_then(|&first| packing.machines.get(first)) else { continue };
        write!(text, "machine {}x {}", group.len(), machine.name)?;
        if group.len() > 1
            && let Some(last) = group.last().and_then(|&last| packing.machines.get(last))
        {
            write!(text, " .. {}", last.name)?;
        }
        write!(text, ":{}", resources_text(packing, &machine.capacity))?;
        if machine.devices > 0 {
            write!(text, " devices {}", machine.devices)?;
        }
        if let Some(class) = machine.class {
            write!(text, " class {class}")?;
        }
        writeln!(text, " price {}", number(&machine.price))?;
    }
    for item in &packing.items {
        write!(text, "item {}: at most {}", item.name, item.most)?;
        if let [choice] = item.choices.as_slice() {
            writeln!(text, ";{}", choice_text(packing, choice))?;
        } else {
            writeln!(text, "; {} forms", item.choices.len())?;
            for choice in &item.choices {
                writeln!(text, "  {}:{}", choice.name, choice_text(packing, choice))?;
            }
        }
    }
    for Running { item, machine, copies } in &packing.running {
        let item = packing.items.get(*item).map_or("?", |item| item.name.as_str());
        let machine = machine.and_then(|machine| packing.machines.get(machine));
        writeln!(text, "runs {copies} {item} on {}", machine.map_or("no machine", |on| on.name.as_str()))?;
    }
    for row in &packing.rows {
        writeln!(text, "row {}", row_text(packing, row))?;
    }
    for (index, wish) in packing.wishes.iter().enumerate() {
        let counted = match wish.shortfall {
            Shortfall::Distance => "by distance",
            Shortfall::Unmet => "met or not",
        };
        writeln!(text, "wish {index}: {}, {counted}", row_text(packing, &wish.row))?;
    }
    for level in &packing.levels {
        let terms: Vec<String> = level
            .terms
            .iter()
            .map(|(factor, atom)| match atom {
                LevelAtom::Shortfall { wish } => times(factor, &format!("shortfall of wish {wish}")),
                LevelAtom::Price => times(factor, "price"),
                LevelAtom::Moves => times(factor, "moves"),
            })
            .collect();
        write!(text, "minimise {} [{}]: {}", level.name, level.unit, joined(&terms))?;
        if !level.gap.is_zero() {
            write!(text, " within {}", number(&level.gap))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn resources_text(packing: &Packing, by_resource: &[u64]) -> String {
    let mut text = String::new();
    for (resource, &value) in packing.resources.iter().zip(by_resource) {
        if value > 0 {
            let _ = write!(text, " {} {}", resource.name, amount(&resource.unit, &BigInt::from(value)));
        }
    }
    text
}

fn choice_text(packing: &Packing, choice: &Choice) -> String {
    let mut text = resources_text(packing, &choice.demand);
    match choice.devices {
        Devices::None => {}
        Devices::Whole(count) => {
            let _ = write!(text, " devices {count}");
        }
        Devices::Share(share) => {
            let scale = BigInt::from(packing.share_scale.max(1));
            let _ = write!(text, " share {}", number(&BigRational::new(BigInt::from(share), scale)));
        }
    }
    if let Some(classes) = &choice.classes {
        let classes: Vec<String> = classes.iter().map(usize::to_string).collect();
        let _ = write!(text, " on classes {}", classes.join(", "));
    }
    if text.is_empty() { " nothing".into() } else { text }
}

fn row_text(packing: &Packing, row: &Row) -> String {
    let terms: Vec<String> =
        row.terms.iter().map(|(factor, atom)| atom_text(packing, factor, *atom)).collect();
    let relation = match row.relation {
        Relation::AtMost => "<=",
        Relation::AtLeast => ">=",
        Relation::Equal => "==",
    };
    format!("{}{} {relation} {}", joined(&terms), survived(packing, row), number(&row.bound))
}

/// ` without any one of box[1..20]`
pub(crate) fn survived(packing: &Packing, row: &Row) -> String {
    let hazard = row.survives.and_then(|hazard| packing.hazards.get(hazard));
    hazard.map_or_else(String::new, |hazard| format!(" without any one of {}", hazard.name))
}

/// `a + 2 * b - c`
pub(crate) fn joined(terms: &[String]) -> String {
    if terms.is_empty() { "0".into() } else { terms.join(" + ").replace(" + -", " - ") }
}

/// `2 * copies of web`
pub(crate) fn atom_text(packing: &Packing, factor: &BigRational, atom: Atom) -> String {
    let name = |item: usize| packing.items.get(item).map_or("?", |item| item.name.as_str());
    let as_form = |item: usize, choice: usize| {
        let form = packing.items.get(item).and_then(|item| item.choices.get(choice));
        match form.map_or("?", |form| form.name.as_str()) {
            "" => name(item).to_owned(),
            form => format!("{} as {form}", name(item)),
        }
    };
    let counted = match atom {
        Atom::Copies { item } => format!("copies of {}", name(item)),
        Atom::CopiesOf { item, choice } => {
            format!("copies of {}", as_form(item, choice))
        }
        Atom::CopiesOn { item, choice, place } => {
            let place = packing.places.get(place).map_or("?", |place| place.name.as_str());
            format!(
                "copies of {} on {place}",
                choice.map_or_else(|| name(item).into(), |choice| as_form(item, choice))
            )
        }
        Atom::Spread { item } => format!("machines that hold {}", name(item)),
        Atom::SpreadOver { item, division } => {
            let division = packing.divisions.get(division).map_or("?", |division| division.name.as_str());
            format!("{division} that hold {}", name(item))
        }
        Atom::Price => "price".into(),
        Atom::Moves => "moves".into(),
    };
    times(factor, &counted)
}

fn times(factor: &BigRational, counted: &str) -> String {
    if factor.is_one() {
        counted.into()
    } else if (-factor).is_one() {
        format!("-{counted}")
    } else {
        format!("{} * {counted}", number(factor))
    }
}

/// A decimal where one of at most 9 places is exact, otherwise a fraction.
pub fn number(value: &BigRational) -> String {
    let mut scaled = value.clone();
    for places in 0..=9_usize {
        if scaled.is_integer() {
            let digits = scaled.numer().abs().to_string();
            let sign = if value.is_negative() { "-" } else { "" };
            if places == 0 {
                return format!("{sign}{digits}");
            }
            let digits = format!("{digits:0>width$}", width = places + 1);
            let (whole, part) = digits.split_at(digits.len() - places);
            return format!("{sign}{whole}.{part}");
        }
        scaled *= BigInt::from(10);
    }
    format!("{}/{}", value.numer(), value.denom())
}

/// An amount in a unit a person uses: `9.5 core`, `36 GB`.
pub(crate) fn amount(unit: &str, value: &BigInt) -> String {
    let (name, scale) = readable_unit(unit, &[value]);
    format!("{} {name}", number(&BigRational::new(value.clone(), scale)))
}

/// `9.5 of 8 core`
pub(crate) fn amounts(unit: &str, value: &BigInt, of: &BigInt) -> String {
    let (name, scale) = readable_unit(unit, &[value, of]);
    let text = |value: &BigInt| number(&BigRational::new(value.clone(), scale.clone()));
    format!("{} of {} {name}", text(value), text(of))
}

/// The unit to print in and how many of the resource's own units it is: `core/1000` is printed in
/// `core`; bytes in the largest unit in which all amounts have at most two decimals.
fn readable_unit(unit: &str, values: &[&BigInt]) -> (String, BigInt) {
    if let Some((name, divisor)) = unit.split_once('/')
        && let Ok(divisor) = divisor.trim().parse::<u64>()
        && divisor > 0
    {
        return (name.trim().into(), BigInt::from(divisor));
    }
    if unit == "byte" {
        let units: [(&str, u64); 6] = [
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("kB", 1_000),
        ];
        for (name, scale) in units {
            let scale = BigInt::from(scale);
            let short = |value: &&BigInt| (*value * BigInt::from(100) % &scale).is_zero();
            if values.iter().all(short) && values.iter().any(|value| **value >= scale) {
                return (name.into(), scale);
            }
        }
    }
    (unit.into(), BigInt::one())
}
