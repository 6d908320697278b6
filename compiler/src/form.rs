//! Cost forms: what an operator costs, as an exact expression over what a candidate binds.
//!
//! A form is a Laurent polynomial with rational coefficients: every FLOP, byte and link count of a
//! sharded operator is one, two forms are equal exactly when their canonical terms are, and a form
//! reads back from its text unchanged. `2*sequences*new*8192*28672*tensor^-1` is a matmul.
//!
//! Besides symbols a term may have powers of the lesser of a symbol and a number. `min(tensor,8)` is of what the tensor axis
//! divides into at most so many parts, key and value heads, and holds several times where it has more devices;
//! `min(context,128)` and `min(new+context,128)` are tokens that a window lets through.

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

/// What never exceeds a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtMost {
    /// The tensor degree.
    Tensor(u64),
    /// Tokens in the cache.
    Context(u64),
    /// Those and the new ones.
    Attended(u64),
}

impl AtMost {
    /// What it is the lesser of, each with its value.
    fn parts(self) -> (&'static [Symbol], u64) {
        match self {
            AtMost::Tensor(most) => (&[Symbol::Tensor], most),
            AtMost::Context(most) => (&[Symbol::Context], most),
            AtMost::Attended(most) => (&[Symbol::New, Symbol::Context], most),
        }
    }

    /// As text, with these names of symbols.
    pub fn written(self, name: impl Fn(Symbol) -> &'static str) -> String {
        let (symbols, most) = self.parts();
        let names: Vec<_> = symbols.iter().map(|symbol| name(*symbol)).collect();
        format!("min({},{most})", names.join("+"))
    }

    /// Of its own text.
    fn read(text: &str) -> Option<Self> {
        let (of, most) = text.strip_prefix("min(")?.strip_suffix(')')?.rsplit_once(',')?;
        let most = most.parse().ok()?;
        match of {
            "tensor" => Some(AtMost::Tensor(most)),
            "context" => Some(AtMost::Context(most)),
            "new+context" => Some(AtMost::Attended(most)),
            _ => None,
        }
    }
}

/// What the coefficient of a term is multiplied with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Powers {
    /// Exponents of [`Symbol::ALL`], in that order.
    pub symbols: [i8; SYMBOLS],
    /// Exponents of what never exceeds a number, in ascending order of that; none is 0.
    pub at_most: Vec<(AtMost, i8)>,
}

impl Powers {
    fn of(symbol: Symbol, exponent: i8) -> Self {
        let mut powers = Powers::default();
        powers.symbols[symbol as usize] = exponent;
        powers
    }

    /// Of a term that is a plain number.
    pub fn is_none(&self) -> bool {
        self.at_most.is_empty() && self.symbols == [0; SYMBOLS]
    }

    /// What is left once `other` is divided out.
    pub fn over(&self, other: &Powers) -> Powers {
        let negated = |exponent: i8| exponent.saturating_neg();
        let inverse = Powers {
            symbols: other.symbols.map(negated),
            at_most: other.at_most.iter().map(|(most, exponent)| (*most, negated(*exponent))).collect(),
        };
        self.times(&inverse)
    }

    fn times(&self, other: &Powers) -> Powers {
        let mut product = self.clone();
        for (exponent, more) in product.symbols.iter_mut().zip(other.symbols) {
            *exponent = exponent.saturating_add(more);
        }
        for (most, more) in &other.at_most {
            match product.at_most.binary_search_by_key(most, |(most, _)| *most) {
                Err(at) => product.at_most.insert(at, (*most, *more)),
                Ok(at) => {
                    let sum = product.at_most[at].1.saturating_add(*more);
                    if sum == 0 {
                        product.at_most.remove(at);
                    } else {
                        product.at_most[at].1 = sum;
                    }
                }
            }
        }
        product
    }
}

/// A Laurent polynomial over [`Symbol`]s.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Form {
    /// In ascending order of their powers, no two alike, no coefficient 0.
    terms: Vec<Term>,
}

/// A coefficient and the powers it is multiplied with.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    powers: Powers,
    coefficient: BigRational,
    /// The coefficient as evaluation in floating point takes it: converting costs more than all the rest.
    rounded: f64,
}

