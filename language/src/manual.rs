//! The reference manual, written from the schema: every kind, field, function, type and unit, as Markdown.
//!
//! `berth manual reference` prints it and `docs/reference.md` keeps it; a test holds the two together.

use crate::schema::functions::{FUNCTIONS, Function};
use crate::schema::{Default, Field, KINDS, Kind, MEASURED, Role, Support};
use crate::units;
use std::fmt::Write;

/// The reference as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Reference\n\n\
         Every kind, field, function, type and unit of the language, printed by `berth manual reference` from the\n\
         table that the checker works with. [The language](language.md) says how they are used,\n\
         [the index of messages](errors.md) what is said where they are used otherwise.\n\n\
         What the planner does not act on yet is marked *not judged*: such a line is read, its names and units\n\
         are checked, and the plan says that it was not judged.\n\n## Kinds\n",
    );
    for kind in KINDS {
        page.push_str(&of_kind(kind));
    }
    page.push_str("\n## Functions\n\n| call | what it yields |\n| --- | --- |\n");
    for function in FUNCTIONS {
        let doc = format!("{}{}", function.doc.trim(), not_planned(function.support));
        row(&mut page, &[&format!("`{}`", signature(function)), &doc]);
    }
    page.push_str(
        "\n## Types of params\n\nA param states its type: `param growth: Ratio = 100%`. Quotients are types too: `Money/Time`.\n\n\
         | type | its values |\n| --- | --- |\n",
    );
    for (name, values) in [
        ("Bool", "`true` or `false`".to_owned()),
        ("Integer", "a whole number".to_owned()),
        ("Text", "a text in quotes".to_owned()),
    ]
    .into_iter()
    .chain(MEASURED.iter().map(|measured| (measured.name, in_unit(measured.unit))))
    {
        row(&mut page, &[&format!("`{name}`"), &values]);
    }
    page.push_str(
        "\n## Units\n\nA unit attaches to its number (`34kW`); a count noun takes one blank (`12 req/s`) and may be plural.\n\
         Quotients are units: `GB/s`, `$/h`, `g/kWh`, `%/h`, `/y`. Money is written `$`, `€`, `£` or `¥` before its number.\n\n\
         | unit | prefixes | one of it |\n| --- | --- | --- |\n",
    );
    for unit in units::table() {
        row(&mut page, &[&format!("`{}`", unit.name), &unit.prefixes, &unit.worth]);
    }
    page
}

fn in_unit(unit: &str) -> String {
    if unit.starts_with("a ") { unit.to_owned() } else { format!("quantities like those in {unit}") }
}

fn of_kind(kind: &Kind) -> String {
    let mut part = format!("\n### `{}`\n\n{}", kind.name, kind.doc.trim());
    let (top, inside): (Vec<&str>, Vec<&str>) = kind.inside.iter().partition(|place| place.is_empty());
    let inside = inside.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let stands = match (top.is_empty(), inside.is_empty()) {
        (false, true) => "It stands at a file's top level.".to_owned(),
        (false, false) => format!("It stands at a file's top level or in {inside}."),
        (true, _) => format!("It stands in {inside}."),
    };
    // Writing to a text cannot fail, here and below.
    let _ = writeln!(part, " {stands}{}", not_planned(kind.support));
    for (heading, roles) in [
        ("Facts, stated with `=`:", &[Role::Fact][..]),
        ("Choices, decided unless pinned with `=`:", &[Role::Choice]),
        ("Measures, predicted and compared:", &[Role::Measure, Role::Sampled]),
    ] {
        let fields: Vec<_> = kind.fields.iter().filter(|field| roles.contains(&field.role)).collect();
        if fields.is_empty() {
            continue;
        }
        let _ = write!(part, "\n{heading}\n\n| field | takes | what it means |\n| --- | --- | --- |\n");
        for field in fields {
            row(&mut part, &[&format!("`{}`", field.name), &takes(field), &meaning(field)]);
        }
    }
    part
}

fn takes(field: &Field) -> String {
    let form = field.type_.form();
    match field.role {
        Role::Sampled => format!("{form}, at a statistic"),
        Role::Fact | Role::Choice | Role::Measure => form,
    }
}

fn meaning(field: &Field) -> String {
    let default = match field.default {
        Default::Unset => String::new(),
        Default::Number(value) => format!(" `{value}` where nothing is said."),
        Default::Symbol(name) => format!(" `{name}` where nothing is said."),
        Default::Boolean(value) => format!(" `{value}` where nothing is said."),
    };
    format!("{}{default}{}", field.doc.trim(), not_planned(field.support))
}

fn not_planned(support: Support) -> String {
    match support {
        Support::Acted | Support::Describes => String::new(),
        Support::NotYet(because) => format!(" *Not judged: {because}.*"),
    }
}

/// `lognormal(p50 = …, p99 = …)`, optional arguments in brackets.
fn signature(function: &Function) -> String {
    let needed = function.arguments.iter().map(|name| format!("{name} = …"));
    let optional = function.optional.iter().map(|name| format!("[{name} = …]"));
    let arguments: Vec<_> = needed.chain(optional).collect();
    format!("{}({})", function.name, arguments.join(", "))
}

/// One line of a table. A bar within a cell would end it.
fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
