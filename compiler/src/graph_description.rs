//! The operator graph as text, for `berth lower --to graph`.
//!
//! One table a phase, one row an operator, costs of one repetition on one device, with the common
//! factor of each form in front: `16384 B S (1 + 7/t)`. Totals count every repetition and are expanded,
//! so that each of their coefficients can be found again.

use crate::form::{Form, Symbol};
use crate::graph::{OperatorGraph, PhaseGraph};
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
    for operator in phase.operators.node_weights() {
        let moved = [("KV", &operator.kv_bytes), ("link", &operator.link_bytes)]
            .into_iter()
            .filter(|(_, form)| !form.is_zero())
            .map(|(what, form)| format!("{what} {}", factored(form)))
            .collect::<Vec<_>>()
            .join(", ");
        let shown = |form: &Form| if form.is_zero() { String::new() } else { factored(form) };
        rows.push([
            operator.name.clone(),
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

    let mut text = format!("{}, {precision}, {name}, on one device of t\n", phase.service);
    text.push_str("B sequences, S new tokens and C cached tokens of each, t tensor degree\n\n");
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
    let _ = writeln!(text, "  {:<26} {}", "parameters on all devices", total.parameters);
    if total.active != total.parameters {
        let _ = writeln!(text, "  {:<26} {}", "of them for one token", total.active);
    }
    let divides = phase.tensor_divides.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    if !divides.is_empty() {
        let _ = writeln!(text, "  {:<26} {divides}", "t divides");
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
    }
}

/// A summand: its coefficient and the exponents of [`Symbol::ALL`].
type Term = (BigRational, [i8; 4]);

/// A form with its common factor in front; for people, the form's own text is what reads back.
fn factored(form: &Form) -> String {
    let terms = terms(form);
    let Some((first, rest)) = terms.split_first() else {
        return "0".to_owned();
    };
    // The power of each symbol that all terms share: of powers of one sign, the one nearest to 0.
    let mut shared = first.1;
    for (_, exponents) in rest {
        for (kept, exponent) in shared.iter_mut().zip(exponents) {
            *kept = if kept.signum() == exponent.signum() {
                if kept.abs() < exponent.abs() { *kept } else { *exponent }
            } else {
                0
            };
        }
    }
    let factor = common_factor(&terms);
    if rest.is_empty() {
        return product(&first.0, &first.1);
    }
    let inner = sum(terms.iter().map(|(coefficient, exponents)| {
        let mut left = *exponents;
        for (exponent, kept) in left.iter_mut().zip(shared) {
            *exponent -= kept;
        }
        (coefficient / &factor, left)
    }));
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

/// A form as it stands.
fn expanded(form: &Form) -> String {
    if form.is_zero() { "0".to_owned() } else { sum(terms(form).into_iter()) }
}

/// `3 B - 2 S + 1`
fn sum(terms: impl Iterator<Item = Term>) -> String {
    let mut sum = String::new();
    for (index, (coefficient, exponents)) in terms.enumerate() {
        match (index, coefficient.is_negative()) {
            (0, false) => {}
            (0, true) => sum.push('-'),
            (_, false) => sum.push_str(" + "),
            (_, true) => sum.push_str(" - "),
        }
        sum.push_str(&product(&coefficient.abs(), &exponents));
    }
    sum
}

/// `16384 B S/t`
fn product(coefficient: &BigRational, exponents: &[i8; 4]) -> String {
    let (over, under) = fraction(exponents);
    let mut factors = Vec::new();
    if !coefficient.is_one() || over.is_empty() {
        factors.push(coefficient.to_string());
    }
    factors.extend(over);
    format!("{}{under}", factors.join(" "))
}

/// Symbols above the line, and those below with a `/` before each.
fn fraction(exponents: &[i8; 4]) -> (Vec<String>, String) {
    let mut over = Vec::new();
    let mut under = String::new();
    for (symbol, exponent) in Symbol::ALL.into_iter().zip(exponents) {
        let power = match exponent.unsigned_abs() {
            0 => continue,
            1 => letter(symbol).to_owned(),
            power => format!("{}^{power}", letter(symbol)),
        };
        if *exponent > 0 {
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

/// The terms of a form, in its order, from its text: that is the form's public shape.
fn terms(form: &Form) -> Vec<Term> {
    if form.is_zero() {
        return Vec::new();
    }
    form.to_string()
        .split(" + ")
        .map(|term| {
            let mut coefficient = BigRational::one();
            let mut exponents = [0; 4];
            for factor in term.split('*') {
                let (base, exponent) = factor.split_once('^').unwrap_or((factor, "1"));
                match Symbol::ALL.into_iter().zip(&mut exponents).find(|(symbol, _)| symbol.name() == base) {
                    Some((_, slot)) => *slot = exponent.parse().unwrap_or(0),
                    None => coefficient *= base.parse().unwrap_or_else(|_| BigRational::one()),
                }
            }
            (coefficient, exponents)
        })
        .collect()
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
        ] {
            assert_eq!(factored(&form.parse().unwrap()), shown);
        }
    }
}
