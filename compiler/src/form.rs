//! Cost forms: what an operator costs, as an exact expression over what a candidate binds.
//!
//! A form is a Laurent polynomial with rational coefficients: every FLOP, byte and link count of a
//! sharded operator is one, two forms are equal exactly when their canonical terms are, and a form
//! reads back from its text unchanged. `2*sequences*new*8192*28672*tensor^-1` is a matmul.

use crate::degrees::Degrees;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use std::fmt;

/// What a candidate binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// Sequences that each data-parallel group processes together.
    Sequences,
    /// New tokens of each sequence in this pass: the prompt in prefill, 1 in decode.
    New,
    /// Tokens of each sequence in the cache: before this pass in prefill; in decode, with the new one.
    Context,
    /// Tensor-parallel degree.
    Tensor,
    /// Pipeline stages.
    Pipeline,
    /// Groups of devices that the experts are divided among.
    Expert,
    /// Groups of devices, each with sequences of its own.
    Data,
    /// Devices that the tokens of one sequence are divided among.
    ContextDegree,
}

/// How many symbols there are.
pub const SYMBOLS: usize = 8;

impl Symbol {
    /// Every symbol, in printing order.
    pub const ALL: [Symbol; SYMBOLS] = [
        Symbol::Sequences,
        Symbol::New,
        Symbol::Context,
        Symbol::Tensor,
        Symbol::Pipeline,
        Symbol::Expert,
        Symbol::Data,
        Symbol::ContextDegree,
    ];

    /// Its name in a form's text.
    pub fn name(self) -> &'static str {
        match self {
            Symbol::Sequences => "sequences",
            Symbol::New => "new",
            Symbol::Context => "context",
            Symbol::Tensor => "tensor",
            Symbol::Pipeline => "pipeline",
            Symbol::Expert => "expert",
            Symbol::Data => "data",
            Symbol::ContextDegree => "context_degree",
        }
    }
}

/// The values of all symbols.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// See [`Symbol::Sequences`].
    pub sequences: f64,
    /// See [`Symbol::New`].
    pub new: f64,
    /// See [`Symbol::Context`].
    pub context: f64,
    /// Of every parallel axis.
    pub degrees: Degrees,
}

impl Binding {
    /// In the order of [`Symbol::ALL`].
    fn values(&self) -> [f64; SYMBOLS] {
        let Degrees { tensor, pipeline, expert, data, context } = self.degrees;
        let [tensor, pipeline, expert, data, ring] =
            [tensor, pipeline, expert, data, context].map(|degree| degree as f64);
        [self.sequences, self.new, self.context, tensor, pipeline, expert, data, ring]
    }
}

/// Exponents of [`Symbol::ALL`], in that order.
pub type Exponents = [i8; SYMBOLS];

/// A Laurent polynomial over [`Symbol`]s.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Form {
    /// In ascending order of their exponents, no two alike, no coefficient 0.
    terms: Vec<Term>,
}

/// A coefficient and the powers it is multiplied with.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    exponents: Exponents,
    coefficient: BigRational,
    /// The coefficient as evaluation in floating point takes it: converting costs more than all the rest.
    rounded: f64,
}

impl Term {
    fn new(exponents: Exponents, coefficient: BigRational) -> Self {
        let rounded = coefficient.to_f64().unwrap_or(f64::NAN);
        Self { exponents, coefficient, rounded }
    }
}

// A rounded coefficient follows from the exact one, which is what makes two terms equal.
impl Eq for Form {}

impl Form {
    /// The constant `value`.
    pub fn constant(value: impl Into<BigRational>) -> Self {
        let value = value.into();
        if value.is_zero() { Self::default() } else { Self { terms: vec![Term::new([0; SYMBOLS], value)] } }
    }

    /// The constant `value`.
    pub fn integer(value: u64) -> Self {
        Self::constant(BigRational::from_integer(value.into()))
    }

    /// `symbol ^ exponent`
    pub fn symbol(symbol: Symbol, exponent: i8) -> Self {
        let mut exponents = [0; SYMBOLS];
        exponents[symbol as usize] = exponent;
        Self { terms: vec![Term::new(exponents, BigRational::one())] }
    }

    /// No terms.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its terms, highest powers first.
    pub fn terms(&self) -> impl Iterator<Item = (&BigRational, &Exponents)> {
        self.terms.iter().rev().map(|term| (&term.coefficient, &term.exponents))
    }

    /// What is left of it once these degrees are bound.
    pub fn with_degrees(&self, degrees: &Degrees) -> Form {
        let Degrees { tensor, pipeline, expert, data, context } = *degrees;
        let mut bound = Form::default();
        for term in &self.terms {
            let (mut exponents, mut coefficient) = (term.exponents, term.coefficient.clone());
            for (symbol, degree) in [
                (Symbol::Tensor, tensor),
                (Symbol::Pipeline, pipeline),
                (Symbol::Expert, expert),
                (Symbol::Data, data),
                (Symbol::ContextDegree, context),
            ] {
                // A degree is at least 1.
                let degree = BigRational::from_integer(degree.max(1).into());
                let exponent = std::mem::take(&mut exponents[symbol as usize]);
                coefficient *= degree.pow(i32::from(exponent));
            }
            bound = bound + Form { terms: vec![Term::new(exponents, coefficient)] };
        }
        bound
    }