impl Term {
    fn new(powers: Powers, coefficient: BigRational) -> Self {
        let rounded = coefficient.to_f64().unwrap_or(f64::NAN);
        Self { powers, coefficient, rounded }
    }
}

// A rounded coefficient follows from the exact one, which is what makes two terms equal.
impl Eq for Form {}

impl Form {
    /// The constant `value`.
    pub fn constant(value: impl Into<BigRational>) -> Self {
        let value = value.into();
        if value.is_zero() {
            Self::default()
        } else {
            Self { terms: vec![Term::new(Powers::default(), value)] }
        }
    }

    /// The constant `value`.
    pub fn integer(value: u64) -> Self {
        Self::constant(BigRational::from_integer(value.into()))
    }

    /// `symbol ^ exponent`
    pub fn symbol(symbol: Symbol, exponent: i8) -> Self {
        Self { terms: vec![Term::new(Powers::of(symbol, exponent), BigRational::one())] }
    }

    /// The tensor degree or `most`, whichever is less, to a power.
    pub fn tensor_at_most(most: u64, exponent: i8) -> Self {
        Self::at_most(AtMost::Tensor(most), exponent)
    }

    /// What never exceeds a number, to a power.
    pub fn at_most(most: AtMost, exponent: i8) -> Self {
        let at_most = if exponent == 0 { Vec::new() } else { vec![(most, exponent)] };
        let powers = Powers { at_most, ..Powers::default() };
        Self { terms: vec![Term::new(powers, BigRational::one())] }
    }

    /// No terms.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its terms, highest powers first.
    pub fn terms(&self) -> impl Iterator<Item = (&BigRational, &Powers)> {
        self.terms.iter().rev().map(|term| (&term.coefficient, &term.powers))
    }

    /// What is left of it once these degrees are bound.
    pub fn with_degrees(&self, degrees: &Degrees) -> Form {
        let Degrees { tensor, pipeline, expert, data, context } = *degrees;
        let mut bound = Form::default();
        for term in &self.terms {
            let (mut symbols, mut coefficient) = (term.powers.symbols, term.coefficient.clone());
            // A degree is at least 1.
            let whole = |degree: u64| BigRational::from_integer(degree.max(1).into());
            let mut at_most = Vec::new();
            for (most, exponent) in &term.powers.at_most {
                match most {
                    AtMost::Tensor(most) => {
                        coefficient *= whole(tensor.min(*most)).pow(i32::from(*exponent));
                    }
                    AtMost::Context(_) | AtMost::Attended(_) => at_most.push((*most, *exponent)),
                }
            }
            for (symbol, degree) in [
                (Symbol::Tensor, tensor),
                (Symbol::Pipeline, pipeline),
                (Symbol::Expert, expert),
                (Symbol::Data, data),
                (Symbol::ContextDegree, context),
            ] {
                let exponent = std::mem::take(&mut symbols[symbol as usize]);
                coefficient *= whole(degree).pow(i32::from(exponent));
            }
            let powers = Powers { symbols, at_most };
            bound = bound + Form { terms: vec![Term::new(powers, coefficient)] };
        }
        bound
    }

