//! Cost forms: what an operator costs, as an exact expression over what a candidate binds.
//!
//! A form is a Laurent polynomial with rational coefficients: every FLOP, byte and link count of a
//! sharded operator is one, two forms are equal exactly when their canonical terms are, and a form
//! reads back from its text unchanged. `2*sequences*new*8192*28672*tensor^-1` is a matmul.

use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use std::collections::BTreeMap;
use std::fmt;

/// What a candidate binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// Sequences processed together.
    Sequences,
    /// New tokens of each sequence in this pass: the prompt in prefill, 1 in decode.
    New,
    /// Tokens of each sequence in the cache: before this pass in prefill; in decode, with the new one.
    Context,
    /// Tensor-parallel degree.
    Tensor,
}

impl Symbol {
    /// Every symbol, in printing order.
    pub const ALL: [Symbol; 4] = [Symbol::Sequences, Symbol::New, Symbol::Context, Symbol::Tensor];

    /// Its name in a form's text.
    pub fn name(self) -> &'static str {
        match self {
            Symbol::Sequences => "sequences",
            Symbol::New => "new",
            Symbol::Context => "context",
            Symbol::Tensor => "tensor",
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
    /// See [`Symbol::Tensor`].
    pub tensor: f64,
}

impl Binding {
    fn get(&self, symbol: Symbol) -> f64 {
        match symbol {
            Symbol::Sequences => self.sequences,
            Symbol::New => self.new,
            Symbol::Context => self.context,
            Symbol::Tensor => self.tensor,
        }
    }
}

/// Exponents of [`Symbol::ALL`], in that order.
type Exponents = [i8; 4];

/// A Laurent polynomial over [`Symbol`]s.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Form {
    terms: BTreeMap<Exponents, BigRational>,
}

impl Form {
    /// The constant `value`.
    pub fn constant(value: impl Into<BigRational>) -> Self {
        let mut terms = BTreeMap::new();
        let value = value.into();
        if !value.is_zero() {
            terms.insert([0; 4], value);
        }
        Self { terms }
    }

    /// The constant `value`.
    pub fn integer(value: u64) -> Self {
        Self::constant(BigRational::from_integer(value.into()))
    }

    /// `symbol ^ exponent`
    pub fn symbol(symbol: Symbol, exponent: i8) -> Self {
        let mut exponents = [0; 4];
        exponents[symbol as usize] = exponent;
        Self { terms: BTreeMap::from([(exponents, BigRational::one())]) }
    }

    /// No terms.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its value at `binding`.
    pub fn evaluate(&self, binding: &Binding) -> f64 {
        self.terms
            .iter()
            .map(|(exponents, coefficient)| {
                Symbol::ALL
                    .iter()
                    .zip(exponents)
                    .fold(coefficient.to_f64().unwrap_or(f64::NAN), |product, (symbol, exponent)| {
                        product * binding.get(*symbol).powi(i32::from(*exponent))
                    })
            })
            .sum()
    }

    /// Its exact value where every symbol is an integer; `None` where a divisor is 0.
    pub fn evaluate_exactly(&self, value: impl Fn(Symbol) -> u64) -> Option<BigRational> {
        let mut sum = BigRational::zero();
        for (exponents, coefficient) in &self.terms {
            let mut product = coefficient.clone();
            for (symbol, exponent) in Symbol::ALL.iter().zip(exponents) {
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
        for (exponents, coefficient) in other.terms {
            let sum = self.terms.entry(exponents).or_insert_with(BigRational::zero);
            *sum += coefficient;
            if sum.is_zero() {
                self.terms.remove(&exponents);
            }
        }
        self
    }
}

impl std::ops::Mul for Form {
    type Output = Form;

    fn mul(self, other: Form) -> Form {
        let mut product = Form::default();
        for (left_exponents, left) in &self.terms {
            for (right_exponents, right) in &other.terms {
                let mut exponents = *left_exponents;
                for (exponent, more) in exponents.iter_mut().zip(right_exponents) {
                    *exponent = exponent.saturating_add(*more);
                }
                product = product + Form { terms: BTreeMap::from([(exponents, left * right)]) };
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
        for (index, (exponents, coefficient)) in self.terms.iter().rev().enumerate() {
            if index > 0 {
                formatter.write_str(" + ")?;
            }
            let mut factors = Vec::new();
            if !coefficient.is_one() || exponents == &[0; 4] {
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
            Symbol::Context => 0,
            Symbol::Tensor => 8,
        });
        // 32768 * 15 * 7/8
        assert_eq!(exact, Some(BigRational::from_integer(430_080.into())));
        let binding = Binding { sequences: 3.0, new: 5.0, context: 0.0, tensor: 8.0 };
        assert_eq!(form.evaluate(&binding), 430_080.0);
    }
}