    /// Its value at `binding`.
    pub fn evaluate(&self, binding: &Binding) -> f64 {
        let values = binding.values();
        let mut sum = 0.0;
        for term in &self.terms {
            let (mut over, mut under) = (term.rounded, 1.0);
            for (value, exponent) in values.iter().zip(&term.exponents) {
                match exponent {
                    0 => {}
                    1 => over *= value,
                    -1 => under *= value,
                    exponent if *exponent > 0 => over *= value.powi(i32::from(*exponent)),
                    exponent => under *= value.powi(-i32::from(*exponent)),
                }
            }
            sum += over / under;
        }
        sum
    }

    /// Its exact value where every symbol is an integer; `None` where a divisor is 0.
    pub fn evaluate_exactly(&self, value: impl Fn(Symbol) -> u64) -> Option<BigRational> {
        let mut sum = BigRational::zero();
        for term in &self.terms {
            let mut product = term.coefficient.clone();
            for (symbol, exponent) in Symbol::ALL.iter().zip(&term.exponents) {
                let base = BigRational::from_integer(value(*symbol).into());
                if base.is_zero() && *exponent < 0 {
                    return None;
                }
                product *= base.pow(i32::from(*exponent));
            }
            sum += product;
        }
        Some(sum)
    }
}

impl std::ops::Add for Form {
    type Output = Form;

    fn add(mut self, other: Form) -> Form {
        for term in other.terms {
            match self.terms.binary_search_by(|own| own.exponents.cmp(&term.exponents)) {
                Err(at) => self.terms.insert(at, term),
                Ok(at) => {
                    let sum = &self.terms[at].coefficient + term.coefficient;
                    if sum.is_zero() {
                        self.terms.remove(at);
                    } else {
                        self.terms[at] = Term::new(term.exponents, sum);
                    }
                }
            }
        }
        self
    }
}

impl std::ops::Mul for Form {
    type Output = Form;

    fn mul(self, other: Form) -> Form {
        let mut product = Form::default();
        for left in &self.terms {
            for right in &other.terms {
                let mut exponents = left.exponents;
                for (exponent, more) in exponents.iter_mut().zip(right.exponents) {
                    *exponent = exponent.saturating_add(more);
                }
                let coefficient = &left.coefficient * &right.coefficient;
                product = product + Form { terms: vec![Term::new(exponents, coefficient)] };
            }
        }
        product
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return formatter.write_str("0");
        }
        // Highest powers first, as a person would write them.
        for (index, (coefficient, exponents)) in self.terms().enumerate() {
            if index > 0 {
                formatter.write_str(" + ")?;
            }
            let mut factors = Vec::new();
            if !coefficient.is_one() || exponents == &[0; SYMBOLS] {
                factors.push(coefficient.to_string());
            }
            for (symbol, exponent) in Symbol::ALL.iter().zip(exponents) {
                match exponent {
                    0 => {}
                    1 => factors.push(symbol.name().to_owned()),
                    _ => factors.push(format!("{}^{exponent}", symbol.name())),
                }
            }
            formatter.write_str(&factors.join("*"))?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut form = Form::default();
        for term in text.split(" + ") {
            let mut product = Form::integer(1);
            for factor in term.split('*') {
                let factor = factor.trim();
                let (base, exponent) = match factor.split_once('^') {
                    Some((base, exponent)) => {
                        (base, exponent.parse::<i8>().map_err(|_| format!("`{exponent}` is no exponent"))?)
                    }
                    None => (factor, 1),
                };
                let symbol = Symbol::ALL.into_iter().find(|symbol| symbol.name() == base);
                product = product
                    * match symbol {
                        Some(symbol) => Form::symbol(symbol, exponent),
                        None if exponent == 1 => Form::constant(
                            base.parse::<BigRational>()
                                .map_err(|_| format!("`{base}` is neither a number nor a symbol"))?,
                        ),
                        None => return Err(format!("`{factor}` raises a number to a power")),
                    };
            }
            form = form + product;
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_back_from_its_text() {
        let tokens = Form::symbol(Symbol::Sequences, 1) * Form::symbol(Symbol::New, 1);
        let ring = Form::integer(2)
            + Form::constant(BigRational::from_integer((-2).into())) * Form::symbol(Symbol::Tensor, -1);
        let form =
            tokens * ring * Form::integer(16_384) + Form::constant(BigRational::new(1.into(), 3.into()));
        let text = form.to_string();
        assert_eq!(text, "32768*sequences*new + -32768*sequences*new*tensor^-1 + 1/3");
        assert_eq!(text.parse::<Form>(), Ok(form));
        assert_eq!("0".parse::<Form>(), Ok(Form::default()));
    }

    #[test]
    fn a_form_is_evaluated_exactly_and_in_floating_point() {
        let form: Form = "32768*sequences*new + -32768*sequences*new*tensor^-1".parse().unwrap();
        let exact = form.evaluate_exactly(|symbol| match symbol {
            Symbol::Sequences => 3,
            Symbol::New => 5,
            Symbol::Tensor => 8,
            _ => 0,
        });
        // 32768 * 15 * 7/8
        assert_eq!(exact, Some(BigRational::from_integer(430_080.into())));
        let binding = Binding { sequences: 3.0, new: 5.0, context: 0.0, degrees: Degrees::of_tensor(8) };
        assert_eq!(form.evaluate(&binding), 430_080.0);
    }
}
