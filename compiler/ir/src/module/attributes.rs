//! Attributes of foreign operations, read from their text: their dialects are not known here, and MLIR's own
//! accessors hold for exactly one of the forms that exporters write.

use melior::ir::operation::{OperationLike, OperationRef};

/// Longest text of an attribute that is read; dimensions of any operation have a hundredth of it.
const LONGEST: usize = 1 << 16;

/// The text of an attribute, inherent or not.
pub(super) fn text(operation: OperationRef, name: &str) -> Option<String> {
    if !operation.has_attribute(name) {
        return None;
    }
    let text = operation.attribute(name).ok()?.to_string();
    (text.len() <= LONGEST).then_some(text)
}

/// The integers of an attribute: `array<i64: 0, 1>`, `dense<[0, 1]> : tensor<2xi64>`, `[0, 1]`, `0 : i64`. `None` where
/// it is not there; an error where it is something else.
pub(super) fn integers(operation: OperationRef, name: &str) -> Result<Option<Vec<i64>>, String> {
    let Some(text) = text(operation, name) else { return Ok(None) };
    integers_of(&text).map(Some).ok_or_else(|| format!("`{name}` holds whole numbers; here it is `{text}`"))
}

/// Integers of an attribute that must be there.
pub(super) fn needed(operation: OperationRef, name: &str) -> Result<Vec<i64>, String> {
    integers(operation, name)?.ok_or_else(|| format!("it lacks `{name}`"))
}

/// One integer of an attribute that must be there.
pub(super) fn one(operation: OperationRef, name: &str) -> Result<i64, String> {
    match needed(operation, name)?.as_slice() {
        [one] => Ok(*one),
        several => Err(format!("`{name}` is one number; here it has {}", several.len())),
    }
}

/// The integers in the text of an attribute.
pub(super) fn integers_of(text: &str) -> Option<Vec<i64>> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("array<") {
        let rest = rest.strip_suffix('>')?;
        let (_, list) = rest.split_once(':').unwrap_or((rest, ""));
        return list_of(list);
    }
    if let Some(rest) = text.strip_prefix("dense<") {
        let (inner, r#type) = rest.rsplit_once("> : ")?;
        let written = list_of(inner)?;
        let count = tensor_elements(r#type)?;
        // One number stands for all of a tensor.
        return match (written.as_slice(), inner.contains('[')) {
            ([one], false) if count != 1 => Some(vec![*one; usize::try_from(count).ok()?]),
            _ => Some(written),
        };
    }
    let text = text.split(" : ").next()?;
    match text {
        "true" => Some(vec![1]),
        "false" => Some(vec![0]),
        _ => list_of(text),
    }
}

/// `[[0, 1], [2, 3]]`, `0, 1` or nothing.
fn list_of(text: &str) -> Option<Vec<i64>> {
    let mut numbers = Vec::new();
    for word in text.split([',', '[', ']', ' ', '\n']).filter(|word| !word.is_empty()) {
        numbers.push(match word {
            "true" => 1,
            "false" => 0,
            word => word.parse().ok()?,
        });
    }
    Some(numbers)
}

/// Elements of `tensor<2x3xi64>`, if they are few.
fn tensor_elements(r#type: &str) -> Option<u64> {
    let inner = r#type.trim().strip_prefix("tensor<").or_else(|| r#type.trim().strip_prefix("vector<"))?;
    let inner = inner.split(['>', ',']).next()?;
    let mut extents: Vec<&str> = inner.split('x').collect();
    // `index` holds an x of its own.
    if inner.ends_with("index") {
        extents.pop();
    }
    extents.pop();
    let product =
        extents.iter().try_fold(1_u64, |product, extent| product.checked_mul(extent.parse().ok()?))?;
    (product <= super::tensor::MOST_KNOWN).then_some(product)
}

/// The list that an entry of an opaque attribute holds: `offset_dims = [1]` of `#stablehlo.gather<offset_dims = [1], …>`;
/// empty where the entry is not there.
pub(super) fn entry(text: &str, name: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("`{name}` of `{text}` is no list of dimensions");
    let Some(after) = find_entry(text, name) else { return Ok(Vec::new()) };
    let after = after.trim_start();
    let list = match after.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(wrong)?.0,
        None => after.split([',', '>']).next().ok_or_else(wrong)?,
    };
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|_| wrong()))
        .collect()
}

/// What stands after `name =`, where it is a whole word.
fn find_entry<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find(name) {
        let at = from + found;
        let whole = !text[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let after = text[at + name.len()..].trim_start();
        if whole && let Some(value) = after.strip_prefix('=') {
            return Some(value);
        }
        from = at + name.len();
    }
    None
}

/// The dimensions of a convolution: `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Convolution {
    /// Each a name or the number of a spatial dimension.
    pub(super) input: Vec<String>,
    pub(super) kernel: Vec<String>,
    pub(super) output: Vec<String>,
}

impl Convolution {
    /// Reads `#stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>`.
    pub(super) fn read(text: &str) -> Result<Convolution, String> {
        let lists: Vec<Vec<String>> = text
            .split('[')
            .skip(1)
            .filter_map(|part| part.split_once(']'))
            .map(|(list, _)| list.split(',').map(|word| word.trim().to_owned()).collect())
            .collect();
        match <[Vec<String>; 3]>::try_from(lists) {
            Ok([input, kernel, output]) => Ok(Convolution { input, kernel, output }),
            Err(_) => Err(format!(
                "`dimension_numbers` are like `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`; here they are `{text}`"
            )),
        }
    }
}

/// Where a dimension called `name` stands.
pub(super) fn axis(names: &[String], name: &str) -> Result<usize, String> {
    names.iter().position(|known| known == name).ok_or_else(|| format!("no dimension is called `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_every_form_that_exporters_write() {
        for (text, numbers) in [
            ("array<i64>", &[][..]),
            ("array<i64: 1, 2>", &[1, 2]),
            ("dense<[1, -2]> : tensor<2xi64>", &[1, -2]),
            ("dense<[[1, 2], [3, 4]]> : tensor<2x2xi64>", &[1, 2, 3, 4]),
            ("dense<0> : tensor<3xi64>", &[0, 0, 0]),
            ("dense<7> : tensor<i32>", &[7]),
            ("dense<7> : tensor<1xindex>", &[7]),
            ("[0, 1]", &[0, 1]),
            ("5 : i64", &[5]),
            ("true", &[1]),
        ] {
            assert_eq!(integers_of(text).as_deref(), Some(numbers), "{text}");
        }
        for text in [
            "dense<1.5> : tensor<f32>",
            "\"a\"",
            "dense<\"0x00\"> : tensor<9xi64>",
            "dense<1> : tensor<999xi64>",
        ] {
            assert_eq!(integers_of(text), None, "{text}");
        }
    }

    #[test]
    fn entries_of_opaque_attributes() {
        let dot = "#stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0], lhs_contracting_dimensions = []>";
        assert_eq!(entry(dot, "lhs_batching_dimensions"), Ok(vec![0, 1]));
        assert_eq!(entry(dot, "rhs_batching_dimensions"), Ok(vec![0]));
        assert_eq!(entry(dot, "lhs_contracting_dimensions"), Ok(vec![]));
        assert_eq!(entry(dot, "batching_dimensions"), Ok(vec![]));
        let gather = "#stablehlo.gather<offset_dims = [1], start_index_map = [0], index_vector_dim = 1>";
        assert_eq!(entry(gather, "index_vector_dim"), Ok(vec![1]));
        assert!(entry("#x<a = [b]>", "a").is_err());
    }
}
