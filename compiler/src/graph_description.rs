//! The operator graph as text, for `berth lower --to graph`.
//!
//! One table a phase, one row an operator, costs of one repetition on one device, with the common
//! factor of each form in front: `16384 B S (1 + 7/t)`. Totals count every repetition and are expanded,
//! so that each of their coefficients can be found again.

use crate::form::{Form, Powers, Symbol};
use crate::graph::{Divides, OperatorGraph, Patches, Phase, PhaseGraph, Target};
use berth_language::model::Precision;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::fmt::Write;

/// Every phase with its operators and totals; ends in a newline where there is any.
pub fn describe_graph(graph: &OperatorGraph) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&describe_phase(phase));
    }
    text
}

fn describe_phase(phase: &PhaseGraph) -> String {
    let precision = match phase.precision {
        Precision::Bf16 => "bf16",
        Precision::Fp8 => "fp8",
    };
    let name = phase.phase.name();
    let header = ["operator", "times", "FLOPs", "weight bytes", "activation bytes", "KV or link bytes"];
    let mut rows = vec![header.map(str::to_owned)];
    let mut total = Total::default();
    let mut kernels = 0_u64;
    for operator in phase.operators.node_weights() {
        let moved = [("KV", &operator.kv_bytes), ("link", &operator.link_bytes)]
            .into_iter()
            .filter(|(_, form)| !form.is_zero())
            .map(|(what, form)| format!("{what} {}", factored(form)))
            .collect::<Vec<_>>()
            .join(", ");
        let shown = |form: &Form| if form.is_zero() { String::new() } else { factored(form) };
        // What runs inside the kernel of a neighbour stands indented.
        let indent = if operator.fused { "+ " } else { "" };
        if operator.starts_kernel() {
            kernels = kernels.saturating_add(operator.repeat);
        }
        rows.push([
            format!("{indent}{}", operator.name),
            operator.repeat.to_string(),
            shown(&operator.flops),
            shown(&operator.weight_bytes),
            shown(&operator.activation_bytes),
            moved,
        ]);
        let times = |form: &Form| form.clone() * Form::integer(operator.repeat);
        total.flops = total.flops + times(&operator.flops);
        total.weight_bytes = total.weight_bytes + times(&operator.weight_bytes);
        total.activation_bytes = total.activation_bytes + times(&operator.activation_bytes);
        total.kv_bytes = total.kv_bytes + times(&operator.kv_bytes);
        total.link_bytes = total.link_bytes + times(&operator.link_bytes);
        total.weight_memory = total.weight_memory + times(&operator.weight_memory);
        total.kv_memory = total.kv_memory + times(&operator.kv_memory);
        total.parameters += BigInt::from(operator.parameters) * operator.repeat;
        total.active += BigInt::from(operator.active_parameters) * operator.repeat;
    }

    let target = match phase.target {
        Target::Kernels => String::new(),
        Target::Dataflow => format!(" of {}", phase.target.name()),
    };
    let mut text = format!("{}, {precision}, {name}, on one device{target}\n", phase.service);
    match phase.patches {
        None => text.push_str("B sequences of a data group, S new tokens and C cached tokens of each\n"),
        Some(Patches { pixels, .. }) if phase.phase == Phase::Denoise => {
            let _ = writeln!(
                text,
                "B images of a data group, S tokens of {pixels} pixels of each and C tokens of text; one pass of a step"
            );
        }
        Some(Patches { pixels, tokens }) => {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "B images of a data group, S patches of {pixels} pixels of each; {} patches are a token",
                1.0 / tokens
            );
        }
    }
    if phase.drafts > 0 {
        let _ = writeln!(
            text,
            "{} tokens of a sequence are read at once, all but one of them guessed before",
            phase.drafts + 1
        );
    }
    text.push_str("degrees: t tensor, p pipeline, e expert, d data, c context\n\n");
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Counts align at their last digit.
            let cell = if column == 1 { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            line.push(' ');
            line.push_str(&cell);
            line.push(' ');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for (what, form) in [
        ("FLOPs", &total.flops),
        ("weight bytes", &total.weight_bytes),
        ("activation bytes", &total.activation_bytes),
        ("KV bytes", &total.kv_bytes),
        ("link bytes", &total.link_bytes),
        ("bytes held", &total.weight_memory),
        ("bytes held a cached token", &total.kv_memory),
    ] {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {what:<26} {}", expanded(form));
    }
    let _ = writeln!(text, "  {:<26} {kernels}", "kernels");
    for operator in phase.operators.node_weights() {
        let Some(hidden) = &operator.hidden else { continue };
        let behind =
            phase.operators.node_weights().nth(hidden.behind).map_or("?", |other| other.name.as_str());
        let _ = writeln!(
            text,
            "  {:<26} {:.0} % of {} behind {behind}",
            "hidden",
            100.0 * hidden.share,
            operator.name
        );
    }
    let _ = writeln!(text, "  {:<26} {}", "parameters on all devices", total.parameters);
    if total.active != total.parameters {
        let _ = writeln!(text, "  {:<26} {}", "of them for one token", total.active);
    }
    let mut divides: Vec<(String, String)> = Vec::new();
    for Divides { by, width } in &phase.divides {
        let by = format!("{} divides", expanded(by));
        match divides.last_mut().filter(|(last, _)| *last == by) {
            Some((_, widths)) => widths.push_str(&format!(", {width}")),
            None => divides.push((by, width.to_string())),
        }
    }
    for (by, widths) in divides {
        let _ = writeln!(text, "  {by:<26} {widths}");
    }
    text
}

