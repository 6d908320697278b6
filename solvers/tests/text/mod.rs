//! Packings as text, for tests: one line each, every line the origin of what it says.
//!
//! ```text
//! resources cpu core/1000, memory byte
//! scale 1000
//! machine box 3x cpu 8000 devices 2 class 0 price 0.19
//! place rack_a box[1] box[3]
//! parts racks 0 0 1
//! item web most 4 cpu 3000 share 400
//! item chat most 9
//!   form small cpu 1000 whole 1 on 0
//! item others most 2
//!   form small cpu 1000 whole 1 on 0
//! beside others chat.small 2 rack_a
//! row - chat.small@rack_a + others.small@rack_a == 0
//! row web + 2 chat.small - spread(web) >= 3
//! row web@rack_a <= 2
//! row spread(web,racks) >= 2
//! hazard each 0 1 2
//! row 2 web + chat.small >= 3 without each
//! wish web >= 4 distance
//! level bill: price + 0.4 wish0 gap 0.01
//! ```
#![allow(dead_code, reason = "each test file uses a part of it")]

use berth_compiler::problem::{
    Atom, Beside, Certificate, Choice, Devices, Division, Hazard, Item, Level, LevelAtom, Machine, Packing,
    Place, Problem, Relation, Resource, Row, Running, Shortfall, Solution, Together, Wish,
};
use berth_compiler::problem_description::number;
use berth_compiler::recheck::recheck;
use berth_compiler::relaxation::{Goal, farkas, relaxation};
use berth_compiler::solving::{Feasibility, Outcome, Proof, Reason, Request, Solving};
use berth_language::span::{FileId, Span};
use berth_solvers::Highs;
use num_bigint::BigInt;
use num_rational::BigRational;
use std::collections::BTreeMap;

/// The packing a text describes.
pub fn packing(text: &str) -> Packing {
    let mut packing = Packing { share_scale: 1000, ..Packing::default() };
    let mut start = 0;
    for line in text.split('\n') {
        let indent = line.len() - line.trim_start().len();
        let origin = Span::new(FileId(0), start + indent, start + line.trim_end().len().max(indent));
        start += line.len() + 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["resources", ..] => {
                let list = line.trim().trim_start_matches("resources");
                packing.resources = list
                    .split(',')
                    .map(|resource| {
                        let (name, unit) = resource.trim().split_once(' ').unwrap();
                        Resource { name: name.into(), unit: unit.into() }
                    })
                    .collect();
            }
            ["scale", scale] => packing.share_scale = scale.parse().unwrap(),
            ["machine", name, count, rest @ ..] => {
                let count: usize = count.trim_end_matches('x').parse().unwrap();
                let fields = fields(rest);
                for index in 1..=count {
                    packing.machines.push(Machine {
                        name: if count == 1 { (*name).into() } else { format!("{name}[{index}]") },
                        capacity: amounts(&packing, &fields),
                        devices: field(&fields, "devices").unwrap_or(0) as u32,
                        class: field(&fields, "class").map(|class| class as usize),
                        price: fields.get("price").map_or(rational("0"), |price| rational(price)),
                        origin,
                    });
                }
            }
            ["place", name, names @ ..] => {
                let known = packing.machines.iter().enumerate();
                let named = known.filter(|(_, machine)| names.contains(&machine.name.as_str()));
                let machines = named.map(|(index, _)| index).collect();
                packing.places.push(Place { name: (*name).into(), machines });
            }
            ["parts", name, parts @ ..] => {
                let part_of = parts.iter().map(|part| part.parse().ok()).collect();
                packing.divisions.push(Division { name: (*name).into(), part_of });
            }
            ["hazard", name, parts @ ..] => {
                let part_of = parts.iter().map(|part| part.parse().ok()).collect();
                packing.hazards.push(Hazard { name: (*name).into(), part_of });
            }
            ["item", name, "most", most, rest @ ..] => {
                let fields = fields(rest);
                let choices =
                    if fields.is_empty() { Vec::new() } else { vec![choice(&packing, "", &fields)] };
                let most = most.parse().unwrap();
                packing.items.push(Item { name: (*name).into(), most, choices, beside: None, origin });
            }
            ["form", name, rest @ ..] => {
                let choice = choice(&packing, name, &fields(rest));
                packing.items.last_mut().unwrap().choices.push(choice);
            }
            ["beside", others, form, machines, places @ ..] => {
                let Atom::CopiesOf { item, choice } = atom(&packing, form) else { panic!("what is {form}?") };
                let known = packing.places.iter().filter(|place| places.contains(&place.name.as_str()));
                let places = known.map(|place| place.machines.clone()).collect();
                let form = Together { choice, machines: machines.parse().unwrap(), places };
                let others = packing.items.iter_mut().find(|of| of.name == *others).unwrap();
                others.beside.get_or_insert(Beside { item, forms: Vec::new() }).forms.push(form);
            }
            ["runs", item, copies, "on", machine] => {
                let item = packing.items.iter().position(|of| of.name == *item).unwrap();
                let machine = packing.machines.iter().position(|of| of.name == *machine);
                packing.running.push(Running { item, machine, copies: copies.parse().unwrap() });
                packing.running.sort();
            }
            ["row", rest @ ..] => {
                let row = row(&packing, rest, origin);
                packing.rows.push(row);
            }
            ["wish", rest @ .., how] => {
                let row = row(&packing, rest, origin);
                let shortfall = if *how == "unmet" { Shortfall::Unmet } else { Shortfall::Distance };
                packing.wishes.push(Wish { row, shortfall });
            }
            ["level", name, rest @ ..] => {
                let (rest, gap) = match rest {
                    [rest @ .., "gap", gap] => (rest, rational(gap)),
                    _ => (rest, rational("0")),
                };
                let terms = terms(rest).into_iter().map(|(factor, word)| {
                    let atom = match word.strip_prefix("wish") {
                        Some(wish) => LevelAtom::Shortfall { wish: wish.parse().unwrap() },
                        None if word == "moves" => LevelAtom::Moves,
                        None => LevelAtom::Price,
                    };
                    (factor, atom)
                });
                let name = name.trim_end_matches(':').into();
                packing.levels.push(Level { name, unit: "1".into(), terms: terms.collect(), gap });
            }
            other => panic!("what is {other:?}?"),
        }
    }
    packing
}

