//! Attributes and types that are tensors: weights, their scales, and what an activation holds.

use super::super::{Element, Keys, MOST_ELEMENTS, MOST_ROWS, Scales, Weight};
use super::Attributes;
use melior::ir::operation::OperationLike;
use melior::ir::r#type::{DimSize, RankedTensorType};
use melior::ir::{ShapedTypeLike, Type, TypeLike};

impl<'c> Attributes<'c, '_> {
    pub(super) fn weight(&mut self, rank: usize) -> Option<Weight> {
        let example = match rank {
            1 => "tensor<8192xbf16>",
            2 => "tensor<8192x1024xbf16>",
            _ => "tensor<8x8192x1024xbf16>",
        };
        let (dimensions, element) = self.tensor("weight", rank, example)?;
        let element = self.element(Element::of_weight(element), "weight")?;
        Some(Weight { dimensions, element, scales: None })
    }

    /// A weight that is multiplied, with the scales of its numbers where it has some.
    pub(super) fn factor(&mut self, rank: usize) -> Option<Weight> {
        let weight = self.weight(rank);
        if !self.operation.has_attribute("scales") {
            return weight;
        }
        let example = if rank == 2 { "tensor<64x1024xf16>" } else { "tensor<8x64x1024xf16>" };
        let (dimensions, element) = self.tensor("scales", rank, example)?;
        let element = self.element(Element::of_scales(element), "scales")?;
        let weight = weight?;
        let scales = Weight { dimensions, element, scales: None };
        let alike = (scales.experts(), scales.columns()) == (weight.experts(), weight.columns());
        if !alike || scales.rows() > weight.rows() {
            self.problem(
                format!(
                    "`scales` has the columns of the weight, {}, and at most a row for each of its {}; here it has {} and {}",
                    weight.columns(),
                    weight.rows(),
                    scales.columns(),
                    scales.rows()
                ),
                "make its last dimension that of the weight, and the one before it how many groups a column has",
            );
            return None;
        }
        Some(Weight { scales: Some(Scales { rows: scales.rows(), element }), ..weight })
    }

    /// Dimensions and element of a tensor all of whose dimensions are known.
    fn tensor(&mut self, name: &str, rank: usize, example: &str) -> Option<(Vec<u64>, Type<'c>)> {
        let r#type = self.r#type(name, example)?;
        if !r#type.is_ranked_tensor() {
            self.problem(
                format!("`{name}` is a tensor, such as {example}; here it is `{type}`"),
                format!("write `{name} = {example}` with its own dimensions"),
            );
            return None;
        }
        let tensor = RankedTensorType::try_from(r#type).ok()?;
        if tensor.rank() != rank {
            self.problem(
                format!("`{name}` has {rank} dimensions, such as {example}; here it is `{type}`"),
                format!(
                    "write as many numbers before the element, each followed by `x`: `{name} = {example}`"
                ),
            );
            return None;
        }
        if !tensor.has_static_shape() {
            self.problem(
                format!(
                    "every dimension of a weight is known; `{type}` leaves one open: bind it, as in {example}"
                ),
                "write a number for each `?`",
            );
            return None;
        }
        let mut dimensions = Vec::with_capacity(rank);
        for index in 0..rank {
            if let Ok(DimSize::Static(size)) = tensor.dim_size(index) {
                dimensions.push(size);
            }
        }
        if dimensions.contains(&0) {
            self.problem(
                format!("no dimension of a weight is 0; `{type}` has one"),
                "write what it is, or delete the operation and let its users take its operand",
            );
            return None;
        }
        let elements = dimensions.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
            self.problem(
                format!("`{type}` has more than 2^62 elements; no machine holds it"),
                "mend a dimension, or make several weights of it",
            );
            return None;
        }
        Some((dimensions, tensor.element()))
    }

    /// The columns of keys and values, where a matrix says which they are.
    pub(super) fn keys(&mut self, weight: &Weight) -> Option<Option<Keys>> {
        let named = ["key_columns", "kv_heads"].map(|name| self.operation.has_attribute(name));
        if named == [false, false] {
            return Some(None);
        }
        let (columns, heads) = (self.positive("key_columns", MOST_ROWS), self.size("kv_heads"));
        let (columns, heads) = (columns?, heads?);
        if columns > weight.columns() || !columns.is_multiple_of(2 * heads) {
            self.problem(
                format!(
                    "`key_columns` are those of the keys and values of {heads} heads, of the {} columns of the weight; \
                     here they are {columns}",
                    weight.columns()
                ),
                format!("write 2 * {heads} * the width of a head, or delete `key_columns` and `kv_heads`"),
            );
            return None;
        }
        Some(Some(Keys { columns, heads }))
    }
}

/// The element of an activation `tensor<?x?xT>`.
pub(crate) fn activation(r#type: Type) -> Result<Element, String> {
    let tensor = RankedTensorType::try_from(r#type).ok().filter(|tensor| {
        tensor.rank() == 2
            && (0..2).all(|index| tensor.dim_size(index).is_ok_and(|size| size == DimSize::Dynamic))
    });
    match tensor {
        Some(tensor) => Element::of_value(tensor.element()),
        None => Err(format!(
            "an activation is `tensor<?x?xT>`, its width follows from the weights; here it is `{type}`"
        )),
    }
}