#[derive(Default)]
struct Total {
    flops: Form,
    weight_bytes: Form,
    activation_bytes: Form,
    kv_bytes: Form,
    link_bytes: Form,
    weight_memory: Form,
    kv_memory: Form,
    parameters: BigInt,
    active: BigInt,
}

/// How a table names a symbol.
fn letter(symbol: Symbol) -> &'static str {
    match symbol {
        Symbol::Sequences => "B",
        Symbol::New => "S",
        Symbol::Context => "C",
        Symbol::Tensor => "t",
        Symbol::Pipeline => "p",
        Symbol::Expert => "e",
        Symbol::Data => "d",
        Symbol::ContextDegree => "c",
    }
}

/// A summand: its coefficient and what that is multiplied with.
type Term = (BigRational, Powers);

/// A form with its common factor in front; for people, the form's own text is what reads back.
fn factored(form: &Form) -> String {
    let terms = terms(form);
    let Some((first, rest)) = terms.split_first() else {
        return "0".to_owned();
    };
    // The power of each symbol that all terms share: of powers of one sign, the one nearest to 0.
    let mut shared = first.1.clone();
    for (_, powers) in rest {
        for (kept, exponent) in shared.symbols.iter_mut().zip(powers.symbols) {
            *kept = nearer(*kept, exponent);
        }
        shared.at_most.retain_mut(|(most, kept)| {
            let other = powers.at_most.iter().find(|(other, _)| other == most);
            *kept = nearer(*kept, other.map_or(0, |(_, exponent)| *exponent));
            *kept != 0
        });
    }
    let factor = common_factor(&terms);
    if rest.is_empty() {
        return product(&first.0, &first.1);
    }
    let inner = sum(terms.iter().map(|(coefficient, powers)| (coefficient / &factor, powers.over(&shared))));
    let (over, under) = fraction(&shared);
    let mut before = Vec::new();
    if !factor.is_one() {
        before.push(factor.to_string());
    }
    before.extend(over);
    if before.is_empty() && under.is_empty() {
        return inner;
    }
    before.push(format!("({inner})"));
    format!("{}{under}", before.join(" "))
}

/// Of two powers of one sign the one nearer to 0; else 0.
fn nearer(one: i8, other: i8) -> i8 {
    match (one.signum() == other.signum(), one.abs() < other.abs()) {
        (false, _) => 0,
        (true, true) => one,
        (true, false) => other,
    }
}