/// Solves, rechecks, and says what came out: machines with what stands on them, then levels.
pub fn solve(text: &str) -> String {
    let problem = packing(text);
    match Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
        Outcome::Solved(solution) => {
            recheck(&problem, &solution).expect("what the solver returns holds");
            format!("{}{}", placed(&problem, &solution), claimed(&problem, &solution))
        }
        Outcome::Infeasible(reason) => why(text, &problem, &reason),
        Outcome::Unknown { because } => format!("unknown: {because}\n"),
    }
}

/// The levels alone.
pub fn levels(text: &str) -> String {
    claims_of(&Highs::new(), text)
}

/// The same without the program on named machines.
pub fn searched(text: &str) -> String {
    claims_of(&Highs { exact_columns: 0 }, text)
}

fn claims_of(solver: &Highs, text: &str) -> String {
    let problem = packing(text);
    match solver.solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
        Outcome::Solved(solution) => {
            recheck(&problem, &solution).expect("what the solver returns holds");
            claimed(&problem, &solution)
        }
        other => format!("{other:?}"),
    }
}

/// Whether any solution exists, and why not.
pub fn feasible(text: &str) -> String {
    let problem = packing(text);
    match Highs::new().feasible(&problem, &[], &Request::default()) {
        Feasibility::Feasible(solution) => format!("feasible\n{}", placed(&problem, &solution)),
        Feasibility::Infeasible(_) => {
            match Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
                Outcome::Infeasible(reason) => why(text, &problem, &reason),
                other => format!("infeasible, and {other:?}"),
            }
        }
        Feasibility::Unknown => "unknown\n".into(),
    }
}

fn why(text: &str, packing: &Packing, reason: &Reason) -> String {
    let proof = match &reason.proof {
        Proof::Farkas { multipliers } => {
            assert!(farkas(&relaxation(packing, Goal::Feasibility), multipliers), "the certificate holds");
            "farkas"
        }
        Proof::Smt => "z3",
        Proof::Search => "search",
    };
    let lines: Vec<&str> = reason.origins.iter().map(|origin| &text[origin.range()]).collect();
    format!("infeasible ({proof}):\n{}\n", lines.join("\n"))
}

/// `box[1]: 2 web, api #0`
pub fn placed(packing: &Packing, solution: &Solution) -> String {
    let mut lines: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for assignment in &solution.assignments {
        let item = &packing.items[assignment.item];
        let form = &item.choices[assignment.choice].name;
        let mut text = if assignment.copies == 1 { String::new() } else { format!("{} ", assignment.copies) };
        text += &item.name;
        if !form.is_empty() {
            text += &format!(".{form}");
        }
        for device in &assignment.devices {
            text += &format!(" #{device}");
        }
        lines.entry(assignment.machine).or_default().push(text);
    }
    let line = |(machine, texts): (usize, Vec<String>)| {
        format!("{}: {}\n", packing.machines[machine].name, texts.join(", "))
    };
    lines.into_iter().map(line).collect()
}

