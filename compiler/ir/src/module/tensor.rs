//! Types and values of a module: extents as forms, elements by their bits, and the integers that say extents.

use berth_compiler::form::Form;
use melior::ir::r#type::{DimSize, RankedTensorType};
use melior::ir::{ShapedTypeLike, Type, TypeLike};
use num_rational::BigRational;
use num_traits::ToPrimitive;

use crate::dialect::MOST_ELEMENTS;

/// Integers of a value are followed while it has at most so many: they say extents.
pub(super) const MOST_KNOWN: u64 = 64;

/// What one element of a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// In memory: a truth value takes a byte.
    pub(super) bits: u64,
    /// Arithmetic on it counts.
    pub(super) float: bool,
}

impl Element {
    /// The element called `name`: `f32`, `bf16`, `f8E4M3FN`, `i4`, `ui8`, `index`, `complex<f32>`, or a quantised
    /// one, `!quant.uniform<i8:f32, 0.1>`, of which the stored integer counts.
    pub(super) fn named(name: &str) -> Option<Element> {
        if let Some(inner) = name.strip_prefix("complex<").and_then(|rest| rest.strip_suffix('>')) {
            let part = Element::named(inner)?;
            return Some(Element { bits: 2 * part.bits, ..part });
        }
        if let Some(stored) = name.strip_prefix("!quant.").and_then(|rest| rest.split_once('<')) {
            let stored = stored.1.split([':', '<', ',', '>']).next()?;
            let bits = stored.strip_prefix('i').or_else(|| stored.strip_prefix('u'))?.parse().ok()?;
            return sized(bits, true);
        }
        if name == "index" {
            return Some(Element { bits: 64, float: false });
        }
        let digits =
            |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|bits| bits.parse().ok());
        if let Some(rest) = name.strip_prefix("bf").or_else(|| name.strip_prefix("tf")) {
            return sized(digits(rest)?, true);
        }
        if let Some(rest) = name.strip_prefix('f') {
            return sized(digits(rest)?, true);
        }
        let integer = ["si", "ui", "i"].into_iter().find_map(|prefix| name.strip_prefix(prefix))?;
        if !integer.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        sized(digits(integer)?, false)
    }

    /// Bytes of so many.
    pub(super) fn bytes_of(self, elements: Form) -> Form {
        elements * Form::constant(BigRational::new(self.bits.into(), 8.into()))
    }
}

fn sized(bits: u64, float: bool) -> Option<Element> {
    match bits {
        1 => Some(Element { bits: 8, float }),
        2..=65_536 => Some(Element { bits, float }),
        _ => None,
    }
}

/// A type that a value can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Extents, where they are known, and the element.
    Tensor(Vec<Option<u64>>, Element),
    /// A number outside any tensor.
    Scalar(Element),
    /// A token, a tuple, a shape: it moves nothing that is counted.
    Other,
}

/// What `type` is.
///
/// # Errors
/// A tensor of elements whose size is not known, or of more than are counted.
pub(super) fn sort(r#type: Type) -> Result<Sort, String> {
    if !r#type.is_ranked_tensor() {
        return Ok(match Element::named(&r#type.to_string()) {
            Some(element) => Sort::Scalar(element),
            None if r#type.is_unranked_tensor() => {
                return Err(format!("`{type}` does not say how many dimensions it has"));
            }
            None => Sort::Other,
        });
    }
    let Ok(tensor) = RankedTensorType::try_from(r#type) else { return Ok(Sort::Other) };
    let mut extents = Vec::with_capacity(tensor.rank());
    for index in 0..tensor.rank() {
        extents.push(match tensor.dim_size(index) {
            Ok(DimSize::Static(extent)) => Some(extent),
            _ => None,
        });
    }
    let known = extents.iter().flatten().try_fold(1_u64, |product, extent| match extent {
        // An empty tensor has none, whatever its other extents are.
        0 => Some(product),
        _ => product.checked_mul(*extent),
    });
    if known.is_none_or(|elements| elements > MOST_ELEMENTS) {
        return Err(format!(
            "`{type}` has more than 2^62 elements: mend a dimension, or make several tensors of it"
        ));
    }
    let element = tensor.element().to_string();
    match Element::named(&element) {
        Some(element) => Ok(Sort::Tensor(extents, element)),
        None => Err(format!("the size of an element `{element}` is not known")),
    }
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// Of a tensor; none of anything else.
    pub(super) shape: Vec<Form>,
    pub(super) element: Element,
    /// Bytes that whoever takes it reads: those that a view looks at, 0 of what is computed on the way.
    pub(super) read: Form,
    /// It comes from the module's weights as they are.
    pub(super) weight: bool,
    /// Its integers, where all are known.
    pub(super) known: Option<Vec<Form>>,
    /// The operators that it comes from.
    pub(super) producers: Vec<usize>,
    /// Something was wrong with what it comes from, and was said.
    pub(super) poisoned: bool,
}

impl Value {
    pub(super) fn elements(&self) -> Form {
        product(&self.shape)
    }

    pub(super) fn bytes(&self) -> Form {
        self.element.bytes_of(self.elements())
    }

    /// The extent of a dimension.
    pub(super) fn extent(&self, axis: usize) -> Result<Form, String> {
        self.shape
            .get(axis)
            .cloned()
            .ok_or_else(|| format!("it names dimension {axis} of a value of {} dimensions", self.shape.len()))
    }

    /// Its one integer.
    pub(super) fn number(&self) -> Option<&Form> {
        match self.known.as_deref() {
            Some([number]) => Some(number),
            _ => None,
        }
    }
}

pub(super) fn product(extents: &[Form]) -> Form {
    extents.iter().fold(Form::integer(1), |product, extent| product * extent.clone())
}

/// The number that a form is, where it depends on nothing.
pub(super) fn constant(form: &Form) -> Option<i64> {
    let zero = form.evaluate_exactly(|_| 1)?;
    (*form == Form::constant(zero.clone()) && zero.is_integer()).then(|| zero.to_integer().to_i64())?
}

/// `left - right`
pub(super) fn minus(left: Form, right: Form) -> Form {
    left + right * Form::constant(BigRational::from_integer((-1).into()))
}

/// A signed number.
pub(super) fn integer(value: i64) -> Form {
    Form::constant(BigRational::from_integer(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_by_their_names() {
        let bits = |name: &str| Element::named(name).map(|element| (element.bits, element.float));
        assert_eq!(bits("f32"), Some((32, true)));
        assert_eq!(bits("bf16"), Some((16, true)));
        assert_eq!(bits("f8E4M3FN"), Some((8, true)));
        assert_eq!(bits("f4E2M1FN"), Some((4, true)));
        assert_eq!(bits("i1"), Some((8, false)));
        assert_eq!(bits("i4"), Some((4, false)));
        assert_eq!(bits("ui8"), Some((8, false)));
        assert_eq!(bits("index"), Some((64, false)));
        assert_eq!(bits("complex<f32>"), Some((64, true)));
        assert_eq!(bits("!quant.uniform<i8:f32, 1.0>"), Some((8, true)));
        assert_eq!(bits("!quant.uniform<u4<0:15>:f32, 1.0>"), Some((4, true)));
        for strange in
            ["", "f", "i", "i0", "i99999999999999999999", "fn", "int", "!torch.vtensor<[1],f32>", "none"]
        {
            assert_eq!(bits(strange), None, "{strange}");
        }
    }
}