/// A form as it stands: `3 B - 2 S + 1`.
pub fn expanded(form: &Form) -> String {
    if form.is_zero() { "0".to_owned() } else { sum(terms(form).into_iter()) }
}

/// `3 B - 2 S + 1`
fn sum(terms: impl Iterator<Item = Term>) -> String {
    let mut sum = String::new();
    for (index, (coefficient, powers)) in terms.enumerate() {
        match (index, coefficient.is_negative()) {
            (0, false) => {}
            (0, true) => sum.push('-'),
            (_, false) => sum.push_str(" + "),
            (_, true) => sum.push_str(" - "),
        }
        sum.push_str(&product(&coefficient.abs(), &powers));
    }
    sum
}

/// `16384 B S/t`
fn product(coefficient: &BigRational, powers: &Powers) -> String {
    let (over, under) = fraction(powers);
    let mut factors = Vec::new();
    if !coefficient.is_one() || over.is_empty() {
        factors.push(coefficient.to_string());
    }
    factors.extend(over);
    format!("{}{under}", factors.join(" "))
}

/// Symbols above the line, and those below with a `/` before each.
fn fraction(powers: &Powers) -> (Vec<String>, String) {
    let mut over = Vec::new();
    let mut under = String::new();
    let symbols = Symbol::ALL.into_iter().map(|symbol| letter(symbol).to_owned()).zip(powers.symbols);
    let at_most = powers.at_most.iter().map(|(most, exponent)| (most.written(letter), *exponent));
    for (base, exponent) in symbols.chain(at_most) {
        let power = match exponent.unsigned_abs() {
            0 => continue,
            1 => base,
            power => format!("{base}^{power}"),
        };
        if exponent > 0 {
            over.push(power);
        } else {
            under.push('/');
            under.push_str(&power);
        }
    }
    (over, under)
}

/// The greatest integer that divides every coefficient; 1 where one is no integer.
fn common_factor(terms: &[Term]) -> BigRational {
    let mut factor = BigInt::zero();
    for (coefficient, _) in terms {
        if !coefficient.is_integer() {
            return BigRational::one();
        }
        let (mut larger, mut smaller) = (factor, coefficient.to_integer().abs());
        while !smaller.is_zero() {
            (larger, smaller) = (smaller.clone(), larger % smaller);
        }
        factor = larger;
    }
    if factor.is_zero() { BigRational::one() } else { BigRational::from_integer(factor) }
}

/// The terms of a form, in its order.
fn terms(form: &Form) -> Vec<Term> {
    form.terms().map(|(coefficient, powers)| (coefficient.clone(), powers.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_shown_with_its_common_factor_in_front() {
        for (form, shown) in [
            ("0", "0"),
            ("7", "7"),
            ("sequences*tensor^-1", "B/t"),
            ("tensor^-1", "1/t"),
            ("167772160*sequences*new*tensor^-1", "167772160 B S/t"),
            ("32768*sequences*new + -32768*sequences*new*tensor^-1", "32768 B S (1 - 1/t)"),
            (
                "16384*sequences*new^2*tensor^-1 + 32768*sequences*new*context*tensor^-1",
                "16384 B S (S + 2 C)/t",
            ),
            ("16384*sequences*new + 114688*sequences*new*tensor^-1", "16384 B S (1 + 7/t)"),
            ("new + context", "S + C"),
            ("-3*new + 1/2", "-3 S + 1/2"),
            ("-6*new + -9", "3 (-2 S - 3)"),
            ("1024*new*min(tensor,4)^-1*context_degree^-1", "1024 S/c/min(t,4)"),
            ("2*new*min(tensor,4)^-1 + 2*context*min(tensor,4)^-1", "2 (S + C)/min(t,4)"),
            ("2*tensor^-1 + 2*min(tensor,4)^-1", "2 (1/min(t,4) + 1/t)"),
        ] {
            assert_eq!(factored(&form.parse().unwrap()), shown);
        }
    }
}