/// `bill = 0.38, bound 0.38 (linear dual)`
pub fn claimed(packing: &Packing, solution: &Solution) -> String {
    let mut text = String::new();
    for (level, claim) in packing.levels.iter().zip(&solution.levels) {
        let certificate = match &claim.certificate {
            Certificate::Trivial => "trivial".into(),
            Certificate::LinearDual { .. } => "linear dual".into(),
            Certificate::Search { proved, .. } => format!("search, proved {}", number(proved)),
            Certificate::Copies { .. } => "copies".into(),
        };
        let (incumbent, bound) = (number(&claim.incumbent), number(&claim.bound));
        text += &format!("{} = {incumbent}, bound {bound} ({certificate})\n", level.name);
    }
    text
}

/// A decimal or a fraction.
pub fn rational(text: &str) -> BigRational {
    if let Some((over, under)) = text.split_once('/') {
        return rational(over) / rational(under);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{part}").parse().unwrap();
    BigRational::new(digits, BigInt::from(10).pow(part.len() as u32))
}

fn fields<'t>(words: &[&'t str]) -> BTreeMap<&'t str, &'t str> {
    words.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

fn field(fields: &BTreeMap<&str, &str>, name: &str) -> Option<u64> {
    fields.get(name).map(|value| value.parse().unwrap())
}

fn amounts(packing: &Packing, fields: &BTreeMap<&str, &str>) -> Vec<u64> {
    packing.resources.iter().map(|resource| field(fields, &resource.name).unwrap_or(0)).collect()
}

fn choice(packing: &Packing, name: &str, fields: &BTreeMap<&str, &str>) -> Choice {
    let devices = match (field(fields, "whole"), field(fields, "share")) {
        (Some(count), _) => Devices::Whole(count as u32),
        (_, Some(share)) => Devices::Share(share),
        _ => Devices::None,
    };
    let classes = fields.get("on").map(|list| list.split(',').map(|class| class.parse().unwrap()).collect());
    Choice { name: name.into(), demand: amounts(packing, fields), devices, classes }
}

fn row(packing: &Packing, words: &[&str], origin: Span) -> Row {
    let at = words.iter().position(|word| ["<=", ">=", "=="].contains(word)).unwrap();
    let relation = match words[at] {
        "<=" => Relation::AtMost,
        ">=" => Relation::AtLeast,
        _ => Relation::Equal,
    };
    let terms = terms(&words[..at]).into_iter().map(|(factor, word)| (factor, atom(packing, word))).collect();
    let survives = match &words[at + 2..] {
        ["without", name] => packing.hazards.iter().position(|hazard| hazard.name == *name),
        _ => None,
    };
    Row { terms, survives, relation, bound: rational(words[at + 1]), origins: vec![origin] }
}

fn terms<'t>(words: &[&'t str]) -> Vec<(BigRational, &'t str)> {
    let mut terms = Vec::new();
    let (mut sign, mut factor) = (rational("1"), rational("1"));
    for &word in words {
        match word {
            "+" => sign = rational("1"),
            "-" => sign = rational("-1"),
            _ if word.starts_with(|first: char| first.is_ascii_digit()) => factor = rational(word),
            _ => {
                terms.push((&sign * &factor, word));
                (sign, factor) = (rational("1"), rational("1"));
            }
        }
    }
    terms
}

fn atom(packing: &Packing, word: &str) -> Atom {
    let item = |name: &str| packing.items.iter().position(|item| item.name == name).unwrap();
    if word == "price" {
        return Atom::Price;
    }
    if word == "moves" {
        return Atom::Moves;
    }
    if let Some((name, division)) =
        word.strip_prefix("spread(").and_then(|of| of.trim_end_matches(')').split_once(','))
    {
        let division = packing.divisions.iter().position(|known| known.name == division).unwrap();
        return Atom::SpreadOver { item: item(name), division };
    }
    // `web`, or `web.large`: one of its forms.
    let counted = |word: &str| match word.split_once('.') {
        Some((name, form)) => {
            let item = item(name);
            let choices = &packing.items[item].choices;
            (item, Some(choices.iter().position(|choice| choice.name == form).unwrap()))
        }
        None => (item(word), None),
    };
    if let Some((word, place)) = word.split_once('@') {
        let place = packing.places.iter().position(|known| known.name == place).unwrap();
        let (item, choice) = counted(word);
        return Atom::CopiesOn { item, choice, place };
    }
    if let Some(name) = word.strip_prefix("spread(") {
        return Atom::Spread { item: item(name.trim_end_matches(')')) };
    }
    match counted(word) {
        (item, Some(choice)) => Atom::CopiesOf { item, choice },
        (item, None) => Atom::Copies { item },
    }
}