    /// Its value at `binding`.
    pub fn evaluate(&self, binding: &Binding) -> f64 {
        let values = binding.values();
        let mut sum = 0.0;
        for term in &self.terms {
            let (mut over, mut under) = (term.rounded, 1.0);
            let mut raise = |value: f64, exponent: i8| match exponent {
                0 => {}
                1 => over *= value,
                -1 => under *= value,
                exponent if exponent > 0 => over *= value.powi(i32::from(exponent)),
                exponent => under *= value.powi(-i32::from(exponent)),
            };
            for (value, exponent) in values.iter().zip(&term.powers.symbols) {
                raise(*value, *exponent);
            }
            for (most, exponent) in &term.powers.at_most {
                let (symbols, most) = most.parts();
                let of: f64 = symbols.iter().filter_map(|symbol| values.get(*symbol as usize)).sum();
                raise(of.min(most as f64), *exponent);
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
            let symbols = Symbol::ALL.iter().map(|symbol| value(*symbol)).zip(term.powers.symbols);
            let at_most = &term.powers.at_most;
            let at_most = at_most.iter().map(|(most, exponent)| {
                let (symbols, most) = most.parts();
                let of = symbols.iter().fold(0_u64, |sum, symbol| sum.saturating_add(value(*symbol)));
                (of.min(most), *exponent)
            });
            for (base, exponent) in symbols.chain(at_most) {
                if base == 0 && exponent < 0 {
                    return None;
                }
                product *= BigRational::from_integer(base.into()).pow(i32::from(exponent));
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
            match self.terms.binary_search_by(|own| own.powers.cmp(&term.powers)) {
                Err(at) => self.terms.insert(at, term),
                Ok(at) => {
                    let sum = &self.terms[at].coefficient + term.coefficient;
                    if sum.is_zero() {
                        self.terms.remove(at);
                    } else {
                        self.terms[at] = Term::new(term.powers, sum);
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
                let coefficient = &left.coefficient * &right.coefficient;
                let powers = left.powers.times(&right.powers);
                product = product + Form { terms: vec![Term::new(powers, coefficient)] };
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
        for (index, (coefficient, powers)) in self.terms().enumerate() {
            if index > 0 {
                formatter.write_str(" + ")?;
            }
            let mut factors = Vec::new();
            if !coefficient.is_one() || powers.is_none() {
                factors.push(coefficient.to_string());
            }
            let symbols = Symbol::ALL.iter().map(|symbol| symbol.name().to_owned()).zip(powers.symbols);
            let at_most = powers.at_most.iter();
            let at_most = at_most.map(|(most, exponent)| (most.written(Symbol::name), *exponent));
            for (base, exponent) in symbols.chain(at_most) {
                match exponent {
                    0 => {}
                    1 => factors.push(base),
                    _ => factors.push(format!("{base}^{exponent}")),
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
                    * match (symbol, AtMost::read(base)) {
                        (Some(symbol), _) => Form::symbol(symbol, exponent),
                        (None, Some(most)) => Form::at_most(most, exponent),
                        (None, None) if exponent == 1 => Form::constant(
                            base.parse::<BigRational>()
                                .map_err(|_| format!("`{base}` is neither a number nor a symbol"))?,
                        ),
                        (None, None) => return Err(format!("`{factor}` raises a number to a power")),
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
    fn a_part_that_the_tensor_axis_divides_so_far() {
        let cached = Form::integer(1_024) * Form::tensor_at_most(4, -1);
        let form = cached.clone() * Form::symbol(Symbol::Context, 1) + Form::symbol(Symbol::Tensor, -1);
        let text = form.to_string();
        assert_eq!(text, "1024*context*min(tensor,4)^-1 + tensor^-1");
        assert_eq!(text.parse::<Form>(), Ok(form));
        assert_eq!(cached.clone() * Form::tensor_at_most(4, 1), Form::integer(1_024));
        for (tensor, bytes) in [(1, 1_024), (2, 512), (4, 256), (8, 256), (64, 256)] {
            let degrees = Degrees::of_tensor(tensor);
            let binding = Binding { sequences: 1.0, new: 1.0, context: 0.0, degrees };
            assert_eq!(cached.evaluate(&binding), bytes as f64);
            assert_eq!(cached.with_degrees(&degrees), Form::integer(bytes));
            let exact = cached.evaluate_exactly(|_| tensor);
            assert_eq!(exact, Some(BigRational::from_integer(bytes.into())));
        }
    }

    #[test]
    fn tokens_that_a_window_lets_through() {
        let (before, after) = (AtMost::Context(128), AtMost::Attended(128));
        let form = Form::integer(3) * Form::at_most(after, 2) + Form::at_most(before, 1);
        let text = form.to_string();
        assert_eq!(text, "3*min(new+context,128)^2 + min(context,128)");
        assert_eq!(text.parse::<Form>(), Ok(form.clone()));
        for (new, context, value) in [(100, 0, 30_000), (100, 100, 49_252), (1, 500, 49_280)] {
            let degrees = Degrees::of_tensor(1);
            let binding = Binding { sequences: 1.0, new: new as f64, context: context as f64, degrees };
            assert_eq!(form.evaluate(&binding), value as f64);
            assert_eq!(form.with_degrees(&degrees), form);
            let exact = form.evaluate_exactly(|symbol| match symbol {
                Symbol::New => new,
                Symbol::Context => context,
                _ => 1,
            });
            assert_eq!(exact, Some(BigRational::from_integer(value.into())));
        }
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
